"""Store the reads of a file within its transaction, and remember which days they change."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.dials import DialRead
from mdms.domain.readings import RAW_VERSION, Bool, Int64, IntervalReads, RegisterReads
from mdms.domain.time import (
    Period,
    days_between,
    from_epoch_s,
    local_day,
    local_midnight,
    to_epoch_s,
)
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.import_intake import Batch

Reads = TypeVar("Reads", IntervalReads, RegisterReads)

_BOOKEND_S_MAX: Final = 60
"""A register this close after midnight still closes the day before."""
_DAY_BITS: Final = 24
_TIME_BITS: Final = 33
_MONTH_S: Final = 32 * 86_400
_DAY_S: Final = 86_400
_INTERVAL_S: Final = 900
_REGISTER_S: Final = 4 * 3600
_DENSE: Final = 8
"""Rows that may be loaded for each that is looked up; more of them are put to the unique key."""


class ImportedReads:
    """
    Reads on their way to the store.

    Attributes:
        counts: new_count and disputed_count of `ReadingImport`.
    """

    def __init__(self, work: UnitOfWork, zone: ZoneInfo, now: datetime) -> None:
        self._work = work
        self._zone = zone
        self._now = now
        self._days = np.empty(0, np.int64)
        """Channel and ordinal of each day that has something new, in one number."""
        self.counts: Counter[str] = Counter()

    async def store(self, batch: Batch) -> None:
        """Store a batch; of values for the same key the first counts, others are conflicts."""
        for intervals in _turns(batch.intervals, batch.intervals.start_s):
            await self._intervals(intervals)
        for registers in _turns(batch.registers, batch.registers.at_s):
            await self._registers(registers)
        if batch.dials:
            await self._dials(batch.dials)

    async def touch(self, judged_until: date | None) -> None:
        """Send days that were judged already back to validation; right before the commit."""
        if judged_until is None:
            return
        channels, ordinals = self._days >> _DAY_BITS, self._days & (1 << _DAY_BITS) - 1
        judged = ordinals <= judged_until.toordinal()
        pairs = zip(channels[judged].tolist(), ordinals[judged].tolist(), strict=True)
        await self._work.vee.touch((channel, date.fromordinal(day)) for channel, day in pairs)

    async def _intervals(self, reads: IntervalReads) -> None:
        """Ask for what is known of them first: most of a file that comes again is."""
        sparse = [IntervalReads.empty()]
        for part, is_dense in _portions(reads, reads.start_s, _INTERVAL_S):
            if not is_dense:
                sparse.append(part)
                continue
            stored = await self._work.readings.intervals(
                _span(part.start_s), channel_ids=np.unique(part.channel_id).tolist()
            )
            raw = stored.take(stored.version == RAW_VERSION)
            new, other = _sieve(part, raw, part.start_s, raw.start_s)
            await self._append(new, RegisterReads.empty(), sure=True)
            await self._append(other, RegisterReads.empty(), sure=False)
        await self._append(IntervalReads.concat(*sparse), RegisterReads.empty(), sure=False)

    async def _registers(self, reads: RegisterReads) -> None:
        sparse = [RegisterReads.empty()]
        for part, is_dense in _portions(reads, reads.at_s, _REGISTER_S):
            if not is_dense:
                sparse.append(part)
                continue
            stored = await self._work.readings.registers(
                _span(part.at_s), channel_ids=np.unique(part.channel_id).tolist()
            )
            raw = stored.take(stored.version == RAW_VERSION)
            new, other = _sieve(part, raw, part.at_s, raw.at_s)
            await self._append(IntervalReads.empty(), new, sure=True)
            await self._append(IntervalReads.empty(), other, sure=False)
        await self._append(IntervalReads.empty(), RegisterReads.concat(*sparse), sure=False)

    async def _dials(self, reads: Sequence[DialRead]) -> None:
        kept = await self._work.dials.add(reads, self._now)
        self.counts["new_count"] += len(kept.new)
        self.counts["disputed_count"] += kept.disputed
        channel_id = np.array([each.channel_id for each in kept.new], np.int32)
        at_s = np.array([each.at_s for each in kept.new], np.int64)
        for back_s in (0, _BOOKEND_S_MAX):
            self._remember(channel_id, at_s - back_s)

    async def _append(
        self, intervals: IntervalReads, registers: RegisterReads, *, sure: bool
    ) -> None:
        if not (len(intervals) or len(registers)):
            return
        known, known_registers = await self._work.readings.append_raw(
            intervals, registers, sure=sure
        )
        fresh = _without(intervals, known, intervals.start_s, known.start_s)
        fresh_registers = _without(registers, known_registers, registers.at_s, known_registers.at_s)
        disputed = await self._work.readings.differing(known) if len(known) else known
        self.counts["new_count"] += len(fresh) + len(fresh_registers)
        self.counts["disputed_count"] += len(disputed)
        changed = IntervalReads.concat(fresh, disputed)
        self._remember(changed.channel_id, changed.start_s)
        for back_s in (0, _BOOKEND_S_MAX):
            self._remember(fresh_registers.channel_id, fresh_registers.at_s - back_s)

    def _remember(
        self, channel_id: np.ndarray[tuple[int], np.dtype[np.int32]], at_s: Int64
    ) -> None:
        if not len(at_s):
            return
        first, last = (
            local_day(from_epoch_s(int(edge)), self._zone) for edge in (at_s.min(), at_s.max())
        )
        midnight_s = [
            to_epoch_s(local_midnight(day, self._zone)) for day in days_between(first, last)
        ]
        place = np.searchsorted(np.array(midnight_s, np.int64), at_s, side="right") - 1
        key = channel_id.astype(np.int64) << _DAY_BITS | (first.toordinal() + place)
        self._days = np.union1d(self._days, key)


def _turns(reads: Reads, at_s: Int64) -> Iterator[Reads]:
    """Yield reads in parts in which a key comes once; copies of the same value are dropped."""
    order = np.lexsort((at_s, reads.channel_id))
    rest, at_s = reads.take(order), at_s[order]
    while len(rest):
        first = _is_first(rest, at_s)
        yield rest.take(first)
        shown = rest.value[np.flatnonzero(first)[np.cumsum(first) - 1]]
        other = ~first & (rest.value != shown)
        rest, at_s = rest.take(other), at_s[other]


def _is_first(reads: Reads, at_s: Int64) -> Bool:
    first = np.ones(len(reads), np.bool_)
    first[1:] = (reads.channel_id[1:] != reads.channel_id[:-1]) | (at_s[1:] != at_s[:-1])
    return first


def _portions(
    reads: Reads, at_s: Int64, usual_s: int, widths_s: tuple[int, ...] = (_MONTH_S, _DAY_S)
) -> Iterator[tuple[Reads, bool]]:
    """
    Yield parts, and whether a part is dense: all that is stored of its time is little more than it.

    Args:
        reads: Sorted by channel and time.
        at_s: Their times.
        usual_s: Their usual distance.
        widths_s: Of the stretches of time to try, one after the other.
    """
    if not widths_s:
        yield reads, False
        return
    stretch = at_s // widths_s[0]
    for each in np.unique(stretch).tolist():
        within = stretch == each
        part, times = reads.take(within), at_s[within]
        slots = int(times.max() - times.min()) // usual_s + 1
        if len(part) * _DENSE >= slots * len(np.unique(part.channel_id)):
            yield part, True
        else:
            yield from _portions(part, times, usual_s, widths_s[1:])


def _span(at_s: Int64) -> Period:
    return Period(from_epoch_s(int(at_s.min())), from_epoch_s(int(at_s.max()) + 1))


def _sieve(reads: Reads, stored: Reads, at_s: Int64, stored_at_s: Int64) -> tuple[Reads, Reads]:
    """Return the reads that are not stored, and those that are with another value."""
    if not len(stored):
        return reads, reads.take(slice(0, 0))
    key, known = _key(reads, at_s), _key(stored, stored_at_s)
    at = np.minimum(np.searchsorted(known, key), len(known) - 1)
    is_known = known[at] == key
    return reads.take(~is_known), reads.take(is_known & (stored.value[at] != reads.value))


def _without(reads: Reads, known: Reads, at_s: Int64, known_at_s: Int64) -> Reads:
    """Return the reads whose keys are not among the known ones."""
    if not len(known):
        return reads
    return reads.take(~np.isin(_key(reads, at_s), _key(known, known_at_s)))


def _key(reads: IntervalReads | RegisterReads, at_s: Int64) -> Int64:
    key: Int64 = reads.channel_id.astype(np.int64) << _TIME_BITS | at_s
    return key
