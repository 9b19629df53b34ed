"""Outages, transformers and signs of tampering on a real database, from what is stored."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.controls import ControlState, Optout, SwitchPosition, new_id
from mdms.domain.errors import NotFoundError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.reading_types import VOLTAGE_CHANNEL, reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source, rule_bit
from mdms.domain.registry import Channel, Commodity, Registry, Transformer
from mdms.domain.time import Period, local_midnight, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeDay
from mdms.services.grid import GridService
from mdms.services.transformers import TransformerService
from mdms.services.vee_run import VeeService
from tests.controls import ELECTRIC, WATER, a_control, a_registry
from tests.fakes import FakeClock
from tests.unit.vee.build import RULES
from tests.unit.vee.grid.build import RULES as GRID

pytestmark = pytest.mark.db

PACIFIC = ZoneInfo("America/Los_Angeles")
DAY = date(2026, 11, 10)
START = local_midnight(DAY, PACIFIC)
PERIOD = Period.of_days(DAY, DAY, PACIFIC)
NOW = START + timedelta(hours=30)
RECEIVED = ELECTRIC.replace(".4.1.1.12", ".4.19.1.12")
VOLTAGE = reading_type(Commodity.ELECTRIC, 4, 900).name
FAIL, RESTORE = EventCode.POWER_FAIL, EventCode.RESTORE


def a_street() -> Registry:
    """Four electric meters E1 to E4 and water W1 on T1 of feeder F1; E4 also gives energy back."""
    home = a_registry()
    point, meter = home.usage_points[0], home.meters[0]
    badges = ("E1", "E2", "E3", "E4", "W1")
    return replace(
        home,
        transformers=(Transformer("T1", "F1", Decimal(10), 37.4, -122.1),),
        usage_points=tuple(
            replace(
                point,
                usage_point_id=f"U{badge}",
                commodity=Commodity.WATER if badge == "W1" else Commodity.ELECTRIC,
                net_metering=badge == "E4",
            )
            for badge in badges
        ),
        agreements=(),
        meters=tuple(
            replace(
                meter,
                badge=badge,
                serial=f"S-{badge}",
                radio_id=meter.radio_id + number,
                usage_point_id=f"U{badge}",
            )
            for number, badge in enumerate(badges)
        ),
        channels=(
            *(Channel(badge, 0, ELECTRIC, 900, "Wh") for badge in ("E1", "E2", "E3", "E4")),
            Channel("E4", 1, RECEIVED, 900, "Wh"),
            Channel("E1", 4, VOLTAGE, 900, "0.1V"),
            Channel("W1", 0, WATER, 3600, "0.1gal"),
        ),
    )


@pytest.fixture
async def street(store: UnitOfWorkFactory) -> dict[tuple[str, int], int]:
    """Import the street; return its channels by badge and number."""
    async with store() as work:
        await work.registry.merge(a_street())
        table = await work.registry.channels()
    return {
        (str(badge), int(wire) & 15): int(channel)
        for badge, wire, channel in zip(
            table.badge, table.wire_channel, table.channel_id, strict=True
        )
    }


def told(badge: str, code: EventCode, minutes: float, value: int = 0) -> EndDeviceEvent:
    at = START + timedelta(minutes=minutes)
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


async def happened(store: UnitOfWorkFactory, *events: EndDeviceEvent) -> None:
    async with store() as work:
        await work.events.append(events)


async def opened(store: UnitOfWorkFactory, badge: str, at: datetime, **changes: object) -> None:
    control = a_control(
        control_id=new_id(at),
        badge=badge,
        usage_point_id=f"U{badge}",
        state=ControlState.VERIFIED,
        switch=SwitchPosition.OPEN,
        verified_at=at,
        answered_at=at,
        **changes,
    )
    async with store() as work:
        await work.controls.add(control)
        await work.controls.save(control)


async def judged(store: UnitOfWorkFactory, channel_id: int, *, flags: int, usage: int = 0) -> None:
    at = START + timedelta(days=1)
    async with store() as work:
        await work.vee.append_days(
            [VeeDay(channel_id, DAY, 0, at, "abc", 96, 96, 0, 0, 0, flags, usage, usage)]
        )


async def measured(
    store: UnitOfWorkFactory, channel_id: int, value: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> None:
    start_s = PERIOD.start_s + 900 * np.arange(len(value))
    reads = IntervalReads.raw(
        np.full(len(value), channel_id), start_s, value, recorded_us=0, source=Source.UPLINK
    )
    async with store() as work:
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)
    await judged(store, channel_id, flags=0)


def grid(store: UnitOfWorkFactory) -> GridService:
    return GridService(store, FakeClock(NOW), PACIFIC, GRID)


def transformers(store: UnitOfWorkFactory) -> TransformerService:
    return TransformerService(store, PACIFIC, RULES.voltage, GRID)


@pytest.mark.usefixtures("street")
async def test_a_transformer_is_out_with_meters_that_said_nothing(store):
    await happened(
        store,
        told("E1", FAIL, 60),
        told("E1", RESTORE, 150, 5400),
        told("E2", RESTORE, 150, 5400),  # its last gasp was lost, and E3 and E4 were never heard
    )

    found = await grid(store).outages(PERIOD)

    (outage,) = found["outages"]
    assert (outage["device"], outage["name"], outage["transformers"]) == (
        "transformer",
        "T1",
        ["T1"],
    )
    assert (outage["minutes"], outage["customers"], outage["reported"]) == (90.0, 4, 2)
    assert found["indices"]["saidi_min"] == pytest.approx(90)
    assert found["indices"]["saifi"] == pytest.approx(1)


async def test_meters_that_stay_silent_after_their_neighbours_are_back_should_be_asked(
    store, street
):
    await happened(
        store,
        told("E1", FAIL, 60),
        told("E1", RESTORE, 150, 5400),
        told("E2", FAIL, 60),
        told("E2", RESTORE, 150, 5400),
        told("E3", FAIL, 60),  # nothing more was heard of it, and nothing at all of E4
    )

    (first,) = (await grid(store).outages(PERIOD))["outages"]
    soon = GridService(store, FakeClock(START + timedelta(minutes=155)), PACIFIC, GRID)
    (early,) = (await soon.outages(PERIOD))["outages"]
    async with store() as work:
        register = RegisterReads.raw(
            np.array([street["E4", 0]]),
            np.array([PERIOD.start_s + 160 * 60]),
            np.array([1]),
            recorded_us=0,
            source=Source.UPLINK,
        )
        await work.readings.append_raw(IntervalReads.empty(), register, sure=True)
    (later,) = (await grid(store).outages(PERIOD))["outages"]

    assert first["unheard"] == ["E3", "E4"]
    assert early["unheard"] == [], "ten minutes are left to them"
    assert later["unheard"] == ["E3"]


@pytest.mark.usefixtures("street")
async def test_a_meter_alone_lasts_until_it_is_heard_again(store, street):
    await happened(store, told("E1", FAIL, 60))

    lasting = await grid(store).outages(PERIOD)
    async with store() as work:
        register = RegisterReads.raw(
            np.array([street["E1", 0]]),
            np.array([PERIOD.start_s + 6000]),
            np.array([1]),
            recorded_us=0,
            source=Source.UPLINK,
        )
        await work.readings.append_raw(IntervalReads.empty(), register, sure=True)
    over = await grid(store).outages(PERIOD)

    assert [(each["device"], each["until"]) for each in lasting["outages"]] == [("service", None)]
    assert lasting["outages"][0]["minutes"] == 29 * 60
    assert over["outages"][0]["minutes"] == 40
    assert over["outages"][0]["name"] == "E1"


@pytest.mark.usefixtures("street")
async def test_a_meter_behind_its_open_switch_is_not_on_the_map(store):
    await opened(store, "E1", START)
    await happened(store, told("E1", FAIL, 60))

    found = await grid(store).outages(PERIOD)

    assert found["outages"] == []
    assert found["indices"]["customers"] == 3


@pytest.mark.usefixtures("street")
async def test_a_meter_behind_its_open_switch_is_no_silent_customer(store):
    await opened(store, "E4", START)
    await happened(store, told("E1", FAIL, 60), told("E2", FAIL, 60))

    (outage,) = (await grid(store).outages(PERIOD))["outages"]

    assert (outage["device"], outage["customers"], outage["reported"]) == ("transformer", 3, 2)


@pytest.mark.usefixtures("street")
async def test_a_switch_that_was_opened_since_changes_nothing_of_the_day(store):
    await happened(store, told("E1", FAIL, 60), told("E2", FAIL, 60))
    before = await grid(store).outages(PERIOD)
    await opened(store, "E4", START + timedelta(hours=26))

    after = await grid(store).outages(PERIOD)

    assert after == before
    assert after["outages"][0]["customers"] == after["indices"]["customers"] == 4


@pytest.mark.usefixtures("street")
async def test_customers_keep_the_outages_of_a_meter_that_was_exchanged(store):
    await happened(store, told("E1", FAIL, 60), told("E1", RESTORE, 150), told("E1", FAIL, 595))
    exchanged = START + timedelta(minutes=600)
    async with store() as work:
        town = a_street()
        old = replace(town.meters[0], removed_at=exchanged)
        new = replace(
            town.meters[0], badge="E9", serial="S-E9", radio_id=999, installed_at=exchanged
        )
        channel = Channel("E9", 0, ELECTRIC, 900, "Wh")
        await work.registry.merge(
            replace(town, meters=(old, new, *town.meters[1:]), channels=(*town.channels, channel))
        )
    await happened(store, told("E9", FAIL, 700), told("E9", RESTORE, 760))

    found = await grid(store).outages(PERIOD)

    assert [(each["name"], each["minutes"]) for each in found["outages"]] == [
        ("E9", 90.0),
        ("E9", 60.0),
    ]
    assert (found["indices"]["customers"], found["indices"]["sustained"]) == (4, 2)


@pytest.mark.usefixtures("street")
async def test_what_began_outside_the_period_is_not_of_it(store):
    await happened(store, told("E1", FAIL, -10), told("E1", RESTORE, 20), told("E2", FAIL, 1441))

    found = await grid(store).outages(PERIOD)

    assert found["outages"] == []
    assert found["indices"]["customers"] == 4


async def test_nobody_is_served_where_nothing_is_registered(store):
    assert await grid(store).outages(PERIOD) == {"outages": [], "indices": None}


async def test_the_load_of_a_transformer_is_that_of_its_meters(store, street):
    quarters = np.full(96, 500)  # 2 kW
    for badge in ("E1", "E2", "E3"):
        await measured(store, street[badge, 0], quarters)
    await measured(store, street["E4", 0], quarters * 0)
    await measured(store, street["E4", 1], quarters * np.repeat([0, 1], [48, 48]))

    (row,) = await transformers(store).load(DAY, DAY)

    assert (row["transformer"], row["feeder"], row["meters"]) == ("T1", "F1", 4)
    assert (row["coverage_percent"], row["hours"], row["scaled_hours"]) == (100.0, 24.0, 0.0)
    assert row["peak_percent"] == pytest.approx(100 * 6 * 1.02 / 0.95 / 10, abs=0.1)
    assert row["reverse_peak_kw"] == 0


async def test_a_meter_of_which_one_way_is_missing_is_not_heard(store, street):
    await measured(store, street["E1", 0], np.full(96, 500))
    await measured(store, street["E4", 0], np.full(96, 500))

    (row,) = await transformers(store).load(DAY, DAY, transformer="T1")

    assert (row["coverage_percent"], row["scaled_hours"]) == (25.0, 24.0)
    assert row["peak_percent"] == pytest.approx(100 * 8 * 1.02 / 0.95 / 10, abs=0.1)


async def test_the_voltage_of_a_transformer_is_that_of_its_meters(store, street):
    await measured(store, street["E1", 4], np.repeat([1200, 1280], [90, 6]))

    (row,) = await transformers(store).voltage(DAY, DAY)

    assert (row["meters"], row["intervals"]) == (1, 96)
    assert (row["lowest_v"], row["highest_v"]) == (120.0, 128.0)
    assert (row["beyond_a_percent"], row["beyond_b_percent"]) == (6.25, 6.25)
    assert (row["violation_days"], row["meter_days"]) == (1, 1)


async def test_validation_judges_voltage_and_nothing_waits_for_a_register(store, street):
    value = np.full(96, 1200)
    value[40:44] = 1290
    start_s = PERIOD.start_s + 900 * np.arange(96)
    reads = IntervalReads.raw(
        np.full(96, street["E1", 4]), start_s, value, recorded_us=0, source=Source.UPLINK
    )
    async with store() as work:
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)

    await VeeService(store, FakeClock(NOW), RULES, PACIFIC).run(DAY, DAY)

    async with store() as work:
        raised = await work.vee.open_exceptions()
    mine = [each.rule for each in raised if each.channel_id == street["E1", 4]]
    assert "V35" in mine
    assert not set(mine) - {"V32", "V35"}
    (row,) = await transformers(store).voltage(DAY, DAY)
    assert (row["intervals"], row["violation_days"]) == (96, 1)


async def test_a_voltage_that_is_silent_while_energy_is_not_is_told_whatever_its_length(store):
    hourly = reading_type(Commodity.ELECTRIC, VOLTAGE_CHANNEL, 3600).name
    known = a_street()
    channels = [
        Channel("E1", 4, hourly, 3600, "0.1V") if each.channel == VOLTAGE_CHANNEL else each
        for each in known.channels
    ]
    async with store() as work:
        await work.registry.merge(replace(known, channels=tuple(channels)))
        table = await work.registry.channels()
    ids = {
        (str(badge), int(wire) & 15): int(channel)
        for badge, wire, channel in zip(
            table.badge, table.wire_channel, table.channel_id, strict=True
        )
    }
    await measured(store, ids["E1", 0], np.full(96, 100))

    await VeeService(store, FakeClock(NOW), RULES, PACIFIC).run(DAY, DAY)

    async with store() as work:
        outcomes = await work.vee.days(DAY, DAY)
    silent = {each.channel_id for each in outcomes if each.flags & rule_bit(32)}
    assert silent == {ids["E1", 4]}


@pytest.mark.usefixtures("street")
async def test_a_transformer_that_is_not_there_is_said(store):
    with pytest.raises(NotFoundError, match="T9"):
        await transformers(store).load(DAY, DAY, transformer="T9")


async def test_signs_add_up_to_cases(store, street):
    for badge, channel, rule in (("E1", 0, 29), ("E2", 0, 31), ("E3", 0, 30)):
        await judged(store, street[badge, channel], flags=rule_bit(rule) | rule_bit(23))
    await happened(
        store,
        told("E2", EventCode.TAMPER, 30),
        told("E2", FAIL, 40),
        told("E4", EventCode.REVERSE_ENERGY, 50),  # it may
    )

    found = await grid(store).suspicions(DAY, DAY)

    assert [(row["meter"], row["points"], row["case"]) for row in found] == [
        ("E2", 6, True),
        ("E1", 5, True),
        ("E3", 2, False),
    ]
    assert found[0]["signs"] == "T2 reverse_energy, T3 tamper_and_power_fail"
    assert found[1]["from"] == START.astimezone(UTC).isoformat()


@pytest.mark.usefixtures("street")
async def test_a_tamper_event_in_an_outage_of_all_is_no_sign(store):
    fails = [told(badge, FAIL, 40) for badge in ("E1", "E2", "E3")]

    await happened(store, told("E2", EventCode.TILT, 30), *fails)

    assert await grid(store).suspicions(DAY, DAY) == []


@pytest.mark.usefixtures("street")
async def test_voltage_behind_an_open_switch_is_a_case(store):
    await opened(store, "E1", START + timedelta(hours=1), load_side_voltage=True)

    (found,) = await grid(store).suspicions(DAY, DAY)

    assert (found["meter"], found["signs"]) == ("E1", "T1 usage_while_open")


async def test_water_that_stands_still_while_somebody_is_at_home_is_a_sign(store, street):
    await judged(store, street["W1", 0], flags=rule_bit(25))
    nobody = await grid(store).suspicions(DAY, DAY)
    await judged(store, street["E1", 0], flags=0, usage=9000)

    (found,) = await grid(store).suspicions(DAY, DAY)

    assert nobody == []
    assert (found["meter"], found["points"]) == ("W1", 2)


@pytest.mark.usefixtures("street")
async def test_reverse_flow_is_a_sign_when_it_is_repeated(store):
    await happened(store, told("W1", EventCode.BACKFLOW, 10))
    once = await grid(store).suspicions(DAY, DAY)
    await happened(store, told("W1", EventCode.BACKFLOW, 90))

    assert once == []
    assert [row["meter"] for row in await grid(store).suspicions(DAY, DAY)] == ["W1"]


async def test_of_who_opted_out_there_are_no_signs(store, street):
    await judged(store, street["E1", 0], flags=rule_bit(29))
    async with store() as work:
        await work.optouts.add(Optout(new_id(START), "E1", START, "asked", "clerk", START))

    assert await grid(store).suspicions(DAY, DAY) == []


async def test_an_outage_reaches_validation_by_its_events(store, street):
    await happened(store, told("E1", FAIL, 60), told("E1", RESTORE, 150))

    async with store() as work:
        (span,) = await work.circumstances.outages([street["E1", 0]], PERIOD)

    assert [to_epoch_s(at) - PERIOD.start_s for at in span[1:]] == [3600, 9000]
