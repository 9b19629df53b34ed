"""Reads on a real database: stored once, versions kept, conflicts remembered."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import psycopg
import pytest

from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.domain.time import Period, to_epoch_s, to_epoch_us
from mdms.ports.readings import FEW_READS
from mdms.storage import readings
from mdms.storage.read_tables import INTERVALS
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

START = datetime(2026, 11, 3, 8, tzinfo=UTC)
RECORDED = START + timedelta(days=1)
NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
NO_REGISTERS = RegisterReads.empty()


def raw(channel_ids: npt.ArrayLike, slots: npt.ArrayLike, values: npt.ArrayLike) -> IntervalReads:
    start_s = to_epoch_s(START) + 900 * np.asarray(slots)
    return IntervalReads.raw(
        np.asarray(channel_ids),
        start_s,
        np.asarray(values),
        recorded_us=to_epoch_us(RECORDED),
        source=Source.UPLINK,
    )


def registers(
    channel_ids: npt.ArrayLike, hours: npt.ArrayLike, values: npt.ArrayLike
) -> RegisterReads:
    at_s = to_epoch_s(START) + 3600 * np.asarray(hours)
    return RegisterReads.raw(
        np.asarray(channel_ids),
        at_s,
        np.asarray(values),
        recorded_us=to_epoch_us(RECORDED),
        source=Source.UPLINK,
    )


def rows(reads: IntervalReads | RegisterReads) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(reads, name).tolist() for name in reads._names), strict=True))


@pytest.fixture(params=[0, FEW_READS], ids=["copied", "as parameters"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, let rows go in by one way."""
    monkeypatch.setattr(readings, "FEW_READS", request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sure", [True, False])
async def test_what_is_appended_comes_back_sorted_and_unchanged(store, sure):
    intervals = raw([2, 1, 1], [0, 1, 0], [30, 20, 10])
    given = registers([2, 1], [5, 5], [700, 600])

    async with store() as work:
        untaken = await work.readings.append_raw(intervals, given, sure=sure)
    async with store() as work:
        stored = await work.readings.intervals(NOVEMBER)
        stored_registers = await work.readings.registers(NOVEMBER)

    assert [len(part) for part in untaken] == [0, 0]
    assert rows(stored) == sorted(rows(intervals))
    assert rows(stored_registers) == sorted(rows(given))
    for name in IntervalReads._names:
        assert getattr(stored, name).dtype == getattr(intervals, name).dtype


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sure", [True, False])
async def test_a_row_whose_key_is_taken_is_returned_and_the_rest_is_stored(store, sure):
    async with store() as work:
        await work.readings.append_raw(
            raw([1, 1], [0, 1], [10, 11]), registers([1], [1], [500]), sure=True
        )

    async with store() as work:
        intervals, given = await work.readings.append_raw(
            raw([1, 1, 1], [2, 1, 0], [12, 11, 10]),
            registers([1, 1], [2, 1], [501, 500]),
            sure=sure,
        )
    async with store() as work:
        stored = await work.readings.intervals(NOVEMBER)

    assert intervals.value.tolist() == [11, 10]
    assert given.value.tolist() == [500]
    assert stored.value.tolist() == [10, 11, 12]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sure", [True, False])
async def test_a_differing_value_is_kept_once_as_a_conflict_and_never_stored(store, database, sure):
    async with store() as work:
        await work.readings.append_raw(raw([1], [0], [10]), registers([1], [1], [500]), sure=True)

    again = raw([1, 1], [0, 1], [99, 11]), registers([1], [1], [555])

    async with store() as work:
        first = await work.readings.append_raw(*again, sure=sure)
    async with store() as work:
        second = await work.readings.append_raw(*again, sure=sure)

    async with store() as work:
        stored = await work.readings.intervals(NOVEMBER)
    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await connection.execute(
            "SELECT channel_id, kind, value, stored_value FROM read_conflict ORDER BY kind"
        )
        conflicts = await found.fetchall()
    assert stored.value.tolist() == [10, 11]
    assert conflicts == [(1, "interval", 99, 10), (1, "register", 555, 500)]
    assert [len(part) for part in first] == [1, 1]
    assert [len(part) for part in second] == [2, 1]


async def test_values_that_differ_from_the_stored_ones_are_told_apart_from_copies(store):
    async with store() as work:
        await work.readings.append_raw(raw([1, 1], [0, 1], [10, 11]), NO_REGISTERS, sure=True)

        differing = await work.readings.differing(raw([1, 1, 1], [0, 1, 2], [10, 99, 12]))

    assert differing.value.tolist() == [99]


@pytest.mark.usefixtures("way")
async def test_two_calls_in_one_transaction_do_not_mix_their_rows(store):
    async with store() as work:
        await work.readings.append_raw(raw([1], [0], [10]), NO_REGISTERS, sure=False)
        taken, _ = await work.readings.append_raw(raw([1], [1], [11]), NO_REGISTERS, sure=False)

    assert len(taken) == 0


@pytest.mark.usefixtures("way")
async def test_a_wrong_hint_costs_nothing_else_in_the_transaction(store):
    async with store() as work:
        await work.readings.append_raw(raw([1], [0], [10]), NO_REGISTERS, sure=True)

    async with store() as work:
        await work.readings.append_raw(raw([2], [0], [20]), NO_REGISTERS, sure=True)
        await work.readings.append_raw(raw([1], [0], [10]), NO_REGISTERS, sure=True)

    async with store() as work:
        assert (await work.readings.intervals(NOVEMBER)).value.tolist() == [10, 20]


async def test_an_exception_stores_nothing(store):
    async def fail_after_storing() -> None:
        async with store() as work:
            await work.readings.append_raw(raw([1], [0], [10]), NO_REGISTERS, sure=True)
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_storing()

    async with store() as work:
        assert len(await work.readings.intervals(NOVEMBER)) == 0


def version(
    reads: IntervalReads, number: int, value: int, status: Status, recorded: datetime
) -> IntervalReads:
    n = len(reads)
    return IntervalReads(
        channel_id=reads.channel_id,
        start_s=reads.start_s,
        version=np.full(n, number, np.int16),
        value=np.full(n, value, np.int64),
        status=np.full(n, status.code, np.uint8),
        method=np.full(n, 5, np.int16),
        flags=np.full(n, 1 << 62, np.int64),
        recorded_us=np.full(n, to_epoch_us(recorded), np.int64),
        source=np.full(n, Source.VEE, np.int16),
    )


async def test_reads_are_known_as_they_were_at_an_earlier_time(store):
    received = raw([1], [0], [10])
    later = RECORDED + timedelta(hours=5)
    async with store() as work:
        await work.readings.append_raw(received, NO_REGISTERS, sure=True)
        await work.readings.append_versions(version(received, 1, 12, Status.ESTIMATED, later))

    async with store() as work:
        before = await work.readings.intervals(NOVEMBER, as_of=later - timedelta(microseconds=1))
        after = await work.readings.intervals(NOVEMBER, as_of=later)

    assert before.version.tolist() == [0]
    assert rows(after) == rows(received) + rows(version(received, 1, 12, Status.ESTIMATED, later))


async def test_channels_with_other_rows_than_plain_ones_come_back_whole(store):
    plain, flagged, amended, mixed = (raw([n, n], [1, 0], [n, 10 * n]) for n in (1, 2, 3, 4))
    flagged.flags[1] = 1 << 10
    mixed.source[0] = Source.BACKFILL
    later = RECORDED + timedelta(hours=5)
    versions = version(amended.take(slice(1)), 1, 12, Status.ESTIMATED, later)
    shown = registers([1, 2, 2], [0, 0, 1], [5, 6, 7])
    shown.source[2] = Source.SELF_READ
    async with store() as work:
        received = IntervalReads.concat(amended, flagged, mixed, plain)
        await work.readings.append_raw(received, shown, sure=True)
        await work.readings.append_versions(versions)

    async with store() as work:
        intervals = await work.readings.intervals(NOVEMBER)
        stored = await work.readings.registers(NOVEMBER)

    assert rows(intervals) == sorted(rows(received) + rows(versions))
    assert rows(stored) == rows(shown)


async def test_only_the_channels_and_the_period_asked_for_come_back(store):
    async with store() as work:
        await work.readings.append_raw(
            raw([1, 1, 2, 3], [0, 4, 0, 0], [10, 14, 20, 30]),
            registers([1, 1, 1], [0, 1, 2], [1, 2, 3]),
            sure=True,
        )

    hour = Period(START, START + timedelta(hours=1))
    async with store() as work:
        some = await work.readings.intervals(hour, channel_ids=[1, 3])
        none = await work.readings.intervals(hour, channel_ids=[])
        both_ends = await work.readings.registers(hour)

    assert some.value.tolist() == [10, 30]
    assert len(none) == 0
    assert both_ends.value.tolist() == [1, 2]


async def test_rows_of_many_months_find_their_partitions(store):
    days = np.arange(0, 400, 25)
    spread = raw(np.ones_like(days), days * 96, days)

    async with store() as work:
        await work.readings.append_raw(spread, NO_REGISTERS, sure=True)

    year = Period(START, START + timedelta(days=401))
    async with store() as work:
        assert rows(await work.readings.intervals(year)) == rows(spread)


async def test_newest_returns_the_last_slots_of_each_channel_however_old(store):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        channels = await work.registry.channels()
        quick, slow = channels.channel_id[[0, -1]].tolist()
        assert channels.interval_s[[0, -1]].tolist() == [900, 3600]
        old = raw(np.full(10, slow), np.arange(10) * 4, np.arange(10))
        new = raw(np.full(10, quick), 9_000 + np.arange(10), np.arange(10))
        await work.readings.append_raw(
            IntervalReads.concat(old, new), registers([quick, quick], [0, 9], [1, 2]), sure=True
        )
        await work.readings.append_versions(
            version(new.take(slice(9, 10)), 1, 5, Status.EDITED, RECORDED)
        )

        every = range(max(quick, slow) + 1)
        intervals, newest_registers = await work.readings.newest(3, every)
        others, _ = await work.readings.newest(3, range(min(quick, slow) + 1))

    assert intervals.channel_id.tolist() == [quick] * 3 + [slow] * 3
    assert intervals.value.tolist() == [7, 8, 9, 7, 8, 9]
    assert intervals.version.tolist() == [0] * 6
    assert newest_registers.value.tolist() == [2]
    assert set(others.channel_id.tolist()) == {min(quick, slow)}


def plan_of_newest(dsn: str) -> str:
    """Return how the database would find what a start wants to know."""
    (query,) = re.findall(
        r"COPY \((.*)\) TO STDOUT", INTERVALS.statements.newest.decode(), re.DOTALL
    )
    with psycopg.connect(dsn) as connection:
        found = connection.execute(f"EXPLAIN {query}", {"slots": 64, "first": 0, "end": 10_000})
        return "\n".join(line for (line,) in found.fetchall())


async def test_the_newest_reads_are_looked_up_and_not_searched_for_among_all(store, database):
    count, channels = 4_000, np.arange(1, 4)
    many = raw(
        np.repeat(channels, count), np.tile(np.arange(count), 3), np.zeros(3 * count, np.int64)
    )
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        await work.readings.append_raw(many, NO_REGISTERS, sure=True)
    with psycopg.connect(database, autocommit=True) as administrator:
        administrator.execute("VACUUM ANALYZE interval_read")

    plan = plan_of_newest(database)

    assert "AND (start_utc > " in plan, "bounds of the index, channel by channel"
    assert "Seq Scan on interval_read" not in plan


HOURS = Period(START, START + timedelta(hours=2))


async def test_unbroken_are_channels_whose_intervals_follow_each_other_as_they_were_received(store):
    runs = raw([5, 5, 5, 2, 2], [1, 2, 3, 0, 1], [1, 2, 3, 4, 5])
    runs.recorded_us[1] += 7
    gap, amended, flagged = (
        raw([1, 1], [0, 2], [6, 7]),
        raw([3, 3], [0, 1], [8, 9]),
        raw([4], [0], [10]),
    )
    flagged.flags[0] = 1
    mixed, astray = raw([6, 6], [0, 1], [11, 12]), raw([7, 7, 7], [0, 1, 2], [13, 14, 15])
    mixed.source[1] = Source.FILE
    astray.start_s[1] += 60
    every = IntervalReads.concat(runs, gap, amended, flagged, mixed, astray)
    async with store() as work:
        await work.readings.append_raw(every, NO_REGISTERS, sure=True)
        await work.readings.append_versions(
            version(amended.take(slice(1)), 1, 12, Status.ESTIMATED, RECORDED)
        )

    async with store() as work:
        found = await work.readings.unbroken(
            HOURS, interval_s=900, channel_ids=[7, 6, 5, 4, 3, 2, 1, 8]
        )
        none = await work.readings.unbroken(HOURS, interval_s=900, channel_ids=[8])
        halves = await work.readings.unbroken(HOURS, interval_s=1800, channel_ids=[1, 2])

    expected = runs.take(np.array([3, 4, 0, 1, 2]))
    expected.recorded_us[2:] = to_epoch_us(RECORDED) + 7  # the newest of its channel
    assert rows(found) == rows(expected)
    assert len(none) == 0
    assert halves.value.tolist() == [6, 7], "of half hours, that is a run"


async def test_of_a_stretch_is_told_when_its_newest_raw_interval_became_known(store):
    reads = raw([1, 1, 1, 2], [0, 1, 5, 0], [1, 2, 3, 4])
    reads.recorded_us[:] += np.array([0, 5, 9, 3])
    hour = Period(START, START + timedelta(hours=1))
    later = Period(START + timedelta(days=1), START + timedelta(days=2))
    async with store() as work:
        await work.readings.append_raw(reads, NO_REGISTERS, sure=True)
        await work.readings.append_versions(
            version(reads.take(slice(1)), 1, 12, Status.ESTIMATED, RECORDED + timedelta(hours=1))
        )
        asked = [(2, hour), (1, hour), (1, HOURS), (1, later)]
        newest = await work.readings.newest_known(asked, as_of=RECORDED + timedelta(hours=2))
        before = await work.readings.newest_known(asked[1:2], as_of=RECORDED)

    micros = [None if at is None else (at - RECORDED) // timedelta(microseconds=1) for at in newest]
    assert micros == [3, 5, 9, None]
    assert before == [RECORDED]
