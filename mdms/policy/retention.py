"""How long records are kept: policy.md 5.3, design 9. A legal hold overrides every term."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from mdms.domain.time import months_after
from mdms.policy.tables import TableError


class Record(StrEnum):
    """A kind of record, and the day its term runs from."""

    UPLINK_MESSAGE = "uplink_message"
    """From when it was received."""
    READ = "read"
    """Every version, intervals and registers: from when it was measured."""
    BILLING = "billing"
    """Determinants and exports: from the end of their period."""
    DECISION = "decision"
    AUDIT = "audit"
    CONSENT = "consent"
    """From when it ended."""
    PORTAL_LOG = "portal_log"
    INTAKE = "intake"
    """What could not be used, or never came: dead letters that nothing can cure, lost batches."""
    BOARD = "board"
    """Daily figures of boards: service levels, loads, outages; from their day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """Terms by kind of record: in days for some, in months for the others."""

    days: Mapping[str, int]
    months: Mapping[str, int]

    def __post_init__(self) -> None:
        named = [*self.days, *self.months]
        if sorted(named) != sorted(Record):
            raise TableError(f"retention needs one term for each of {', '.join(Record)}.")


def kept_until(record: Record, since: date, rules: RetentionRules) -> date:
    """Return the last day on which a record must be there."""
    if record in rules.days:
        return since + timedelta(days=rules.days[record])
    return months_after(since, rules.months[record])


def may_delete(
    record: Record, since: date, today: date, rules: RetentionRules, *, on_hold: bool | None
) -> bool:
    """
    Return whether a record may go.

    Args:
        record: What kind it is.
        since: The day its term runs from.
        today: Local day.
        rules: The terms.
        on_hold: Whether a legal hold covers it; None when nobody knows, which keeps it.
    """
    return on_hold is False and today > kept_until(record, since, rules)
