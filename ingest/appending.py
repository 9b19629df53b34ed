"""Put sieved reads to the database, and learn which of them it did not have yet."""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from ingest.known import Reads, Sieved, keys
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.ports.readings import ReadingStore


@dataclass(frozen=True, slots=True)
class Appended:
    """
    What a batch changed.

    Attributes:
        intervals: Stored now.
        registers: Stored now.
        disputed: Intervals whose stored value is another one; kept as conflicts (V06).
    """

    intervals: IntervalReads
    registers: RegisterReads
    disputed: IntervalReads


async def append(
    store: ReadingStore, intervals: Sieved[IntervalReads], registers: Sieved[RegisterReads]
) -> Appended:
    """Store reads within a transaction."""
    conflicts = zip_longest(
        intervals.conflicts,
        registers.conflicts,
    )
    new_intervals, new_registers, disputed = [], [], []
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
        if len(taken[0]):
            disputed.append(await store.differing(taken[0]))
    return Appended(
        IntervalReads.concat(IntervalReads.empty(), *new_intervals),
        RegisterReads.concat(RegisterReads.empty(), *new_registers),
        IntervalReads.concat(IntervalReads.empty(), *disputed),
    )


def _without(reads: Reads, taken: Reads) -> Reads:
    return reads.take(~np.isin(keys(reads), keys(taken))) if len(taken) else reads
