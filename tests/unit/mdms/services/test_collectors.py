"""How collectors are: every view says the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock
from zoneinfo import ZoneInfo

from mdms.domain.collectors import CollectorState
from mdms.services.board import BoardService
from mdms.services.collectors import CollectorService
from tests.fakes import FakeClock
from tests.messages import NOON

HEARD_AT = NOON - timedelta(minutes=21)
SILENT = CollectorState(
    collector_id=1, online=True, alive_at=HEARD_AT, changed_at=NOON - timedelta(days=20)
)
STATES = {
    1: SILENT,
    2: replace(SILENT, collector_id=2, alive_at=NOON),
    3: replace(SILENT, collector_id=3, online=False, reason="lwt"),
}
NAMES = {1: "north", 2: "south", 3: "east", 4: "west"}


def row(collector_id: int) -> dict[str, Any]:
    state = STATES.get(collector_id)
    return {
        "name": NAMES[collector_id],
        "online": state and state.online,
        "alive_at": state and state.alive_at,
        "batch_received_at": None,
    }


@asynccontextmanager
async def unit_of_work() -> AsyncIterator[Any]:
    yield SimpleNamespace(
        collectors=SimpleNamespace(
            names=AsyncMock(return_value=NAMES), states=AsyncMock(return_value=STATES)
        ),
        messages=SimpleNamespace(sequences=AsyncMock(return_value=[])),
        board=SimpleNamespace(figures=AsyncMock(return_value={"collectors": [*map(row, NAMES)]})),
    )


async def test_the_list_and_the_board_agree():
    clock = FakeClock(NOON)
    listed = await CollectorService(unit_of_work, clock).listed()
    board = await BoardService(unit_of_work, clock, ZoneInfo("UTC"), "cpau").day()

    said = [each["condition"] for each in listed]
    assert said == ["stale", "online", "offline", "unheard"]
    assert [each["condition"] for each in board["collectors"]] == said


async def test_a_silent_collector_is_stale_since_it_was_last_heard():
    silent, there, *_ = await CollectorService(unit_of_work, FakeClock(NOON)).listed()

    assert (silent["since"], silent["silent_s"]) == (HEARD_AT.isoformat(), 21 * 60)
    assert there["since"] == SILENT.changed_at.isoformat()
