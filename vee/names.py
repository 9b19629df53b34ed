"""What marks, methods and statuses say, for people who ask why a value is what it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_COARSE,
    FLAG_EST_EXTREME,
    FLAG_EST_UNSCALED,
    FLAG_OUTAGE_CONFLICT,
    Method,
    Status,
    rule_bit,
)
from vee.catalogue import RULES

MARKS: Final[Mapping[int, str]] = MappingProxyType(
    {
        FLAG_EST_CLAMPED: "EST_CLAMPED: the register left a little less than nothing; taken as 0",
        FLAG_EST_UNSCALED: "EST_UNSCALED: not scaled, because a register is missing on one side",
        FLAG_EST_EXTREME: "EST_EXTREME: scaled far from its pattern to meet the register",
        FLAG_OUTAGE_CONFLICT: "OUTAGE_CONFLICT: power was said to be out, the register counted on",
        FLAG_EST_COARSE: "EST_COARSE: scaled to within a step of a coarse register",
    }
)

METHODS: Final[Mapping[Method, str]] = MappingProxyType(
    {
        Method.NONE: "as received or as a person set it",
        Method.D1: "what the registers leave for the one missing interval",
        Method.Z1: "zero: power was out",
        Method.Z2: "zero: the service was switched off",
        Method.K1: "copied from a second meter at the same point",
        Method.L1: "a straight line between its neighbours",
        Method.H1: "weighted mean of the same time on other days",
        Method.H2: "mean of the nearest like days",
        Method.H3: "the same weeks a year before",
        Method.C1: "what services of its class use at that time",
        Method.A1: "the average, spread evenly",
        Method.H4: "windows of other days that resemble the gap and hold as much energy",
    }
)

STATUSES: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.RAW: "received, not judged yet",
        Status.VALIDATED: "received and valid",
        Status.ACCEPTED: "doubted, then accepted",
        Status.SUSPECT: "suspect: kept from billing until somebody decides",
        Status.MISSING: "missing",
        Status.DERIVED: "derived exactly from registers",
        Status.ESTIMATED: "provisional estimate",
        Status.FINAL_ESTIMATE: "final estimate",
        Status.ZERO: "zero, because there was no power",
        Status.EDITED: "set by a person",
        Status.NOT_EXPECTED: "not expected",
    }
)


def in_words(flags: int) -> list[str]:
    """Return what a rule mask says, one sentence a bit, rules first."""
    rules = [
        f"{rule.code} {rule.name}: {rule.says}" for rule in RULES if flags & rule_bit(rule.number)
    ]
    return rules + [words for bit, words in MARKS.items() if flags & bit]
