"""
The truth: what happened, what was sent, what leaked; Parquet files for anyone's comparison.

Days whose messages can no longer be acknowledged late are spooled to disk, so that memory does
not grow with the length of a run; `write` may be called again while the run goes on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mdms.domain.readings import Bool, Int64
from simulators.air import Air, DayCounted, Told
from simulators.alarms import EventLog
from simulators.channels import HISTORY, Block
from simulators.city import City
from simulators.clocks import RIGHT_WITHIN_S
from simulators.load.water import Leaks

_UTC_US = pa.timestamp("us", tz="UTC")
_DAYS_KEPT = 5
"""A day's intervals travel until the next noon, and collectors give them away for 72 h more."""
_AGE_S_MAX, _AHEAD_S_MAX = 45 * 86400, 300
"""Registers and events stamped outside these limits are refused."""

INTERVALS = pa.schema(
    [
        ("meter", pa.string()),
        ("reading_type", pa.string()),
        ("start_utc", _UTC_US),
        ("value", pa.int64()),
        ("sent", pa.bool_()),
    ]
)
REGISTERS = pa.schema(
    [
        ("meter", pa.string()),
        ("reading_type", pa.string()),
        ("at_utc", _UTC_US),
        ("value", pa.int64()),
        ("sent", pa.bool_()),
    ]
)
EXPECTED = pa.schema(
    [
        ("meter", pa.string()),
        ("reading_type", pa.string()),
        ("from_utc", _UTC_US),
        ("to_utc", _UTC_US),
    ]
)
LEAKS = pa.schema(
    [
        ("meter", pa.string()),
        ("from_utc", _UTC_US),
        ("to_utc", _UTC_US),
        ("kind", pa.string()),
        ("rate_quanta_per_h", pa.int64()),
    ]
)
EVENTS = pa.schema(
    [
        ("meter", pa.string()),
        ("at_utc", _UTC_US),
        ("code", pa.int32()),
        ("sub", pa.int32()),
        ("value", pa.int64()),
        ("stamp_utc", _UTC_US),
        ("sent", pa.bool_()),
    ]
)
SWITCHES = pa.schema(
    [
        ("meter", pa.string()),
        ("at_utc", _UTC_US),
        ("position", pa.string()),
        ("command_id", pa.string()),
    ]
)


