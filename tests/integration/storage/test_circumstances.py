"""What the stores say about channels besides their reads, on a real database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from mdms.domain.controls import Action, ControlState, SwitchPosition
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.leaks import LeakCase, LeakStep
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Account, Agreement
from mdms.domain.time import Period, to_epoch_s
from mdms.ports.circumstances import ClockReport, PastPeak
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeDay
from mdms.services.leak_records import step_of
from tests.controls import a_control, a_registry
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

DAY = date(2026, 11, 10)
START = datetime(2026, 11, 10, 8, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(days=2))
NIGHT = datetime(2026, 11, 12, 13, tzinfo=UTC)


def judged(days_before: int, *, peak: int | None, usage: int | None, version: int = 0) -> VeeDay:
    return VeeDay(
        1, DAY - timedelta(days=days_before), version, NIGHT, "abc", 96, 96, 0, 0, 0, 0, peak, usage
    )


async def town(store: UnitOfWorkFactory, *agreements: Agreement) -> dict[tuple[str, str], int]:
    """Import a small town with these agreements; return its channels by badge and type."""
    async with store() as work:
        await work.registry.merge(
            replace(
                SMALL_TOWN,
                accounts=(*SMALL_TOWN.accounts, Account("A2", "A2", "residential", DAY, None)),
                agreements=agreements or SMALL_TOWN.agreements,
            )
        )
        table = await work.registry.channels()
    names = zip(table.badge.tolist(), table.wire_channel.tolist(), strict=True)
    return {
        (badge, f"{wire:02x}"): channel
        for (badge, wire), channel in zip(names, table.channel_id.tolist(), strict=True)
    }


async def test_services_that_generate_or_surprise_are_named(store):
    channels = await town(store)

    async with store() as work:
        found = await work.circumstances.of(list(channels.values()), PERIOD, DAY, DAY)

    assert found.generating == {channels["E100", "10"], channels["E100", "11"]}
    assert found.irregular == {channels["W200", "20"]}


async def test_days_without_an_account_count_after_somebody_had_one(store):
    channels = await town(
        store,
        Agreement("A1", "U1", date(2020, 1, 1), date(2026, 11, 1)),
        Agreement("A1", "U1", date(2026, 11, 11), None),
    )

    async with store() as work:
        found = await work.circumstances.of(
            list(channels.values()), PERIOD, DAY, DAY + timedelta(days=1)
        )

    assert set(found.inactive) == {
        (channels["E100", "10"], DAY, date(2026, 11, 11)),
        (channels["E100", "11"], DAY, date(2026, 11, 11)),
    }


async def test_people_move_where_another_account_begins_and_not_where_one_goes_on(store):
    channels = await town(
        store,
        Agreement("A1", "U1", date(2020, 1, 1), date(2026, 11, 8)),
        Agreement("A1", "U1", date(2026, 11, 8), date(2026, 11, 11)),
        Agreement("A2", "U1", date(2026, 11, 12), None),
    )

    async with store() as work:
        found = await work.circumstances.of(
            [channels["E100", "10"]], PERIOD, date(2026, 11, 1), date(2026, 11, 30)
        )
        alone = await work.circumstances.moves(
            [channels["E100", "10"]], date(2026, 11, 1), date(2026, 11, 30)
        )

    assert alone == found.moves
    assert list(found.moves) == [
        (channels["E100", "10"], date(2026, 11, 11)),
        (channels["E100", "10"], date(2026, 11, 12)),
    ]


async def test_a_raw_value_that_differs_is_a_conflict(store):
    await town(store)

    def received(value: int) -> IntervalReads:
        return IntervalReads.raw(
            np.array([1]),
            np.array([to_epoch_s(START)]),
            np.array([value]),
            recorded_us=1,
            source=Source.UPLINK,
        )

    async with store() as work:
        await work.readings.append_raw(received(250), RegisterReads.empty(), sure=True)
    async with store() as work:
        await work.readings.append_raw(received(310), RegisterReads.empty(), sure=False)
        found = await work.circumstances.of([1], PERIOD, DAY, DAY)

    assert found.conflicts == [(1, START, 310)]


async def test_what_is_said_of_a_clock_is_found_a_day_before_and_after(store):
    channels = await town(store)
    said = EndDeviceEvent(
        collector_id=1,
        badge="E100",
        radio_id=1,
        code=EventCode.CLOCK_OFF,
        at=START - timedelta(hours=23),
        severity=Severity.WARNING,
        value=-3000,
        received_at=NIGHT,
    )
    right = replace(said, at=START + timedelta(hours=2), cleared=True)
    async with store() as work:
        await work.events.append(
            [
                said,
                right,
                replace(said, at=START - timedelta(days=2)),
                replace(said, at=START, code=EventCode.TAMPER),
            ]
        )
        found = await work.circumstances.of([channels["E100", "10"]], PERIOD, DAY, DAY)

    assert found.clocks == [
        ClockReport(channels["E100", "10"], each.at, EventCode.CLOCK_OFF, -3000, each.cleared)
        for each in (said, right)
    ]


async def test_the_past_is_that_of_the_newest_outcomes(store):
    async with store() as work:
        await work.vee.append_days(
            [
                judged(61, peak=9_000, usage=1),
                judged(60, peak=700, usage=1),
                judged(5, peak=8_000, usage=10),
                judged(5, peak=None, usage=None, version=1),
                judged(4, peak=800, usage=900),
                judged(2, peak=0, usage=0),
                judged(1, peak=0, usage=0),
            ]
        )

    async with store() as work:
        past = work.circumstances
        peaks = await past.peaks([(1, DAY), (2, DAY)], before=DAY, days=60)
        earlier = await past.peaks([(1, DAY)], before=DAY - timedelta(days=3), days=60)

        assert peaks == [PastPeak(1, DAY, 800, 4)]
        assert earlier == [PastPeak(1, DAY, 800, 2)]
        assert await past.idle_days([1, 2], before=DAY, days_max=90) == {1: 2}
        assert await past.used([(1, DAY - timedelta(days=6))], before=DAY) == {1: 900}


@pytest.mark.parametrize(
    ("moved_in", "closed", "idle"),
    [(400, None, 9), (4, None, 4), (0, None, None), (400, 3, 2), (4, 6, 4)],
)
async def test_days_without_usage_are_those_of_who_is_there_with_a_closed_switch(
    store, moved_in, closed, idle
):
    channels = await town(
        store,
        Agreement("A1", "U1", date(2020, 1, 1), DAY - timedelta(days=400)),
        Agreement("A2", "U1", DAY - timedelta(days=moved_in), None),
    )
    mine = channels["E100", "10"]
    async with store() as work:
        await work.vee.append_days(
            [replace(judged(n, peak=0, usage=0), channel_id=mine) for n in range(1, 10)]
        )
        if closed is not None:
            reconnect = a_control(
                badge="E100", usage_point_id="U1", action=Action.RECONNECT,
                sent_at=START - timedelta(days=closed),
            )  # fmt: skip
            await work.controls.add(reconnect)
            await work.controls.save(reconnect)

        found = await work.circumstances.idle_days([mine], before=DAY, days_max=90)

    assert found.get(mine) == idle


def told(code: EventCode, hours: float, *, badge: str = "E100", value: int = 0) -> EndDeviceEvent:
    at = START + timedelta(hours=hours)
    return EndDeviceEvent(
        collector_id=17,
        badge=badge,
        radio_id=1,
        code=code,
        at=at,
        severity=Severity.ALARM,
        value=value,
        received_at=at,
    )


async def test_an_outage_lasts_as_long_as_its_restoration_says_or_since_the_failure(store):
    channels = await town(store)
    fail, restore = EventCode.POWER_FAIL, EventCode.RESTORE
    async with store() as work:
        await work.events.append(
            [
                told(restore, 1, value=1800),  # its last gasp was lost
                told(fail, 5),
                told(restore, 6),
                told(fail, 10),  # nobody reported its end
                told(fail, 20),
                told(restore, 21, value=3600),
                told(restore, 22),  # of what, nobody knows
                told(fail, 50),
                told(restore, 51),
                told(fail, 5, badge="W200"),
            ]
        )

    async with store() as work:
        found = await work.circumstances.outages([channels["E100", "10"]], PERIOD)
        none = await work.circumstances.outages([channels["W200", "20"]], PERIOD)

    hours = [
        tuple((at - START) / timedelta(hours=1) for at in (failed, restored))
        for _, failed, restored in found
    ]
    assert hours == [(0.5, 1), (5, 6), (20, 21)]
    assert none == []


CASE = LeakCase(
    channel_id=1,
    episode=1,
    badge="W200",
    kind="continuous",
    state="CONFIRMED",
    severity=2,
    rate=3.5,
    rate_error=0.5,
    lost=40.0,
    unit="gal",
    began_at=START,
    raised_at=START,
    confirmed_at=START,
    ended_at=None,
    updated_at=START,
)


async def test_only_confirmed_leaks_that_touch_the_period_are_named(store):
    channels = await town(store)
    tap = channels["W200", "20"]
    hour = timedelta(hours=1)

    def leak(episode: int, began: int, ended: int | None, *, confirmed: bool = True) -> LeakCase:
        return replace(
            CASE,
            channel_id=tap,
            episode=episode,
            began_at=START + began * hour,
            confirmed_at=START if confirmed else None,
            ended_at=None if ended is None else START + ended * hour,
        )

    cases = [
        leak(1, -90, -50),
        leak(2, -40, 5),
        leak(3, 6, None, confirmed=False),
        leak(4, 9, None),
    ]
    async with store() as work:
        await work.leaks.write(cases, [*map(confirming, cases), *map(ending, cases[:2])])

    async with store() as work:
        found = await work.circumstances.leaks([tap], PERIOD)

    assert [(each.began_at, each.ended_at) for each in found] == [
        (START - 40 * hour, START + 5 * hour),
        (START + 9 * hour, None),
    ]
    assert {(each.channel_id, each.rate, each.unit) for each in found} == {(tap, 3.5, "gal")}


def confirming(case: LeakCase, recorded_h: float = 0, *, rate: float = CASE.rate) -> LeakStep:
    """Return a step of the instant at which a case was confirmed."""
    recorded_at = START + timedelta(hours=recorded_h)
    return replace(step_of(replace(case, rate=rate), recorded_at, "CONFIRM", "abc"), at=START)


def ending(case: LeakCase) -> LeakStep:
    assert case.ended_at is not None
    return step_of(case, case.ended_at, "CLEAR", "abc")


async def test_of_a_leak_only_those_steps_count_that_were_recorded_before(store):
    channels = await town(store)
    tap = channels["W200", "20"]
    case = replace(CASE, channel_id=tap, rate=9.0, ended_at=START + timedelta(hours=40))
    steps = [
        confirming(case, 20, rate=3.0),
        confirming(case, 30, rate=4.0),
        ending(replace(case, rate=5.0)),
    ]
    async with store() as work:
        await work.leaks.write([case], steps)

    async def known(hour: float) -> list[tuple[float, datetime | None]]:
        async with store() as work:
            told = work.circumstances.as_known(START + timedelta(hours=hour))
            return [(each.rate, each.ended_at) for each in await told.leaks([tap], PERIOD)]

    assert [await known(hour) for hour in (20, 21, 31, 41)] == [
        [],
        [(3.0, None)],
        [(4.0, None)],
        [(5.0, case.ended_at)],
    ]


async def test_an_outage_is_not_known_before_its_end_was_received(store):
    channels = await town(store)
    late = replace(told(EventCode.RESTORE, 6, value=1800), received_at=START + timedelta(hours=30))
    async with store() as work:
        await work.events.append([late])

    async def known(hour: float) -> int:
        async with store() as work:
            then = work.circumstances.as_known(START + timedelta(hours=hour))
            return len(await then.outages([channels["E100", "10"]], PERIOD))

    assert [await known(hour) for hour in (29, 30)] == [0, 1]


async def test_a_confirmed_opening_lasts_until_a_command_to_close_is_sent(store):
    opened, closed = START + timedelta(hours=2), START + timedelta(hours=30)
    disconnect = a_control(
        state=ControlState.VERIFIED, switch=SwitchPosition.OPEN, verified_at=opened
    )
    async with store() as work:
        await work.registry.merge(a_registry())
        await work.controls.add(disconnect)
        await work.controls.save(disconnect)

    async def openings() -> list[tuple[int, datetime, datetime | None]]:
        async with store() as work:
            return list((await work.circumstances.of([1, 2], PERIOD, DAY, DAY)).openings)

    still_open = await openings()
    reconnect = a_control(action=Action.RECONNECT, sent_at=closed)
    async with store() as work:
        await work.controls.add(reconnect)
        await work.controls.save(reconnect)

    assert still_open == [(1, opened, None)]
    assert await openings() == [(1, opened, closed)]
