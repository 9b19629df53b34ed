"""Put sieved reads to the database, and learn which of them it did not have yet."""

from itertools import zip_longest

import numpy as np

from ingest.known import Reads, Sieved, times
from mdms.domain.readings import Int64, IntervalReads, RegisterReads
from mdms.ports.readings import ReadingStore

_TIME_BITS = 33


async def append(
    store: ReadingStore, intervals: Sieved[IntervalReads], registers: Sieved[RegisterReads]
) -> tuple[IntervalReads, RegisterReads]:
    """Store reads within a transaction and return those that were new."""
    conflicts = zip_longest(
        intervals.conflicts,
        registers.conflicts,
    )
    new_intervals, new_registers = [], []
    for some_intervals, some_registers, sure in (
        (intervals.sure, registers.sure, True),
        (intervals.unsure, registers.unsure, False),
        # Their keys have just been taken, so the database keeps them as conflicts.
        *((first, second, False) for first, second in conflicts),
    ):
        part = some_intervals or IntervalReads.empty(), some_registers or RegisterReads.empty()
        if not any(part):
            continue
        taken = await store.append_raw(*part, sure=sure)
        new_intervals.append(_without(part[0], taken[0]))
        new_registers.append(_without(part[1], taken[1]))
    return (
        IntervalReads.concat(IntervalReads.empty(), *new_intervals),
        RegisterReads.concat(RegisterReads.empty(), *new_registers),
    )


def _without(reads: Reads, taken: Reads) -> Reads:
    return reads.take(~np.isin(_key(reads), _key(taken))) if len(taken) else reads


def _key(reads: Reads) -> Int64:
    key: Int64 = reads.channel_id.astype(np.int64) << _TIME_BITS | times(reads)
    return key
