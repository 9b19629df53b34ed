"""What a run says about each channel-day: how much is actual, and what a person must look at."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_EXTREME,
    FLAG_OUTAGE_CONFLICT,
    Bool,
    Int64,
    Method,
    Status,
    rule_bit,
)
from vee.amend import Amended
from vee.block import Block
from vee.catalogue import RULES
from vee.disconnected import without_refuted
from vee.examination import V06, V08, V20, V21, V24, V29, V40, V41, V43, V45, V46, Examination
from vee.marks import Severity
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


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a channel-day broke; `channel` and `day` are positions in the block."""

    channel: int
    day: int
    rule: str
    severity: Severity
    detail: str


def tally(found: Examination, amended: Amended, rules: RuleSet) -> Tally:
    """Count what became of the expected slots of each day, which was judged by these rules."""
    first = found.block.slots.first[:-1]
    expected = found.block.expected

    def count(mask: Bool) -> Int64:
        return np.add.reduceat(expected & mask, first, axis=1, dtype=np.int64)

    status = amended.status
    estimates = (Status.ESTIMATED.code, Status.FINAL_ESTIMATE.code, Status.ZERO.code)
    estimated, missing = count(np.isin(status, estimates)), count(_missing(amended))
    held, every = count(status == Status.SUSPECT.code), count(expected)
    flags = np.bitwise_or.reduceat(np.where(status != 0, amended.flags, 0), first, axis=1)
    flags |= found.marks.day_flags(flags.shape[1])
    sums = found.sums
    for reads, bit in ((sums.rolled, V40), (sums.refused, V41), (sums.stuck, V43)):
        _mark(flags, reads.channel, _day_of(found, reads.boundary), bit)
    brackets = found.brackets
    for number in np.flatnonzero(found.overdrawn):  # rare: each one waits for a person
        days = _days_of(found, int(number))
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


def _missing(amended: Amended) -> Bool:
    missing: Bool = (amended.status == 0) | (amended.status == Status.MISSING.code)
    return missing


def _mark(flags: Int64, channel: Int64, day: Int64, bit: int) -> None:
    np.bitwise_or.at(flags, (channel, day), bit)


def _day_of(found: Examination, boundary: Int64) -> Int64:
    """Return the day that starts at or runs over a boundary."""
    slots = found.block.slots
    return slots.day[np.minimum(boundary, len(slots) - 1)]


def _days_of(found: Examination, bracket: int) -> slice:
    """Return the days that a bracket shares a slot with."""
    day, brackets = found.block.slots.day, found.brackets
    return slice(int(day[brackets.first[bracket]]), int(day[brackets.last[bracket] - 1]) + 1)


def findings(found: Examination, amended: Amended, judged: Bool) -> list[Finding]:
    """
    List what a person must look at.

    Args:
        found: The examined block.
        amended: Its slots after the run.
        judged: Channel-days to report on, shape (channels, days).

    Returns:
        At most one finding for each channel, day and rule, sorted by them.
    """
    listed = [
        *_slot_findings(found, amended, judged),
        *_bracket_findings(found, amended, judged),
        *_register_findings(found, judged),
        *_day_findings(found, judged),
    ]
    listed += _unnamed(found, amended, judged, listed)
    merged: dict[tuple[int, int, str], Finding] = {}
    for finding in listed:
        merged.setdefault((finding.channel, finding.day, finding.rule), finding)
    return [merged[key] for key in sorted(merged)]


