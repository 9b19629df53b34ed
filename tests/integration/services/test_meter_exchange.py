"""One meter takes the place of another, by one call."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mdms.domain.controls import Action
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.readings import Source
from mdms.domain.registry import Channel, Radio
from mdms.domain.time import Period
from mdms.services.exchange_plan import Device, ExchangeAsked
from mdms.services.meter_exchange import MeterExchanges
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.controls import a_control
from tests.fakes import FakeClock
from tests.integration.services.editing import FIRST, LAST, WEEK, a_desk, at
from tests.integration.storage.registries import E100_MOVED, MOVED, SMALL_TOWN, W200

pytestmark = pytest.mark.db

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 12, 1, tzinfo=UTC)
OUT = datetime(2026, 11, 20, 18, tzinfo=UTC)
IN = OUT + timedelta(minutes=40)
HOUR = timedelta(hours=1)
DELIVERED, RECEIVED, WATER = (each.reading_type for each in SMALL_TOWN.channels)

ASKED = ExchangeAsked(
    meter="E100",
    new="E300",
    radio_id=4711,
    removed_at=OUT,
    installed_at=IN,
    final={"delivered": Decimal("48.2115"), "received": Decimal(7)},
    initial={"delivered": Decimal(0)},
    device=Device(serial="S-E300"),
)


@pytest.fixture
async def exchanges(store):
    await RegistryService(store).import_files(write_directory(SMALL_TOWN))
    return MeterExchanges(store, FakeClock(NOW), ZONE)


async def registers_of(store: Any, badge: str) -> list[tuple[datetime, int, int]]:
    async with store() as work:
        table = await work.registry.channels_of([badge])
        day = Period(OUT - HOUR, OUT + 2 * HOUR)
        found = await work.readings.registers(day, channel_ids=sorted({*table.channel_id.tolist()}))
    assert set(found.source.tolist()) <= {Source.FILE}
    times = [datetime.fromtimestamp(at_s, UTC) for at_s in found.at_s.tolist()]
    return list(zip(times, found.value.tolist(), found.version.tolist(), strict=True))


async def test_one_call_does_what_rows_of_the_registry_and_registers_do(store, exchanges):
    told = []

    async def hear() -> None:
        told.append(True)

    exchanges = MeterExchanges(store, FakeClock(NOW), ZONE, hear)
    done = await exchanges.exchange(ASKED, "ann", dry_run=False)

    new = replace(
        E100_MOVED, badge="E300", serial="S-E300", radio_id=4711, installed_at=IN, removed_at=None
    )
    async with store() as work:
        stored = await work.registry.load()
        audit = [each.content for each in await work.audit.after(0, 10)]
    assert stored.meters == (
        SMALL_TOWN.meters[0], replace(E100_MOVED, removed_at=OUT), new, W200,
    )  # fmt: skip
    assert [each for each in stored.channels if each.badge == "E300"] == [
        Channel("E300", 0, DELIVERED, 900, "Wh"), Channel("E300", 1, RECEIVED, 900, "Wh"),
    ]  # fmt: skip
    assert await registers_of(store, "E100") == [(OUT, 48_212, 0), (OUT, 7_000, 0)]
    assert await registers_of(store, "E300") == [(IN, 0, 0)]
    assert (done["done"], done["old"]["removed_at"], told) == (True, OUT.isoformat(), [True])
    assert b"meter.exchanged" in audit[-1]
    assert b"S-E300" not in audit[-1]


async def test_a_dry_run_checks_and_changes_nothing(store, exchanges):
    done = await exchanges.exchange(ASKED, "ann", dry_run=True)

    async with store() as work:
        assert (await work.registry.load()).meters == SMALL_TOWN.meters
    assert (done["done"], done["new"]["meter"], done["new"]["channels"]) == (
        False, "E300", [DELIVERED, RECEIVED],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"meter": "E9"}, NotFoundError, "no meter 'E9' is in place"),
        ({"removed_at": MOVED - timedelta(days=365)}, NotFoundError, "in place at 2025-06"),
        ({"removed_at": MOVED, "installed_at": None}, UsageError, "at that very instant"),
        ({"installed_at": OUT - HOUR}, UsageError, "before the old one is taken out"),
        ({"installed_at": NOW + HOUR}, UsageError, "lies ahead"),
        ({"new": "E100"}, UsageError, "its own place"),
        ({"new": "W200"}, OperatorError, "W200 is in place at U2"),
        ({"radio_id": W200.radio_id}, OperatorError, "radio 9 is in place at U2"),
        ({"final": {"reactive": Decimal(1)}}, UsageError, "no register 'reactive', only delivered"),
        ({"initial": {"delivered": Decimal(10**5)}}, UsageError, "too few digits"),
        ({"reading_types": [WATER]}, UsageError, "is no reading type of electric"),
        ({"reading_types": [DELIVERED, DELIVERED]}, UsageError, "a channel of each kind at most"),
        ({"reading_types": ["kWh"]}, UsageError, "not a supported reading type"),
        ({"device": Device(register_dials=18, register_resolution=99)}, UsageError, "64 bits"),
    ],
)
async def test_what_cannot_be_is_refused_in_a_sentence_and_nothing_is_stored(
    store, exchanges, changes, error, sentence
):
    with pytest.raises(error, match=sentence):
        await exchanges.exchange(replace(ASKED, **changes), "ann", dry_run=False)

    async with store() as work:
        assert (await work.registry.load()).meters == SMALL_TOWN.meters


async def test_a_meter_is_exchanged_once_and_its_radio_and_badge_go_on_from_then(store, exchanges):
    await exchanges.exchange(ASKED, "ann", dry_run=False)

    with pytest.raises(NotFoundError, match="no meter 'E100' is in place"):
        await exchanges.exchange(replace(ASKED, new="E400", radio_id=1), "ann", dry_run=False)

    back = ExchangeAsked(
        meter="U1",
        new="E100",
        radio_id=E100_MOVED.radio_id,
        removed_at=IN + HOUR,
        final={},
        initial={},
    )
    with pytest.raises(OperatorError, match="known with model FNX-1, not FNX-2"):
        await exchanges.exchange(replace(back, device=Device(model="FNX-2")), "a", dry_run=False)
    with pytest.raises(OperatorError, match=f"known to count {RECEIVED}"):
        await exchanges.exchange(replace(back, reading_types=[DELIVERED]), "a", dry_run=False)
    await exchanges.exchange(back, "ann", dry_run=False)

    async with store() as work:
        place = await work.registry.place("U1", NOW)
    assert (place.meter.badge, place.meter.serial) == ("E100", "S-E100")


async def test_a_register_that_is_stored_already_is_not_told_again(store, exchanges):
    desk = await a_desk(store, heard=slice(0, 0))
    clash = replace(ASKED, removed_at=at(0), installed_at=None, initial={})
    exchanges = MeterExchanges(store, FakeClock(NOW), ZONE)
    async with store() as work:
        stored = await work.readings.registers(WEEK, channel_ids=[desk.channel_id])
    assert at(0).timestamp() in stored.at_s.tolist()

    with pytest.raises(OperatorError, match=r"is stored for .* already: leave ours out"):
        await exchanges.exchange(clash, "ann", dry_run=False)


async def test_days_after_an_exchange_that_is_told_late_are_judged_again(store):
    desk = await a_desk(store, heard=slice(300, 672))
    asked = replace(ASKED, removed_at=at(300), installed_at=None, final={}, initial={})

    await MeterExchanges(store, FakeClock(NOW), ZONE).exchange(asked, "ann", dry_run=False)
    await desk.vee.nightly()

    async with store() as work:
        days = await work.vee.days(FIRST, LAST, channel_ids=[desk.channel_id])
    assert [each.expected for each in days] == [96, 96, 96, 12, 0, 0, 0]


async def test_who_exchanges_a_meter_that_is_silent_for_an_opt_out_says_what_its_radio_does(
    store, exchanges
):
    control = a_control(badge="E100", usage_point_id="U1", action=Action.RADIO_OFF)
    async with store() as work:
        await work.controls.add(control)
        await work.optouts.silence("E100", OUT - HOUR, control.control_id)

    with pytest.raises(OperatorError, match="silent for an opt-out: say with --radio"):
        await exchanges.exchange(ASKED, "ann", dry_run=False)

    done = await exchanges.exchange(replace(ASKED, radio=Radio.OFF), "ann", dry_run=False)
    assert done["new"]["radio"] == "off"
