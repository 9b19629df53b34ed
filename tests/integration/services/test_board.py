"""A day's board, from what is stored."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mdms.domain.errors import UsageError
from mdms.domain.readings import Source
from mdms.ports.vee import VeeException, VeeRun
from mdms.services.board import BoardService
from mdms.services.service_levels import ServiceLevelService
from tests.fakes import FakeClock
from tests.integration.services.test_service_levels import (
    DAY,
    NEXT_MORNING,
    PACIFIC,
    channels,
    judge,
    judged,
    receive,
)
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

__all__ = ["channels"]  # a fixture


@pytest.fixture
def board(store):
    return BoardService(store, FakeClock(NEXT_MORNING), PACIFIC, "cpau")


async def test_a_day_tells_what_came_of_it_by_hour_and_by_its_mark(store, channels, board):
    first, *_ = channels
    await receive(store, first, range(90), Source.UPLINK)
    await judge(store, judged(first, actual=90, estimated=4))
    await ServiceLevelService(store, FakeClock(NEXT_MORNING), PACIFIC).run()

    figures = await board.day()

    (level,) = figures["levels"]
    assert (figures["day"], level["local_day"], level["received_ratio"]) == (DAY, DAY, 90 / 96)
    assert [(row["commodity"], row["received"]) for row in figures["hours"]] == [
        *[("electric", 4)] * 22,
        ("electric", 2),
    ]
    assert figures["hours"][0]["at"] == datetime(2026, 11, 3, 8, tzinfo=UTC)


async def test_a_city_in_which_nothing_happened_has_an_empty_board(store, board):
    figures = await board.day(DAY)

    assert {name for name, rows in figures.items() if rows == []} == {
        "levels", "nights", "hours", "collectors", "silent", "exceptions", "cycles", "leaks",
        "leaks_open", "outages", "reliability", "commands", "unknown", "refusals", "orders",
    }  # fmt: skip
    assert figures["backlog"] == [
        {"batches_missing": 0, "missing_since": None, "newest_batch_at": None, "dead_letters": 0}
    ]


async def test_a_day_tells_its_night_what_waits_by_age_who_is_silent_and_which_cycles_close(
    store, channels, board
):
    first, *_ = channels
    number = SMALL_TOWN.usage_points[0].billing_cycle
    began, done = NEXT_MORNING - timedelta(hours=1), NEXT_MORNING - timedelta(minutes=40)
    async with store() as work:
        await work.vee.record_run(VeeRun(1, began, DAY, DAY, "abc", 3, 0, done))
        await work.vee.replace_exceptions(
            [(first, DAY)],
            [VeeException(first, DAY, "V24", "HOLD", "", NEXT_MORNING - timedelta(days=4))],
            NEXT_MORNING,
        )
        await work.billing.set_read_days(
            number, [DAY - timedelta(days=29), DAY + timedelta(days=2)]
        )

    figures = await board.day(by_hour=False)

    assert [(row["started_at"], row["finished_at"]) for row in figures["nights"]] == [(began, done)]
    (waiting,) = figures["exceptions"]
    assert [waiting[age] for age in ("below_1_day", "to_3_days", "to_7_days", "older")] == [
        0, 0, 1, 0
    ]  # fmt: skip
    assert {row["commodity"]: row["silent"] for row in figures["silent"]}["electric"] > 0
    (cycle,) = figures["cycles"]
    assert (cycle["cycle"], cycle["state"], cycle["days"]) == (number, "running", 31)
    assert (cycle["frozen"], cycle["exceptions"]) == (0, 1)
    assert figures["hours"] == []


async def test_the_day_that_is_not_over_may_be_looked_at_and_tomorrow_not(board):
    today = date(2026, 11, 4)

    assert (await board.day(today))["day"] == today
    with pytest.raises(UsageError, match="has not come yet"):
        await board.day(today + timedelta(days=1))