def _slot_findings(found: Examination, amended: Amended, judged: Bool) -> list[Finding]:
    rows = _worth_a_look(found, amended, judged)
    if len(rows) == 0:
        return []
    block = found.block
    status, flags, method = amended.status[rows], amended.flags[rows], amended.method[rows]
    absent = (status == 0) | (status == Status.MISSING.code)
    suspect = status == Status.SUSPECT.code
    withdrawn = suspect & ((flags & V08) != 0)
    below = ((flags & V20) != 0) & (status != 0)
    above = ((flags & V21) != 0) & (status != 0)
    extreme = (flags & FLAG_EST_EXTREME) != 0
    conflict = (flags & FLAG_OUTAGE_CONFLICT) != 0
    contested = np.zeros_like(extreme) if block.edits is None else block.edits.contested[rows]
    crude = np.isin(method, (Method.C1, Method.A1))
    forward_only = ~block.limits.reversible[rows, None]
    kinds = (
        (
            "V08",
            Severity.FAIL,
            block.expected[rows] & ((absent & ~_waiting(block)) | withdrawn),
            "{} intervals missing, and nothing to estimate them from",
        ),
        ("V20", Severity.FAIL, below & forward_only, "{} intervals below zero"),
        ("V20", Severity.HOLD, below & suspect & ~forward_only, "{} intervals of reverse flow"),
        ("V20", Severity.WARN, below & ~forward_only, "{} intervals of reverse flow"),
        ("V21", Severity.FAIL, above, "{} intervals beyond the physical maximum"),
        (
            "V06",
            Severity.HOLD,
            suspect & ((flags & V06) != 0),
            "{} intervals were received twice, differently, and no register tells which is right",
        ),
        (
            "V24",
            Severity.HOLD,
            suspect & ((flags & V24) != 0),
            "{} intervals stand out from their day and from all days before",
        ),
        (
            "V45",
            Severity.WARN,
            (method != 0) & ~suspect & ((flags & V45) != 0),
            "{} intervals were replaced: each alone explains what its register does not",
        ),
        (
            "EST_EXTREME",
            Severity.WARN,
            extreme & ~suspect,
            "{} estimates scaled far from their pattern to meet the register",
        ),
        (
            "OUTAGE_CONFLICT",
            Severity.WARN,
            conflict & ~suspect,
            "{} estimates although power was said to be out: the register went on counting",
        ),
        (
            "REJECTED",
            Severity.HOLD,
            suspect & block.edited[rows],
            "{} intervals were rejected by somebody and wait for other values",
        ),
        (
            "ACTUAL_VS_EDIT",
            Severity.HOLD,
            contested,
            "{} intervals were received after a person had set them",
        ),
        (
            "V29",
            Severity.HOLD,
            conflict & ~suspect & ((flags & V29) != 0),
            "{} intervals in which the register counted on while the service is confirmed off",
        ),
        (
            "EST_CRUDE",
            Severity.WARN,
            crude & block.context.net_metering[rows, None],
            "{} estimates from averages alone, on a service that generates",
        ),
    )
    first = block.slots.first[:-1]
    listed = []
    for rule, severity, mask, sentence in kinds:
        counts = np.add.reduceat(mask, first, axis=1, dtype=np.int64) * judged[rows]
        listed += [
            Finding(int(rows[row]), int(day), rule, severity, sentence.format(counts[row, day]))
            for row, day in zip(*np.nonzero(counts), strict=True)
        ]
    return listed


def _waiting(block: Block) -> Bool:
    """Return the slots of days that a mass event made silent: nobody is asked about each meter."""
    waiting = block.evidence.waiting
    none = np.zeros(len(block.slots), np.bool_)
    return none if waiting is None else np.take(waiting, block.slots.day)


def _worth_a_look(found: Examination, amended: Amended, judged: Bool) -> Int64:
    """Return the channels that have anything else than sound values in a day to report on."""
    status = amended.status
    other = (status != Status.VALIDATED.code) & (found.block.expected | (status != 0))
    other |= amended.flags != 0
    if found.block.edits is not None:
        other |= found.block.edits.contested
    other &= judged[:, found.block.slots.day]
    return np.flatnonzero(other.any(axis=1))


