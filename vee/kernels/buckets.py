"""Buckets: what time-of-use registers leave for the missing slots of each bracket."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import Limits
from vee.evidence import BucketRegisters
from vee.kernels.brackets import Brackets


@dataclass(frozen=True, slots=True)
class BucketResiduals:
    """
    What is left for each bucket of each bracket.

    Attributes:
        known: Brackets whose buckets were all read at both ends and agree with the total, shape
            (brackets,).
        residual: Usage less the usable values of each bracket and bucket [quanta], 0 where not
            known, shape (brackets, buckets).
    """

    known: Bool
    residual: Int64


def bucket_residuals(
    registers: BucketRegisters,
    brackets: Brackets,
    value: Int64,
    *,
    missing: Bool,
    limits: Limits,
    tolerance: Int64,
) -> BucketResiduals:
    """
    Split what the brackets leave by time-of-use bucket.

    Args:
        registers: Reads of the buckets' own registers.
        brackets: Brackets of the channels' total registers.
        value: Usable quanta, 0 elsewhere, shape (channels, slots).
        missing: Slots to estimate, shape (channels, slots).
        limits: Of the channels: their register's modulus, resolution and multiplier.
        tolerance: How far buckets and total may differ, in thousandths, shape (brackets,).
    """
    count = int(registers.bucket.max(initial=-1)) + 1
    usage = np.zeros((len(brackets), count), np.int64)
    residual, known = usage.copy(), np.ones(len(brackets), np.bool_)
    for number in range(count):
        mine = registers.of == number
        reads = _Reads.of(registers, mine, value.shape[1])
        first, has_first = reads.at(brackets.channel, brackets.first)
        last, has_last = reads.at(brackets.channel, brackets.last)
        usage[:, number] = ((last - first) % limits.modulus[brackets.channel]) * limits.multiplier[
            brackets.channel
        ]
        within = registers.bucket == number
        residual[:, number] = usage[:, number] - brackets.total(np.where(within, value, 0))
        known &= (has_first & has_last) | (brackets.count(within) == 0)
    known &= brackets.count(missing & (registers.bucket < 0)) == 0
    known &= 1000 * np.abs(usage.sum(axis=1) - brackets.usage) <= tolerance * max(count, 1)
    return BucketResiduals(known, residual * known[:, None])


@dataclass(frozen=True, slots=True)
class _Reads:
    """Reads of one bucket by channel and boundary."""

    key: Int64
    value: Int64
    slots: int

    @classmethod
    def of(cls, registers: BucketRegisters, mine: Bool, slots: int) -> "_Reads":
        key = registers.channel[mine] * (slots + 1) + registers.boundary[mine]
        order = np.argsort(key, kind="stable")
        return cls(key[order], registers.value[mine][order], slots)

    def at(self, channel: Int64, boundary: Int64) -> tuple[Int64, Bool]:
        """Return what was read, and whether anything was."""
        if len(self.key) == 0:
            return np.zeros(len(channel), np.int64), np.zeros(len(channel), np.bool_)
        wanted = channel * (self.slots + 1) + boundary
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        found = self.key[place] == wanted
        return np.where(found, self.value[place], 0), found
