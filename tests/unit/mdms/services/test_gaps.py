"""When collectors are asked for missing batches, for what, and when nobody asks any more."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mdms.domain.errors import NotFoundError, UnavailableError
from mdms.domain.gaps import PATIENCE, Span
from mdms.domain.time import Period, to_epoch_us
from mdms.services.gaps import GapService
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeUnitOfWork

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
NOON_US = to_epoch_us(NOON)
MINUTE = timedelta(minutes=1)


class Office:
    """A service, the store behind it, and what collectors heard."""

    def __init__(self) -> None:
        self.work = FakeUnitOfWork(channel_table(Installed()), collector_ids=[7, 8])
        self.told: list[tuple[int, dict[str, object]]] = []
        self.away = False
        self.gaps = GapService(self.work, FakeClock(NOON), self.tell)

    async def tell(self, collector_id: int, payload: bytes) -> None:
        if self.away:
            raise UnavailableError("away")
        self.told.append((collector_id, json.loads(payload)))

    async def miss(self, first: int, last: int, *, collector_id: int = 7) -> None:
        spans = [Span(first, last, NOON_US - 1, NOON_US)]
        await self.work.gaps.open(collector_id, spans, NOON, NOON + PATIENCE)

    async def asked_at(self, until: timedelta) -> list[timedelta]:
        asked = []
        elapsed = timedelta(0)
        while elapsed < until:
            if await self.gaps.run_due(NOON + elapsed):
                asked.append(elapsed)
            elapsed += timedelta(seconds=10)
        return asked


async def test_a_hole_is_asked_for_when_it_is_half_a_minute_old():
    office = Office()
    await office.miss(3, 5)

    early = await office.gaps.run_due(NOON + timedelta(seconds=29))
    due = await office.gaps.run_due(NOON + timedelta(seconds=30))

    assert (early, due) == (0, 1)
    ((collector_id, request),) = office.told
    assert collector_id == 7
    assert len(str(request.pop("req"))) == 36
    assert request == {"op": "backfill", "from_seq": 3, "to_seq": 5}


async def test_requests_are_repeated_ever_more_slowly():
    office = Office()
    await office.miss(3, 5)

    asked = await office.asked_at(timedelta(hours=3))

    since = [at - asked[0] for at in asked]
    assert since == [0 * MINUTE, MINUTE, 6 * MINUTE, 36 * MINUTE, 96 * MINUTE, 156 * MINUTE]


async def test_after_three_days_a_hole_is_lost_and_asked_for_no_more():
    office = Office()
    await office.miss(3, 5)

    made = await office.gaps.run_due(NOON + timedelta(hours=72))

    assert made == 0
    (gap,) = await office.gaps.gaps()
    assert gap["lost_at"] == (NOON + timedelta(hours=72)).isoformat()
    assert gap["next_at"] is None
    assert await office.gaps.open_count() == 0


async def test_a_request_that_cannot_be_made_stays_due():
    office = Office()
    await office.miss(3, 5)
    office.away = True
    with pytest.raises(UnavailableError):
        await office.gaps.run_due(NOON + MINUTE)
    office.away = False

    assert await office.gaps.run_due(NOON + MINUTE) == 1


async def test_a_collector_is_not_flooded_with_requests():
    office = Office()
    for number in range(20):
        await office.miss(10 * number + 1, 10 * number + 2)

    made = [await office.gaps.run_due(NOON + MINUTE) for _ in range(4)]

    assert made == [8, 8, 4, 0]


async def test_what_a_lost_count_hides_is_asked_for_by_time():
    office = Office()
    await office.work.gaps.open(7, [Span(None, None, 5, 9)], NOON, NOON)

    await office.gaps.run_due(NOON)

    ((_, request),) = office.told
    del request["req"]
    assert request == {"op": "backfill_time", "from_us": 5, "to_us": 9}
    (gap,) = await office.gaps.gaps()
    assert (gap["first_seq"], gap["batches"], gap["asked"]) == (None, None, 1)


async def test_a_person_may_ask_at_once_even_for_what_was_lost():
    office = Office()
    await office.miss(3, 5)
    await office.miss(1, 1, collector_id=8)
    await office.work.gaps.lose([1], NOON)

    answer = await office.gaps.backfill(7)

    assert answer == {"holes": 1, "requests": 1}
    assert [collector_id for collector_id, _ in office.told] == [7]


async def test_a_person_may_ask_for_a_period():
    office = Office()

    answer = await office.gaps.backfill(None, Period(NOON - MINUTE, NOON))

    assert answer == {"holes": 2, "requests": 2}
    assert {request["op"] for _, request in office.told} == {"backfill_time"}


async def test_what_a_person_asks_where_there_is_no_broker_is_left_to_those_who_have_one():
    office = Office()
    await office.miss(3, 5)
    here = GapService(office.work, FakeClock(NOON))

    answer = await here.backfill(7)
    office.gaps.wake()

    assert answer == {"holes": 1, "requests": 0}
    assert await here.run_due(NOON) == 0
    assert await office.gaps.run_due(NOON) == 1


async def test_nobody_asks_a_collector_that_does_not_exist():
    with pytest.raises(NotFoundError):
        await Office().gaps.backfill(9)


async def test_times_are_asked_for_alone_because_nothing_more_does_not_say_of_what():
    office = Office()
    await office.miss(3, 5)
    for start_us in (NOON_US - 9_000_000, NOON_US - 5_000_000):
        await office.work.gaps.open(
            7, [Span(None, None, start_us, NOON_US)], NOON, NOON + PATIENCE
        )  # fmt: skip
    asked = []
    for minute in range(1, 90):
        before = len(office.told)
        await office.gaps.run_due(NOON + minute * MINUTE)
        asked += [(minute, request.get("from_us")) for _, request in office.told[before:]]

    times = [(minute, start_us) for minute, start_us in asked if start_us is not None]
    assert {start_us for _, start_us in times} == {NOON_US - 9_000_000, NOON_US - 5_000_000}
    for (sooner, first), (later, second) in pairwise(asked):
        if second is not None and first != second:
            assert later - sooner >= 5, "the other answer may be on its way"