def _bracket_findings(found: Examination, amended: Amended, judged: Bool) -> list[Finding]:
    brackets = found.brackets
    listed = []
    unequal = found.unequal.copy()
    if found.block.edits is not None and unequal.any():  # nobody asks where all was accepted
        unequal &= brackets.count(amended.status == Status.SUSPECT.code) > 0
    for number in np.flatnonzero(unequal | found.overdrawn):
        channel, span = int(brackets.channel[number]), _days_of(found, int(number))
        slots, off = brackets.last[number] - brackets.first[number], -found.residual[number]
        if found.unequal[number]:
            rule, detail = "V45", f"{slots} intervals and their register differ by {off:+d} quanta"
        else:
            rule, detail = "V46", f"intervals beside a gap exceed their register by {off} quanta"
        listed += [
            Finding(channel, day, rule, Severity.HOLD, detail)
            for day in range(span.start, span.stop)
            if judged[channel, day]
        ]
    return listed


def _register_findings(found: Examination, judged: Bool) -> list[Finding]:
    kinds = (
        ("V41", found.sums.refused, "register {} does not follow the one before"),
        ("V43", found.sums.stuck, "register {} stood still while something flowed"),
    )
    return [
        Finding(channel, day, rule, Severity.FAIL, sentence.format(value))
        for rule, reads, sentence in kinds
        for channel, day, value in zip(
            reads.channel.tolist(),
            _day_of(found, reads.boundary).tolist(),
            reads.value.tolist(),
            strict=True,
        )
        if judged[channel, day]
    ]


def _unnamed(
    found: Examination, amended: Amended, judged: Bool, listed: list[Finding]
) -> list[Finding]:
    """Name the rules of suspect values on days of which nothing else that waits was listed."""
    suspect = (amended.status == Status.SUSPECT.code) & found.block.expected
    first = found.block.slots.first
    counts = np.add.reduceat(suspect, first[:-1], axis=1, dtype=np.int64) * judged
    waits = {(each.channel, each.day) for each in listed if each.severity in _WAITS}
    unnamed = []
    for channel, day in zip(*(axis.tolist() for axis in np.nonzero(counts)), strict=True):
        if (channel, day) in waits:
            continue
        here = slice(int(first[day]), int(first[day + 1]))
        flags = amended.flags[channel, here][suspect[channel, here]]
        broken = [
            (rule.code, rule.says, np.count_nonzero(flags & rule_bit(rule.number)))
            for rule in RULES
            if not _WAITS.isdisjoint(rule.severities)
        ]
        unnamed += [
            Finding(channel, day, code, Severity.HOLD, f"{number} intervals are held. {says}")
            for code, says, number in broken
            if number
        ]
    return unnamed


_WAITS = frozenset({Severity.FAIL, Severity.HOLD})
"""What a person decides about."""

_OF_DAYS = {
    (5, Severity.HOLD): "the meter's clock is off by {:+} s",
    (5, Severity.FAIL): "the meter's clock is off by {:+} s: its values belong elsewhere",
    (29, Severity.HOLD): "{} intervals with usage while the service is confirmed off",
    (30, Severity.WARN): "{} quanta in a day without an account",
    (30, Severity.HOLD): "{} quanta since the last account",
    (31, Severity.WARN): "{} Wh received from a service that does not generate",
    (33, Severity.WARN): "{} intervals with energy from the sun at night",
    (35, Severity.HOLD): "{} intervals with a voltage beyond range B",
}
"""What a person must look at among the rules of days; the others are counted only."""


def _day_findings(found: Examination, judged: Bool) -> list[Finding]:
    return [
        Finding(channel, day, f"V{marks.rule:02}", marks.severity, sentence.format(amount))
        for marks in found.marks.days
        for sentence in [_OF_DAYS.get((marks.rule, marks.severity))]
        for channel, day, amount in zip(
            marks.channel.tolist(), marks.day.tolist(), marks.amount.tolist(), strict=True
        )
        if sentence and judged[channel, day]
    ]
