"""
What a person must look at after a run, in sentences.

A rule of days speaks by its row of `_OF_DAYS`, one of values by `_OF_VALUES`; without one it is
counted, and what it holds is listed by the words of the catalogue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_EXTREME,
    FLAG_OUTAGE_CONFLICT,
    Bool,
    Int16,
    Int64,
    Method,
    Status,
    UInt8,
    rule_bit,
)
from vee.amend import Amended
from vee.block import Block
from vee.catalogue import RULES
from vee.examination import V06, V08, V20, V21, V24, V29, V45, Examination
from vee.marks import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a channel-day broke; `channel` and `day` are positions in the block."""

    channel: int
    day: int
    rule: str
    severity: Severity
    detail: str


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


@dataclass(frozen=True)
class _Look:
    """
    Channels with anything else than sound values; grids have the shape (rows, slots).

    Attributes:
        block: What was judged.
        rows: Which of its channels, shape (rows,).
        status: Letter of Status as one byte, after the run.
        flags: Rule mask.
        method: Code of Method.
    """

    block: Block
    rows: Int64
    status: UInt8
    flags: Int64
    method: Int16

    @classmethod
    def at(cls, block: Block, amended: Amended, rows: Int64) -> "_Look":
        return cls(block, rows, amended.status[rows], amended.flags[rows], amended.method[rows])

    @cached_property
    def suspect(self) -> Bool:
        suspect: Bool = self.status == Status.SUSPECT.code
        return suspect

    @cached_property
    def standing(self) -> Bool:
        return ~self.suspect

    @cached_property
    def forward_only(self) -> Bool:
        """Meters that cannot run backwards, shape (rows, 1)."""
        return ~self.block.limits.reversible[self.rows, None]

    @cached_property
    def below_zero(self) -> Bool:
        below_zero: Bool = self.broke(V20) & (self.status != 0)
        return below_zero

    def broke(self, bit: int) -> Bool:
        """Return the values with this flag."""
        broken: Bool = (self.flags & bit) != 0
        return broken

    def is_lost(self) -> Bool:
        """Return what is missing or was withdrawn, but for days that a mass event made silent."""
        absent = (self.status == 0) | (self.status == Status.MISSING.code)
        absent &= ~_waiting(self.block)
        lost: Bool = self.block.expected[self.rows] & (absent | (self.suspect & self.broke(V08)))
        return lost

    def is_contested(self) -> Bool:
        edits = self.block.edits
        none = np.zeros(self.status.shape, np.bool_)
        contested: Bool = none if edits is None else edits.contested[self.rows]
        return contested

    def is_crude(self) -> Bool:
        """Return the estimates from averages alone, of services that generate."""
        generates = self.block.context.net_metering[self.rows, None]
        crude: Bool = np.isin(self.method, (Method.C1, Method.A1)) & generates
        return crude


_OF_VALUES: tuple[tuple[str, Severity, Callable[[_Look], Bool], str], ...] = (
    ("V08", Severity.FAIL, _Look.is_lost,
     "{} intervals missing, and nothing to estimate them from"),
    ("V20", Severity.FAIL, lambda at: at.below_zero & at.forward_only,
     "{} intervals below zero"),
    ("V20", Severity.HOLD, lambda at: at.below_zero & at.suspect & ~at.forward_only,
     "{} intervals of reverse flow"),
    ("V20", Severity.WARN, lambda at: at.below_zero & ~at.forward_only,
     "{} intervals of reverse flow"),
    ("V21", Severity.FAIL, lambda at: at.broke(V21) & (at.status != 0),
     "{} intervals beyond the physical maximum"),
    ("V06", Severity.HOLD, lambda at: at.broke(V06) & at.suspect,
     "{} intervals were received twice, differently, and no register tells which is right"),
    ("V24", Severity.HOLD, lambda at: at.broke(V24) & at.suspect,
     "{} intervals stand out from their day and from all days before"),
    ("V45", Severity.WARN, lambda at: at.broke(V45) & at.standing & (at.method != Method.NONE),
     "{} intervals were replaced: each alone explains what its register does not"),
    ("EST_EXTREME", Severity.WARN, lambda at: at.broke(FLAG_EST_EXTREME) & at.standing,
     "{} estimates scaled far from their pattern to meet the register"),
    ("OUTAGE_CONFLICT", Severity.WARN, lambda at: at.broke(FLAG_OUTAGE_CONFLICT) & at.standing,
     "{} estimates although power was said to be out: the register went on counting"),
    ("REJECTED", Severity.HOLD, lambda at: at.suspect & at.block.edited[at.rows],
     "{} intervals were rejected by somebody and wait for other values"),
    ("ACTUAL_VS_EDIT", Severity.HOLD, _Look.is_contested,
     "{} intervals were received after a person had set them"),
    ("V29", Severity.HOLD,
     lambda at: at.broke(FLAG_OUTAGE_CONFLICT) & at.broke(V29) & at.standing,
     "{} intervals in which the register counted on while the service is confirmed off"),
    ("EST_CRUDE", Severity.WARN, _Look.is_crude,
     "{} estimates from averages alone, on a service that generates"),
)  # fmt: skip
"""What a person must look at among values: the rule, what it means, which ones, the sentence."""


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
    look, first = _Look.at(found.block, amended, rows), found.block.slots.first[:-1]
    listed = []
    for rule, severity, which, sentence in _OF_VALUES:
        counts = np.add.reduceat(which(look), first, axis=1, dtype=np.int64) * judged[rows]
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
        channel, span = int(brackets.channel[number]), found.days_of(int(number))
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
        ("V41", found.refused(for_digits=False), "register {} does not follow the one before"),
        ("V42", found.refused(for_digits=True), "register {} is more than its dial can show"),
        ("V43", found.sums.stuck, "register {} stood still while something flowed"),
    )
    return [
        Finding(channel, day, rule, Severity.FAIL, sentence.format(value))
        for rule, reads, sentence in kinds
        for channel, day, value in zip(
            reads.channel.tolist(),
            found.block.slots.day_of(reads.boundary).tolist(),
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
