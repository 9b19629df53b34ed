"""One suite for the fake and for PostgreSQL: what ingest may rely on."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mdms.domain.collectors import CollectorState
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.gaps import BatchCount, CountChange, Span
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import SECOND, Period, to_epoch_s, to_epoch_us
from mdms.ports.messages import CollectorSequence, UplinkMessage
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.fakes import FakeUnitOfWork

AT = datetime(2026, 11, 3, 8, tzinfo=UTC)
MESSAGE = UplinkMessage(
    collector_id=7,
    boot_id=111,
    batch_seq=1,
    batch_us=to_epoch_us(AT),
    kind="read",
    frame_count=1,
    payload=b"FNB1",
    received_at=AT,
)
NO_ROWS: list[Any] = [np.empty(0) for _ in fields(ChannelTable)]


@pytest.fixture(
    params=["fake", *(pytest.param(name, marks=pytest.mark.db) for name in ("plain", "pipelined"))]
)
def unit_of_work(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    if request.param == "fake":
        return FakeUnitOfWork(ChannelTable(*NO_ROWS), [7])
    store = request.getfixturevalue("store")
    factory: UnitOfWorkFactory = store if request.param == "plain" else store.pipelined
    return factory


def intervals(slots: npt.ArrayLike, values: npt.ArrayLike) -> IntervalReads:
    start_s = to_epoch_s(AT) + 900 * np.asarray(slots)
    return IntervalReads.raw(
        np.ones_like(start_s),
        start_s,
        np.asarray(values),
        recorded_us=to_epoch_us(AT),
        source=Source.UPLINK,
    )


def register(value: int) -> RegisterReads:
    return RegisterReads.raw(
        np.array([1]),
        np.array([to_epoch_s(AT)]),
        np.array([value]),
        recorded_us=to_epoch_us(AT),
        source=Source.UPLINK,
    )


@pytest.mark.parametrize("sure", [True, False])
async def test_rows_are_stored_once_and_those_whose_key_is_taken_are_returned(unit_of_work, sure):
    async with unit_of_work() as work:
        first = await work.readings.append_raw(intervals([0, 1], [5, 6]), register(9), sure=sure)
    async with unit_of_work() as work:
        second = await work.readings.append_raw(
            intervals([2, 1, 0], [7, 60, 5]), register(9), sure=sure
        )

    assert [len(part) for part in first] == [0, 0]
    assert second[0].value.tolist() == [60, 5]
    assert second[1].value.tolist() == [9]


async def test_a_message_is_new_once(unit_of_work):
    later = replace(MESSAGE, batch_seq=2, batch_us=MESSAGE.batch_us + 1_000_000)
    async with unit_of_work() as work:
        first = await work.messages.record([MESSAGE])
    async with unit_of_work() as work:
        second = await work.messages.record([MESSAGE, later])
    async with unit_of_work() as work:
        third = await work.messages.record([MESSAGE])
        sequences = await work.messages.sequences()

    assert (first, second, third) == (1, 1, 0)
    assert sequences == [
        CollectorSequence(7, 111, 2, datetime(2026, 11, 3, 8, 0, 1, tzinfo=UTC), AT)
    ]


def event(**changes: Any) -> EndDeviceEvent:
    told = EndDeviceEvent(
        collector_id=7,
        badge="E100",
        radio_id=1,
        code=EventCode.POWER_FAIL,
        at=AT,
        severity=Severity.ALARM,
        received_at=AT,
    )
    return replace(told, **changes)


async def test_the_same_alarm_within_five_seconds_is_one(unit_of_work):
    copies = [event(), event(at=AT + 5 * SECOND, collector_id=8), event(at=AT - 5 * SECOND)]
    others = [
        event(at=AT + 6 * SECOND),
        event(badge="E200"),
        event(code=EventCode.RESTORE),
        event(cleared=True),
        event(badge=None, radio_id=None),
        event(badge=None, radio_id=None, collector_id=8),
    ]

    async with unit_of_work() as work:
        first = await work.events.append(copies)
        second = await work.events.append([*copies, *others])
        none = await work.events.append([])

    assert (first, second, none) == (1, len(others), 0)


LEAK: dict[str, Any] = {"code": EventCode.LEAK, "severity": Severity.WARNING}
HOUR = timedelta(hours=1)


async def kept(unit_of_work: UnitOfWorkFactory, *told: EndDeviceEvent) -> list[EndDeviceEvent]:
    """Append events, each in a transaction of its own; return those that stay."""
    for each in told:
        async with unit_of_work() as work:
            await work.events.append([each])
    async with unit_of_work() as work:
        return list(await work.events.within(Period(AT - 100 * HOUR, AT + 100 * HOUR)))


async def test_an_alarm_that_lasts_is_noticed_once_and_so_is_its_end(unit_of_work):
    begun, ended = event(**LEAK, noticed=True), event(**LEAK, at=AT + 9 * HOUR, cleared=True)
    again = replace(begun, at=AT + 10 * HOUR)

    assert await kept(
        unit_of_work,
        begun, replace(begun, at=AT + HOUR), replace(ended, noticed=True),
        replace(ended, noticed=True, at=AT + 90 * HOUR), again, replace(again, badge="E200"),
        replace(again, at=AT + 35 * HOUR),
    ) == [
        begun, replace(ended, noticed=True), again, replace(again, badge="E200"),
        replace(again, at=AT + 35 * HOUR),  # a day later: its end may have been missed
    ]  # fmt: skip


async def test_what_is_noticed_is_no_news_where_the_meter_reported_it(unit_of_work):
    reported = event(**LEAK)
    noticed = replace(reported, at=AT + HOUR, noticed=True)

    assert await kept(unit_of_work, reported, noticed) == [reported]


async def test_what_was_noticed_gives_way_to_the_meters_own_report(unit_of_work):
    reported = event(**LEAK)
    noticed = replace(reported, at=AT + HOUR, noticed=True)
    ended = replace(noticed, at=AT + 2 * HOUR, cleared=True)
    anew = replace(noticed, at=AT + 3 * HOUR)

    assert await kept(unit_of_work, noticed, ended, anew, reported) == [reported, ended, anew]


async def test_a_report_and_what_is_noticed_beside_it_are_one_event(unit_of_work):
    reported = event(**LEAK)
    noticed = replace(reported, at=AT + HOUR, noticed=True)

    async with unit_of_work() as work:
        assert await work.events.append([noticed, reported]) == 1

    assert await kept(unit_of_work) == [reported]


async def test_of_alarms_that_were_noticed_those_without_an_end_last(unit_of_work):
    leak = EndDeviceEvent(
        collector_id=7, badge="W1", radio_id=9, code=EventCode.LEAK, at=AT,
        severity=Severity.WARNING, noticed=True, received_at=AT,
    )  # fmt: skip
    ended = replace(leak, badge="W2")
    reported = replace(leak, badge="W3", noticed=False)
    async with unit_of_work() as work:
        await work.events.append([leak, ended, reported])
        await work.events.append([replace(ended, at=AT + HOUR, cleared=True)])

        lasting = await work.events.lasting(AT)
        since_then = await work.events.lasting(AT + SECOND)

    assert lasting == [leak]
    assert since_then == []


def change(top_seq: int, **parts: Any) -> CountChange:
    nothing: dict[str, Any] = {"opened": [], "lost": [], "remaining": {}, "reset": False}
    return CountChange(BatchCount(7, 111, 1, top_seq, 50, 0), **(nothing | parts))


async def test_a_hole_shrinks_splits_and_goes_and_keeps_its_history(unit_of_work):
    async with unit_of_work() as work:
        await work.gaps.move_on([change(9, opened=[Span(3, 8, 10, 50)])], AT, AT + SECOND)
        (opened,) = await work.gaps.holes([7])
        await work.gaps.asked({opened.hole_id: AT + 60 * SECOND})
        _, waiting = await work.gaps.counted([7, 8])
    async with unit_of_work() as work:
        left = [Span(3, 4, 10, 50), Span(6, 8, 10, 50)]
        await work.gaps.move_on([change(9, remaining={opened.hole_id: left})], AT, AT)
        pieces = await work.gaps.holes()
    async with unit_of_work() as work:
        filled: dict[int, list[Span]] = {piece.hole_id: [] for piece in pieces}
        await work.gaps.move_on([change(12, remaining=filled)], AT, AT)
        counts, none_waiting = await work.gaps.counted([7, 8])
        rest = await work.gaps.holes(lost=True)

    assert (opened.due_at, opened.asked_count) == (AT + SECOND, 0)
    assert [piece.span for piece in pieces] == left
    assert {(piece.asked_count, piece.due_at) for piece in pieces} == {(1, AT + 60 * SECOND)}
    assert counts == {7: BatchCount(7, 111, 1, 12, 50, 0)}
    assert [hole.hole_id for hole in waiting] == [opened.hole_id]
    assert (none_waiting, rest) == ([], [])


async def test_a_lost_hole_is_found_by_what_comes_after_all_and_stays_lost_in_pieces(unit_of_work):
    async with unit_of_work() as work:
        await work.gaps.move_on([change(20, lost=[Span(3, 8, 10, 50)])], AT, AT)
        await work.gaps.move_on([change(20, opened=[Span(12, 14, 60, 70)])], AT, AT)
        (found,) = await work.gaps.given_up([(7, 2), (7, 8), (7, 13), (8, 5)])
        left = [Span(3, 4, 10, 50), Span(6, 8, 10, 50)]
        await work.gaps.move_on([change(20, remaining={found.hole_id: left})], AT, AT)
        pieces = [hole for hole in await work.gaps.holes(lost=True) if hole.lost_at]
        none = await work.gaps.given_up([(7, 5)])

    assert (found.span, found.lost_at) == (Span(3, 8, 10, 50), AT)
    assert [(piece.span, piece.lost_at) for piece in pieces] == [(span, AT) for span in left]
    assert none == []


async def test_lost_holes_are_kept_apart_and_may_be_asked_for_again(unit_of_work):
    async with unit_of_work() as work:
        lost = [Span(1, 2, 10, 20)]
        await work.gaps.move_on([change(9, opened=[Span(5, 5, 10, 20)], lost=lost)], AT, AT)
        await work.gaps.open(8, [Span(None, None, 10, 20)], AT, AT)
        ((open_id, _),) = [
            (hole.hole_id, hole) for hole in await work.gaps.holes([7]) if hole.lost_at is None
        ]
        await work.gaps.lose([open_id], AT)

        still_open = await work.gaps.holes()
        again = await work.gaps.hurry(AT + SECOND, collector_id=7)
        asked_for = await work.gaps.holes()

    assert [(hole.collector_id, hole.span.first_seq) for hole in still_open] == [(8, None)]
    assert again == 2
    assert sorted(hole.collector_id for hole in asked_for) == [7, 7, 8]


async def test_what_is_missing_of_one_collector_can_fall_due_at_once(unit_of_work):
    spans = [Span(1, 2, 0, 1), Span(4, 4, 2, 3)]
    async with unit_of_work() as work:
        for collector_id in (7, 8):
            await work.gaps.open(collector_id, spans, AT, AT + 60 * SECOND)

    async with unit_of_work() as work:
        await work.gaps.due_now([7], AT + SECOND)

    async with unit_of_work() as work:
        due_at = [(hole.collector_id, hole.due_at) for hole in await work.gaps.holes()]
    assert due_at == [(7, AT + SECOND)] * 2 + [(8, AT + 60 * SECOND)] * 2


async def test_the_newest_state_of_a_collector_is_the_one_that_is_kept(unit_of_work):
    first = CollectorState(collector_id=7, online=True, boot_id=1, alive_at=AT, changed_at=AT)
    left = replace(first, online=False, reason="lwt", temperature_c=41.5, gps=True)
    async with unit_of_work() as work:
        await work.collectors.note([first, replace(first, collector_id=8)])
    async with unit_of_work() as work:
        await work.collectors.note([left])

    async with unit_of_work() as work:
        assert await work.collectors.states([7, 9]) == {7: left}
        assert set(await work.collectors.states()) == {7, 8}


async def test_an_exception_rolls_all_of_it_back(unit_of_work):
    async def fail_after_storing() -> None:
        async with unit_of_work() as work:
            await work.messages.record([MESSAGE])
            await work.readings.append_raw(intervals([0], [5]), register(9), sure=True)
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_storing()

    async with unit_of_work() as work:
        taken = await work.readings.append_raw(intervals([0], [5]), register(9), sure=False)
        added = await work.messages.record([MESSAGE])
    assert [len(part) for part in taken] == [0, 0]
    assert added == 1
