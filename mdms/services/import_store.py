"""Store the reads of a file within its transaction, and remember which days they change."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int64, IntervalReads, RegisterReads
from mdms.domain.time import days_between, from_epoch_s, local_day, local_midnight, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.import_intake import Batch

Reads = TypeVar("Reads", IntervalReads, RegisterReads)

_BOOKEND_S_MAX: Final = 60
"""A register this close after midnight still closes the day before."""
_DAY_BITS: Final = 24


class ImportedReads:
    """
    Reads on their way to the store.

    Attributes:
        counts: new_count and disputed_count of `ReadingImport`.
    """

    def __init__(self, work: UnitOfWork, zone: ZoneInfo) -> None:
        self._work = work
        self._zone = zone
        self._days = np.empty(0, np.int64)
        """Channel and ordinal of each day that has something new, in one number."""
        self._all_new = True
        self.counts: Counter[str] = Counter()

    async def store(self, batch: Batch) -> None:
        """Store a batch; of values for the same key the first counts, others are conflicts."""
        empty = Batch(IntervalReads.empty(), RegisterReads.empty())
        for intervals in _turns(batch.intervals, batch.intervals.start_s):
            await self._append(Batch(intervals, empty.registers))
        for registers in _turns(batch.registers, batch.registers.at_s):
            await self._append(Batch(empty.intervals, registers))

    async def touch(self, judged_until: date | None) -> None:
        """Send days that were judged already back to validation; right before the commit."""
        if judged_until is None:
            return
        channels, ordinals = self._days >> _DAY_BITS, self._days & (1 << _DAY_BITS) - 1
        judged = ordinals <= judged_until.toordinal()
        pairs = zip(channels[judged].tolist(), ordinals[judged].tolist(), strict=True)
        await self._work.vee.touch((channel, date.fromordinal(day)) for channel, day in pairs)

    async def _append(self, batch: Batch) -> None:
        intervals, registers = batch.intervals, batch.registers
        known, known_registers = await self._work.readings.append_raw(
            intervals, registers, sure=self._all_new
        )
        self._all_new = not (len(known) or len(known_registers))
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


def _without(reads: Reads, known: Reads, at_s: Int64, known_at_s: Int64) -> Reads:
    if not len(known):
        return reads
    key, known_key = (
        rows.channel_id.astype(np.int64) << 33 | times
        for rows, times in ((reads, at_s), (known, known_at_s))
    )
    return reads.take(~np.isin(key, known_key))
