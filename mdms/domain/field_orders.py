"""Work that only a person at the meter can do: found by us, done and closed by people."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOrder:
    """
    One thing to be done at one meter.

    Attributes:
        control_id: The command that it came of; None where it came of none.
        reason: A code: the result of a command, or of a rule.
        detail: What to do, in words.
        is_safety: Somebody may get hurt: a switch that does not part, a hot meter.
        closed_at: When it was done, or needed no longer; None: it is open.
        closed_by: Name of a token, or of the part that found it done.
        outcome: What was done.
    """

    field_order_id: UUID
    badge: str
    usage_point_id: str
    control_id: UUID | None
    reason: str
    detail: str
    is_safety: bool
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: str = ""
    outcome: str = ""
