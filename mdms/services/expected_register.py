"""What a register is expected to show at an instant, by the reads and intervals around it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mdms.services.channel_bench import Bench


def expected_register(bench: Bench, at_s: int) -> int | None:
    """
    Return what the register would show at an instant, by what is stored; None without a read.

    It is the read before with the intervals since, or the read after less those until then. Where
    some are unknown and it was read on both sides, time divides what it counted between; where it
    was read on one side only, nothing was used that nobody knows of.

    Args:
        bench: The channel as it is stored now.
        at_s: Seconds since 1970-01-01 UTC; the interval boundary nearest to it is meant.

    Returns:
        Register quanta, from 0 to below the modulus.

    Source:
        vee.md 5.3: a change of usage is counted against what is known without the edit.
    """
    slots, limits, reads = bench.slots, bench.block.limits, bench.found.sums.bookends
    multiplier, modulus = int(limits.multiplier[0]), int(limits.modulus[0])
    offset = at_s - int(slots.start_s[0])
    here = min(max((2 * offset + slots.interval_s) // (2 * slots.interval_s), 0), len(slots))
    later = int(np.searchsorted(reads.boundary, here, side="right"))
    around = [_Read.of(bench, row, here) for row in (later - 1, later) if 0 <= row < len(reads)]
    if not around:
        return None
    whole = [each for each in around if each.whole]
    if whole or len(around) == 1:
        nearest = whole[0] if whole else around[0]
        return (nearest.value + nearest.usage // multiplier) % modulus
    before, after = around
    counted = (after.value - before.value) % modulus
    passed = counted * (here - before.boundary) // (after.boundary - before.boundary)
    return (before.value + passed) % modulus


@dataclass(frozen=True, slots=True)
class _Read:
    """
    A register read beside a boundary.

    Attributes:
        boundary: Where it stands.
        value: What it showed [register quanta].
        usage: What is known to have flowed from it to the boundary [quanta]; below zero backwards.
        whole: Every interval between is known.
    """

    boundary: int
    value: int
    usage: int
    whole: bool

    @classmethod
    def of(cls, bench: Bench, row: int, here: int) -> Self:
        reads = bench.found.sums.bookends
        boundary = int(reads.boundary[row])
        between = slice(*sorted((boundary, here)))
        usage = int(bench.value[between].sum())
        return cls(
            boundary=boundary,
            value=int(reads.value[row]),
            usage=usage if boundary <= here else -usage,
            whole=bool(bench.known[between].all()),
        )
