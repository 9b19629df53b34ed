"""How each channel-day ended: how much of it is actual, estimated, held, missing."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64, Status
from vee.amend import Amended
from vee.disconnected import without_refuted
from vee.examination import V40, V41, V42, V43, V46, Examination
from vee.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Tally:
    """
    Counts of expected slots per channel-day, each of shape (channels, days).

    expected = actual + estimated + missing + held; a derived value counts as actual.

    Attributes:
        flags: Union of the rule masks of the day's slots, and of the day's own rules; V29 only
            where no register refuted it.
        sound: The whole day was received and nothing is held.
        peak: Its largest value [quanta].
        usage: Its sum [quanta].
    """

    expected: Int64
    actual: Int64
    estimated: Int64
    missing: Int64
    held: Int64
    flags: Int64
    sound: Bool
    peak: Int64
    usage: Int64


def tally(found: Examination, amended: Amended, rules: RuleSet) -> Tally:
    """Count what became of the expected slots of each day, which was judged by these rules."""
    first = found.block.slots.first[:-1]
    expected = found.block.expected

    def count(mask: Bool) -> Int64:
        return np.add.reduceat(expected & mask, first, axis=1, dtype=np.int64)

    status = amended.status
    estimates = (Status.ESTIMATED.code, Status.FINAL_ESTIMATE.code, Status.ZERO.code)
    estimated, missing = count(np.isin(status, estimates)), count(amended.missing)
    held, every = count(status == Status.SUSPECT.code), count(expected)
    flags = np.bitwise_or.reduceat(np.where(status != 0, amended.flags, 0), first, axis=1)
    flags |= found.marks.day_flags(flags.shape[1])
    sums = found.sums
    for reads, bit in (
        (sums.rolled, V40),
        (found.refused(for_digits=False), V41),
        (found.refused(for_digits=True), V42),
        (sums.stuck, V43),
    ):
        _mark(flags, reads.channel, found.block.slots.day_of(reads.boundary), bit)
    brackets = found.brackets
    for number in np.flatnonzero(found.overdrawn):  # rare: each one waits for a person
        days = found.days_of(int(number))
        flags[brackets.channel[number], days] |= V46
    flags = without_refuted(flags, found, amended, rules)
    actual = (status == Status.VALIDATED.code) | (status == Status.ACCEPTED.code)
    value = np.where(expected & actual, amended.value, 0)
    return Tally(
        expected=every,
        actual=every - estimated - missing - held,
        estimated=estimated,
        missing=missing,
        held=held,
        flags=flags,
        sound=(every > 0) & (count(actual) == every),
        peak=np.maximum.reduceat(value, first, axis=1),
        usage=np.add.reduceat(value, first, axis=1),
    )


def _mark(flags: Int64, channel: Int64, day: Int64, bit: int) -> None:
    np.bitwise_or.at(flags, (channel, day), bit)
