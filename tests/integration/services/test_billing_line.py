"""From a registry directory to the billing file on a real database, computed again from files."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from mdms.domain.reading_types import READING_TYPES, reading_type
from mdms.domain.readings import IntervalReads, Method, RegisterReads, Source, Status
from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    Transformer,
    UsagePoint,
)
from mdms.domain.time import Period, to_epoch_us
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeDay, VeeRun
from mdms.services.billing_run import BillingService
from mdms.services.readings import ReadingService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from mdms.storage.files import DirectorySink
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db

PACIFIC = ZoneInfo("America/Los_Angeles")
START, END = date(2026, 11, 3), date(2026, 12, 3)
MONTH = Period.of_days(START, END - timedelta(days=1), PACIFIC)
EVERYTHING = Period.of_days(START - timedelta(days=5), END + timedelta(days=5), PACIFIC)
RECEIVED = datetime(2026, 12, 3, 9, tzinfo=UTC)
JUDGED = datetime(2026, 12, 3, 13, tzinfo=UTC)
KINDS = {
    "E1": reading_type(Commodity.ELECTRIC, 0, 900),
    "E2": reading_type(Commodity.ELECTRIC, 0, 900),
    "G1": reading_type(Commodity.GAS, 0, 3600),
    "W1": reading_type(Commodity.WATER, 0, 3600),
}
DIALS = 6
"""So few that registers roll over within the month."""

TOWN = Registry(
    transformers=(Transformer("T1", "F1", Decimal("37.5"), 37.44, -122.14),),
    premises=(Premise("P1", PremiseKind.SINGLE_FAMILY, 37.44, -122.14, "T1", "Z1", ()),),
    usage_points=tuple(
        UsagePoint(
            f"U-{badge}", "P1", kind.commodity, "class", 1,
            net_metering=False, temporary=False, irregular_usage=False,
        )
        for badge, kind in KINDS.items()
    ),
    accounts=(Account("A1", "", "residential", date(2020, 1, 1), None),),
    agreements=tuple(Agreement("A1", f"U-{badge}", date(2020, 1, 1), None) for badge in KINDS),
    meters=tuple(
        Meter(
            badge=badge, serial="", radio_id=number, usage_point_id=f"U-{badge}", model="",
            installed_at=datetime(2020, 1, 1, tzinfo=UTC), removed_at=None, has_switch=False,
            pilot=False, radio=Radio.ON, register_dials=DIALS, register_resolution=1,
            multiplier=1, key_id=0,
        )
        for number, badge in enumerate(KINDS)
    ),
    collectors=(Collector(17, "North", 37.4, -122.2),),
    channels=tuple(
        Channel(badge, kind.channel, kind.name, kind.interval_s, kind.unit)
        for badge, kind in KINDS.items()
    ),
)  # fmt: skip


async def receive(
    store: UnitOfWorkFactory, *, silent_since_s: Mapping[str, int] | None = None
) -> None:
    """
    Store a month of each meter; E2's last register came at noon of the last day.

    Of some meters nothing was heard since an instant.
    """
    random = np.random.default_rng(11)
    async with store() as work:
        table = await work.registry.channels()
        for channel_id, badge in zip(table.channel_id.tolist(), table.badge, strict=True):
            interval_s = KINDS[badge].interval_s
            start_s = np.arange(MONTH.start_s, MONTH.end_s, interval_s)
            value = random.integers(0, 300, len(start_s))
            shown = (900_000 + np.pad(value.cumsum(), (1, 0))) % 10**DIALS
            at_s = np.append(start_s, MONTH.end_s)
            every_six_hours = slice(None, None, 6 * 3600 // interval_s)
            reads = RegisterReads.raw(
                np.full(len(at_s), channel_id), at_s, shown,
                recorded_us=to_epoch_us(RECEIVED), source=Source.UPLINK,
            ).take(every_six_hours)  # fmt: skip
            if badge == "E2":
                reads = reads.take(slice(0, -2))
            intervals = IntervalReads.raw(
                np.full(len(start_s), channel_id), start_s, value,
                recorded_us=to_epoch_us(RECEIVED), source=Source.UPLINK,
            )  # fmt: skip
            heard_s = (silent_since_s or {}).get(badge, MONTH.end_s + 1)
            intervals = intervals.take(intervals.start_s < heard_s)
            reads = reads.take(reads.at_s < heard_s)
            await work.readings.append_raw(intervals, reads, sure=True)
            if badge == "E2":
                last = intervals.take(slice(len(intervals) - 1, len(intervals)))
                await work.readings.append_versions(
                    replace(
                        last,
                        version=last.version + 1,
                        status=np.full(1, Status.ESTIMATED.code, np.uint8),
                        method=np.full(1, Method.L1, np.int16),
                    )
                )
            await work.vee.append_days(
                [VeeDay(channel_id, START, 0, JUDGED, "ruleset", 96, 96, 0, 0, 0, 0)]
            )
        await work.vee.record_run(VeeRun(1, JUDGED, START, END, "ruleset", 120, 1))


def recomputed(directory: Path) -> Iterator[tuple[str, Decimal, int, str]]:
    """Yield badge, closing register, whole units and quality from the exported files alone."""
    reads = pd.read_parquet(directory / "readings.parquet")
    registers = pd.read_parquet(directory / "registers.parquet")
    current = reads.sort_values("version").drop_duplicates(["meter", "start_utc"], keep="last")
    for badge, kind in KINDS.items():
        mine = registers[registers["meter"] == badge].set_index("at_utc")["value"]
        last_at = mine.index[mine.index <= MONTH.end_utc].max()
        since = current[(current["meter"] == badge) & (current["start_utc"] >= last_at)]
        closing = (int(mine[last_at]) + int(since["value"].sum())) % 10**DIALS
        usage = (closing - int(mine[MONTH.start_utc])) % 10**DIALS
        units = Decimal(usage) / kind.quanta_per_billing_unit
        yield (
            badge,
            (Decimal(closing) / kind.quanta_per_billing_unit).quantize(Decimal("0.000001")),
            int(units + Decimal("0.5")),
            "ESTIMATED" if (since["status"] == "E").any() else "ACTUAL",
        )


async def no_finalize(first_day: date, last_day: date, channel_ids: Sequence[int]) -> None:
    """Leave the reads as they are."""


async def test_the_billing_file_equals_one_computed_from_the_exported_reads(
    store: UnitOfWorkFactory, tmp_path: Path
) -> None:
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)
    readings = ReadingService(store, PACIFIC)
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)

    result = await billing.freeze(START, END)
    names = await billing.export(START, END, DirectorySink(tmp_path))
    await readings.write_intervals(EVERYTHING, tmp_path / "readings.parquet")
    await readings.write_registers(EVERYTHING, tmp_path / "registers.parquet")

    assert (result.frozen, dict(result.blocked)) == (4, {})
    with (tmp_path / names[0]).open(encoding="utf-8", newline="") as file:
        billed = [
            (
                row["meter_badge"],
                Decimal(row["value"]).quantize(Decimal("0.000001")),
                int(row["usage"]),
                row["quality"],
            )
            for row in csv.DictReader(file)
        ]
    assert billed == list(recomputed(tmp_path))


async def test_a_cycle_makes_estimates_final_of_those_only_whose_bill_closes(
    store: UnitOfWorkFactory,
) -> None:
    final: list[Sequence[int]] = []

    async def finalize(first: date, last: date, channel_ids: Sequence[int]) -> None:
        final.append(channel_ids)

    billing = BillingService(store, FakeClock(JUDGED), BOOK, finalize, RULES)
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    (cycle,) = {point.billing_cycle for point in TOWN.usage_points}

    await billing.freeze(START, END, cycle=cycle)
    await billing.freeze(START, END, cycle=cycle + 1)

    assert [len(each) for each in final] == [4, 0]


async def test_freezing_again_and_exporting_again_gives_the_same_bytes(
    store: UnitOfWorkFactory,
) -> None:
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    await billing.freeze(START, END)
    before = await billing.files(START, END)

    again = await billing.freeze(START, END)

    assert (again.frozen, again.already_frozen) == (0, 4)
    assert await billing.files(START, END) == before
    assert [row["outcome"] for row in await billing.status()] == ["frozen"]


async def test_a_judged_day_is_shown_as_validated_and_its_estimate_as_one(
    store: UnitOfWorkFactory,
) -> None:
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)

    frame = await ReadingService(store, PACIFIC).frame("E2", EVERYTHING)

    assert len(frame) == 2_880
    assert set(frame["status"][:96]) == {"V"}
    assert set(frame["status"][96:-1]) == {"R"}
    assert frame.iloc[-1][["version", "status", "method"]].tolist() == [1, "E", "L1"]


async def test_a_directory_comes_back_as_it_was_and_changes_nothing_the_second_time(
    store: UnitOfWorkFactory,
) -> None:
    service = RegistryService(store)

    first = await service.import_files(write_directory(TOWN))
    exported = await service.export_files()
    second = await service.import_files(exported)

    assert first.added["meters.csv"] == 4
    assert exported == write_directory(TOWN)
    assert not any(second.added.values())
    assert not any(second.changed.values())
    assert READING_TYPES.keys() >= {row["reading_type"] for row in await service.meters()}
