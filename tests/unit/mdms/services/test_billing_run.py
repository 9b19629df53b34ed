"""A freeze takes what is ready, lists the rest, and never changes what is frozen."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.billing.proof import unpack_versions
from mdms.domain.errors import NotFoundError, OperatorError, UnavailableError, UsageError
from mdms.domain.facts import CisFact, Subject
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.domain.registry import (
    Agreement,
    Channel,
    Commodity,
    Meter,
    Radio,
    Registry,
    UsagePoint,
)
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.ports.vee import VeeRun
from mdms.services import billing_run
from mdms.services.billing_run import BillingService
from mdms.storage.files import DirectorySink
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.memory import MemoryDatabase
from tests.unit.vee.build import RULES

PACIFIC = ZoneInfo("America/Los_Angeles")
START, END = date(2026, 11, 3), date(2026, 12, 3)
OPENS, CLOSES = datetime(2026, 11, 3, 8, tzinfo=UTC), datetime(2026, 12, 3, 8, tzinfo=UTC)
NIGHT_AFTER = datetime(2026, 12, 3, 13, tzinfo=UTC)
HOURLY = reading_type(Commodity.ELECTRIC, 0, 3600)
METER = Meter(
    badge="E1",
    serial="S",
    radio_id=1,
    usage_point_id="U1",
    model="M",
    installed_at=datetime(2020, 1, 1, tzinfo=UTC),
    removed_at=None,
    has_switch=False,
    pilot=False,
    radio=Radio.ON,
    register_dials=8,
    register_resolution=1,
    multiplier=1,
    key_id=1,
)


class Bench:
    """Three hourly meters with a complete November and registers at each local midnight."""

    def __init__(self, meters: int = 3) -> None:
        numbers = range(1, meters + 1)
        self.database = MemoryDatabase()
        self.database.registry.registry = Registry(
            usage_points=tuple(
                UsagePoint(
                    f"U{n}", f"P{n}", Commodity.ELECTRIC, "electric_200a", 1,
                    net_metering=False, temporary=False, irregular_usage=False,
                )
                for n in numbers
            ),
            agreements=tuple(Agreement(f"A{n}", f"U{n}", date(2020, 1, 1), None) for n in numbers),
            meters=tuple(
                replace(METER, badge=f"E{n}", radio_id=n, usage_point_id=f"U{n}") for n in numbers
            ),
            channels=tuple(Channel(f"E{n}", 0, HOURLY.name, 3600, "Wh") for n in numbers),
        )  # fmt: skip
        self.database.vee.run = VeeRun(1, NIGHT_AFTER, START, END, "ruleset", 90, 0)
        starts_s = np.arange(to_epoch_s(OPENS), to_epoch_s(CLOSES), 3600)
        self.value = np.random.default_rng(1).integers(0, 2_000, (meters, len(starts_s)))
        channel_ids = np.arange(1, meters + 1)
        self.add(
            IntervalReads.raw(
                np.repeat(channel_ids, len(starts_s)),
                np.tile(starts_s, meters),
                self.value.ravel(),
                recorded_us=to_epoch_us(OPENS),
                source=Source.UPLINK,
            )
        )
        shown = np.pad(self.value.cumsum(axis=1), ((0, 0), (1, 0)))[:, ::24]
        self.database.readings.register_reads = RegisterReads.raw(
            np.repeat(channel_ids, 31),
            np.tile(to_epoch_s(OPENS) + 86_400 * np.arange(31), meters),
            shown.ravel(),
            recorded_us=to_epoch_us(OPENS),
            source=Source.UPLINK,
        )
        self.clock = FakeClock(NIGHT_AFTER)
        self.finalized: list[tuple[date, date]] = []
        self.service = BillingService(self.database, self.clock, BOOK, self._finalize, RULES)

    async def _finalize(self, first_day: date, last_day: date, channel_ids: Sequence[int]) -> None:
        self.finalized.append((first_day, last_day))

    def add(self, reads: IntervalReads) -> None:
        store = self.database.readings
        store.interval_reads = IntervalReads.concat(store.interval_reads, reads)

    def rows(self, channel_id: int, slots: slice) -> IntervalReads:
        reads = self.database.readings.interval_reads
        return reads.take(np.flatnonzero(reads.channel_id == channel_id)[slots])

    def lose(self, channel_id: int, slot: int) -> IntervalReads:
        """Take an interval out of the store and return it."""
        reads = self.database.readings.interval_reads
        row = np.flatnonzero(reads.channel_id == channel_id)[slot]
        self.database.readings.interval_reads = reads.take(np.arange(len(reads)) != row)
        return reads.take(slice(row, row + 1))


async def test_a_freeze_makes_the_window_final_first_and_bills_every_ready_channel():
    bench = Bench()

    result = await bench.service.freeze(START, END)

    assert bench.finalized == [(START, date(2026, 12, 2))]
    assert (result.frozen, result.already_frozen, dict(result.blocked)) == (3, 0, {})
    rows = await bench.database.billing.determinants(START, END)
    assert [row.usage_quanta for row in rows] == bench.value.sum(axis=1).tolist()
    assert {row.ruleset_hash for row in rows} == {"ruleset"}
    assert [row.account_id for row in rows] == ["A1", "A2", "A3"]
    assert unpack_versions(rows[0].versions).tolist() == [0] * 720


async def test_a_channel_with_a_gap_is_listed_and_frozen_when_the_gap_is_closed():
    bench = Bench()
    lost = bench.lose(2, 100)

    first = await bench.service.freeze(START, END)
    bench.add(lost)
    second = await bench.service.freeze(START, END)

    assert (first.frozen, dict(first.blocked)) == (2, {"missing_intervals": 1})
    assert (second.frozen, second.already_frozen, dict(second.blocked)) == (1, 2, {})
    assert await bench.database.billing.blocked(START, END) == []


async def test_what_is_frozen_stays_when_the_reads_move_on():
    """Vee case 58, the frozen half of it: the row does not move, whatever comes."""
    bench = Bench(meters=1)
    await bench.service.freeze(START, END)
    before = await bench.service.files(START, END)
    edited = bench.rows(1, slice(10, 11))
    bench.add(replace(edited, version=edited.version + 1, value=edited.value + 1_600))

    again = await bench.service.freeze(START, END)

    assert (again.frozen, again.already_frozen) == (0, 1)
    assert await bench.service.files(START, END) == before


async def test_what_is_recorded_while_the_freeze_runs_is_not_used():
    bench = Bench(meters=1)
    late = bench.rows(1, slice(10, 11))
    bench.add(
        replace(
            late,
            version=late.version + 1,
            recorded_us=late.recorded_us * 0 + to_epoch_us(NIGHT_AFTER) + 1,
        )
    )

    await bench.service.freeze(START, END)

    [row] = await bench.database.billing.determinants(START, END)
    assert row.versions == b"720*0"


async def test_the_same_reads_frozen_in_two_databases_give_the_same_bytes():
    first, second = Bench(), Bench()
    second.clock = FakeClock(NIGHT_AFTER + timedelta(days=40))
    second.service = BillingService(second.database, second.clock, BOOK, second._finalize, RULES)

    await first.service.freeze(START, END)
    await second.service.freeze(START, END)

    assert await first.service.files(START, END) == await second.service.files(START, END)


async def test_the_size_of_a_block_of_channels_changes_nothing(monkeypatch):
    whole, parts = Bench(meters=5), Bench(meters=5)
    for bench in (whole, parts):
        bench.lose(4, 0)

    await whole.service.freeze(START, END)
    monkeypatch.setattr(billing_run, "CHANNELS_PER_BLOCK", 2)
    result = await parts.service.freeze(START, END)

    assert (result.frozen, dict(result.blocked)) == (4, {"missing_intervals": 1})
    assert parts.database.billing.frozen == whole.database.billing.frozen
    assert parts.database.billing.left_out == whole.database.billing.left_out


async def test_an_interrupted_freeze_goes_on_where_it_stopped(monkeypatch):
    bench = Bench(meters=3)
    monkeypatch.setattr(billing_run, "CHANNELS_PER_BLOCK", 2)
    bench.database.readings.unavailable_channels = {3}
    with pytest.raises(UnavailableError):
        await bench.service.freeze(START, END)
    bench.database.readings.unavailable_channels = set()

    result = await bench.service.freeze(START, END)

    assert (result.frozen, result.already_frozen) == (1, 2)


async def test_a_register_before_the_window_is_carried_to_its_edge():
    bench = Bench(meters=1)
    registers = bench.database.readings.register_reads
    moved = registers.at_s.copy()
    moved[0] -= 5 * 86_400
    bench.database.readings.register_reads = replace(registers, at_s=moved)
    before_s = to_epoch_s(OPENS) - 3600 * np.arange(1, 121)
    bench.add(
        IntervalReads.raw(
            np.ones(120, np.int32), before_s, np.full(120, 7),
            recorded_us=to_epoch_us(OPENS), source=Source.UPLINK,
        )
    )  # fmt: skip
    shown = bench.database.readings.register_reads
    bench.database.readings.register_reads = replace(
        shown, value=shown.value + np.where(np.arange(31) > 0, 120 * 7, 0)
    )

    await bench.service.freeze(START, END)

    [row] = await bench.database.billing.determinants(START, END)
    assert (row.register_start, row.method, row.quality) == (840, "SUM", "ACTUAL")
    assert row.usage_quanta == bench.value.sum()


async def test_a_held_interval_is_listed_with_its_meter():
    bench = Bench()
    held = bench.rows(3, slice(5, 6))
    status = np.full(1, Status.SUSPECT.code, np.uint8)
    bench.add(replace(held, version=held.version + 1, status=status))

    await bench.service.freeze(START, END)

    frozen, blocked = await bench.service.status()
    assert (frozen["outcome"], frozen["channels"]) == ("frozen", 2)
    assert (blocked["outcome"], blocked["meter"]) == ("held_intervals", "E3")
    assert "1 of 720 intervals are held" in blocked["detail"]


async def test_a_window_that_is_not_over_is_refused():
    bench = Bench()
    bench.clock = FakeClock(CLOSES - timedelta(seconds=1))
    bench.service = BillingService(bench.database, bench.clock, BOOK, bench._finalize, RULES)

    with pytest.raises(OperatorError, match="is not over; freeze it on 2026-12-03 or later"):
        await bench.service.freeze(START, END)

    assert bench.finalized == []


@pytest.mark.parametrize("days", [26, 34])
async def test_a_window_of_no_billing_period_is_refused(days):
    """Vee case 65, as a refusal: 27 to 33 days."""
    with pytest.raises(UsageError, match=f"has {days}"):
        await Bench().service.freeze(END - timedelta(days=days), END)


async def test_a_window_of_any_length_is_frozen_when_somebody_means_it():
    bench = Bench()

    result = await bench.service.freeze(END - timedelta(days=10), END, any_length=True)

    assert result.frozen == 3


async def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(UsageError, match="must end after it starts"):
        await Bench().service.freeze(END, START)


async def test_reads_that_nobody_validated_are_not_billed():
    bench = Bench()
    bench.database.vee.run = None

    with pytest.raises(OperatorError, match="mdms vee run"):
        await bench.service.freeze(START, END)


async def test_files_of_a_window_that_was_never_frozen_do_not_exist():
    with pytest.raises(NotFoundError, match="never frozen"):
        await Bench().service.files(START, END)


async def test_an_export_writes_every_file_and_the_manifest_last(tmp_path):
    bench = Bench()
    await bench.service.freeze(START, END)

    names = await bench.service.export(START, END, DirectorySink(tmp_path))

    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert names[-1] == "manifest_v1_2026-11-03_2026-12-03.json"
    assert (tmp_path / names[0]).read_bytes().count(b"\r\n") == 4
    assert (tmp_path / names[2]).read_bytes().count(b"\r\n") == 4


async def test_a_cycle_freezes_its_own_services_in_its_own_windows():
    bench = Bench(meters=2)
    registry = bench.database.registry.registry
    points = (registry.usage_points[0], replace(registry.usage_points[1], billing_cycle=2))
    bench.database.registry.registry = replace(registry, usage_points=points)
    bench.database.billing.schedule = {(2, START), (2, END)}

    second = await bench.service.freeze(START, END, cycle=2)
    first = await bench.service.freeze(START, END)

    assert (second.frozen, first.frozen, first.already_frozen) == (1, 1, 1)


async def test_a_service_whose_cycle_is_read_on_other_days_is_left_alone():
    bench = Bench(meters=1)
    bench.database.billing.schedule = {(1, START - timedelta(days=2)), (1, END - timedelta(days=2))}

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.blocked)) == (0, {})
    with pytest.raises(UsageError, match="cycle 1 has no such window"):
        await bench.service.freeze(START, END, cycle=1)


async def test_no_day_is_billed_twice():
    bench = Bench(meters=1)
    await bench.service.freeze(END - timedelta(days=10), END, any_length=True)

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.blocked)) == (0, {"billed_elsewhere": 1})


async def test_a_rate_schedule_that_nobody_knows_bills_nobody():
    bench = Bench(meters=1)
    said = datetime(2026, 1, 1, tzinfo=UTC)
    bench.database.facts.statements = [
        CisFact(
            subject=Subject.USAGE_POINT,
            subject_id="U1",
            fact="rate_schedule",
            value="E-99",
            effective_at=said,
            known_at=said,
        )
    ]

    result = await bench.service.freeze(START, END)

    assert dict(result.blocked) == {"no_terms": 1}


async def test_two_windows_frozen_in_the_wrong_order_still_share_a_register():
    bench = Bench(meters=1)
    middle = START + timedelta(days=15)
    await bench.service.freeze(middle, END, any_length=True)

    await bench.service.freeze(START, middle, any_length=True)

    [first] = await bench.database.billing.determinants(START, middle)
    [second] = await bench.database.billing.determinants(middle, END)
    assert first.register_end == second.register_start
    assert first.usage_quanta + second.usage_quanta == bench.value.sum()
