"""Validation of a meter's clock (V05)."""

from vee.marks import Severity
from vee.rule_tables import ClockRules


def clock_severity(offset_s: float, *, interval_s: int, rules: ClockRules) -> Severity | None:
    """
    Judge how far a meter's clock is from UTC; None where it is near enough.

    Args:
        offset_s: Meter's clock less UTC.
        interval_s: Length of an interval: a clock that is off by one or more says nothing.
        rules: What is warned of, and what is held since the last good check.

    Source:
        California DASMMD, +-3 minutes; vee.md 3.1, V05.
    """
    size = abs(offset_s)
    if size >= interval_s:
        return Severity.FAIL
    if size > rules.hold_s:
        return Severity.HOLD
    return Severity.WARN if size > rules.warn_s else None
