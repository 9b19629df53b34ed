"""A day's board, from what is stored."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mdms.domain.errors import UsageError
from mdms.domain.readings import Source
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
        "levels", "hours", "collectors", "exceptions", "leaks", "outages", "reliability",
        "commands", "refusals", "orders",
    }  # fmt: skip


async def test_the_day_that_is_not_over_may_be_looked_at_and_tomorrow_not(board):
    today = date(2026, 11, 4)

    assert (await board.day(today))["day"] == today
    with pytest.raises(UsageError, match="has not come yet"):
        await board.day(today + timedelta(days=1))