class Ledger:
    """Keeps the truth of a run in `directory`; a context manager that drops its spool."""

    def __init__(self, directory: Path, city: City, air: Air, leaks: Leaks, log: EventLog) -> None:
        self._directory, self._log = directory, log
        self._city, self._air, self._leaks = city, air, leaks
        self._counts = ~np.concatenate([b.measures_voltage for b in air.blocks])
        self._badge = pa.array(np.concatenate([b.badge for b in air.blocks]), pa.string())
        self._kind = pa.array(np.concatenate([b.reading_type for b in air.blocks]), pa.string())
        directory.mkdir(parents=True, exist_ok=True)
        self._spool = TemporaryDirectory(prefix=".spool-", dir=directory)
        self._spooled = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.cleanup()

    def settle(self) -> None:
        """Move days that cannot change any more out of memory."""
        days = self._air.unwritten
        while len(days) > _DAYS_KEPT:
            at_s = self._air.now_s
            pq.write_table(self._intervals(days[:2], at_s), self._part("intervals", self._spooled))
            pq.write_table(self._registers(days[0], at_s), self._part("registers", self._spooled))
            self._spooled += 1
            del days[0]

    def write(self) -> None:
        """Write every file as things stand at the end of the last step."""
        until_s, days = self._air.now_s, self._air.unwritten
        intervals = (self._intervals(days[k : k + 2], until_s) for k in range(len(days)))
        registers = (self._registers(day, until_s) for day in days)
        self._write("intervals", INTERVALS, self._with_spool("intervals", intervals))
        self._write("registers", REGISTERS, self._with_spool("registers", registers))
        self._write("expected", EXPECTED, [self._expected(until_s)])
        self._write("leaks", LEAKS, [self._leaks_until(until_s)])
        self._write("events", EVENTS, [self._events()])
        self._write("switches", SWITCHES, [self._switches()])

    def _part(self, name: str, number: int) -> Path:
        return Path(self._spool.name) / f"{name}-{number:05d}.parquet"

    def _with_spool(self, name: str, fresh: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for number in range(self._spooled):
            yield pq.read_table(self._part(name, number))
        yield from fresh

    def _write(
        self, name: str, schema: pa.Schema, tables: Iterator[pa.Table] | Sequence[pa.Table]
    ) -> None:
        path = self._directory / f"{name}.parquet"
        aside = path.with_suffix(".part")
        with pq.ParquetWriter(aside, schema) as writer:
            for table in tables:
                writer.write_table(table)
        aside.replace(path)

    def _intervals(self, days: Sequence[DayCounted], until_s: int) -> pa.Table:
        """Return the intervals of the first day; the second one's messages carry some of them."""
        day, metered = days[0].day, days[0].metered
        channel, start_s, value, sent = [], [], [], []
        for block, one in zip(self._air.blocks, metered, strict=True):
            starts_s = day.starts_s(block.interval_s)
            over = starts_s + block.interval_s <= until_s
            told = _carried(block, days, until_s) & ~one.gap & ~self._silent(block, starts_s)
            channel.append(np.repeat(block.first + np.arange(len(block)), over.sum()))
            start_s.append(np.tile(starts_s[over], len(block)))
            value.append(one.value[:, over].ravel())
            sent.append(told[:, over].ravel())
        return self._table(
            INTERVALS,
            np.concatenate(channel),
            np.concatenate(start_s),
            np.concatenate(value),
            np.concatenate(sent),
        )

    def _registers(self, day: DayCounted, until_s: int) -> pa.Table:
        """Return every register that a message of the day carried, once a stamp; no voltage's."""
        channel = np.concatenate([told.channel for told in day.told])
        stamp_s = np.concatenate([told.stamp_s for told in day.told])
        value = np.concatenate([told.register for told in day.told])
        sent = np.concatenate([told.acknowledged & _is_timely(told) for told in day.told])
        over = np.concatenate([told.sent_s for told in day.told]) <= until_s
        over &= self._counts[channel]
        order = np.flatnonzero(over)[np.lexsort((~sent[over], stamp_s[over], channel[over]))]
        channel, stamp_s = channel[order], stamp_s[order]
        # Of equal stamps the first row was sent, if any was.
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (channel[1:] != channel[:-1]) | (stamp_s[1:] != stamp_s[:-1])
        order, channel, stamp_s = order[fresh], channel[fresh], stamp_s[fresh]
        return self._table(REGISTERS, channel, stamp_s, value[order], sent[order])

    def _expected(self, until_s: int) -> pa.Table:
        """Return when each channel's meter was installed and might talk."""
        rows = [
            (block.first + row, from_s, to_s)
            for block in self._air.blocks
            for row, meter in enumerate(block.meter.tolist())
            for from_s, to_s in self._talking(meter, until_s)
        ]
        channel, from_s, to_s = np.array(rows, np.int64).T
        at = pa.array(channel)
        columns = [self._badge.take(at), self._kind.take(at), _utc(from_s), _utc(to_s)]
        return pa.table(columns, schema=EXPECTED)

    def _talking(self, meter: int, until_s: int) -> Iterator[tuple[int, int]]:
        """Yield the stretches in which a meter's transmitter was on."""
        begun_s = self._city.start_s
        for from_s, to_s in self._air.supply.silent(meter):
            yield begun_s, round(min(from_s, until_s))
            begun_s = round(min(to_s, until_s))
        if begun_s < until_s:
            yield begun_s, until_s

    def _silent(self, block: Block, starts_s: Int64) -> Bool:
        """Return which intervals began while their meter's transmitter was off."""
        silent = np.zeros((len(block), len(starts_s)), np.bool_)
        for row, meter in enumerate(block.meter.tolist()):
            for from_s, to_s in self._air.supply.silent(meter):
                silent[row] |= (starts_s >= from_s) & (starts_s < to_s)
        return silent

    def _events(self) -> pa.Table:
        """Return every event with its time, and with what the meter's clock said then."""
        events = self._log.events
        at_s = np.array([event.at_s for event in events], np.int64)
        meter = np.array([event.meter for event in events], np.int64)
        ahead_s = self._air.radio.clock_error_s[meter]
        timely = (ahead_s >= -_AGE_S_MAX) & (ahead_s <= _AHEAD_S_MAX)
        columns = [
            pa.array([self._badge_of(event.meter) for event in events], pa.string()),
            _utc(at_s),
            pa.array([int(event.code) for event in events], pa.int32()),
            pa.array([int(event.sub) for event in events], pa.int32()),
            pa.array([event.value for event in events], pa.int64()),
            _utc(at_s + ahead_s),
            pa.array(np.array(self._log.acknowledged, np.bool_) & timely),
        ]
        return pa.table(columns, schema=EVENTS)

    def _switches(self) -> pa.Table:
        moves = self._air.supply.moves
        columns = [
            pa.array([self._badge_of(move.meter) for move in moves], pa.string()),
            _utc(np.array([move.at_s for move in moves], np.int64)),
            pa.array([move.position.name.lower() for move in moves], pa.string()),
            pa.array([str(UUID(bytes=move.command_id)) for move in moves], pa.string()),
        ]
        return pa.table(columns, schema=SWITCHES)

    def _badge_of(self, meter: int) -> str:
        return self._city.registry.meters[meter].badge

    def _leaks_until(self, until_s: int) -> pa.Table:
        leaks = self._leaks
        begun = leaks.from_s < until_s
        badges = [self._badge_of(meter) for meter in leaks.row[begun]]
        to_s = np.minimum(leaks.to_s[begun], until_s)
        columns = [pa.array(badges, pa.string()), _utc(leaks.from_s[begun]), _utc(to_s)]
        columns.append(pa.array(leaks.kind[begun], pa.string()))
        return pa.table([*columns, pa.array(leaks.rate[begun])], schema=LEAKS)

    def _table(
        self,
        schema: pa.Schema,
        channel: Int64,
        second: Int64,
        value: npt.NDArray[np.integer],
        sent: Bool,
    ) -> pa.Table:
        rows = pa.array(channel)
        return pa.table(
            [
                self._badge.take(rows),
                self._kind.take(rows),
                _utc(second),
                pa.array(value.astype(np.int64)),
                pa.array(sent),
            ],
            schema=schema,
        )


def _carried(block: Block, days: Sequence[DayCounted], until_s: int) -> Bool:
    """Return which intervals of the first day acknowledged messages spoke of."""
    day = days[0].day
    slots = day.slots(block.interval_s)
    carried = np.zeros((len(block), slots), np.bool_)
    for told in (told for one in days for told in one.told):
        row = told.channel - block.first
        rows = np.flatnonzero(
            told.acknowledged
            & (np.abs(told.clock_s) <= RIGHT_WITHIN_S)
            & (row >= 0)
            & (row < len(block))
            & (told.sent_s <= until_s)
        )
        newest = (told.newest_s[rows] - day.start_s) // block.interval_s - 1
        back = np.arange(HISTORY)
        slot = newest[:, None] - back
        known = (back < told.count[rows][:, None]) & (slot >= 0) & (slot < slots)
        at, _ = np.nonzero(known)
        carried[row[rows][at], slot[known]] = True
    return carried


def _is_timely(told: Told) -> Bool:
    """Return which messages have a stamp within the age limits."""
    ahead_s = told.stamp_s - told.sent_s
    return np.asarray((ahead_s >= -_AGE_S_MAX) & (ahead_s <= _AHEAD_S_MAX))


def _utc(second: npt.NDArray[np.integer]) -> pa.Array:
    return pa.array(second.astype(np.int64) * 1_000_000, pa.int64()).cast(_UTC_US)
