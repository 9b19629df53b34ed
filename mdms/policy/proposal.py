"""Who asked for a command, on what grounds, and who approved it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

SUPERVISOR = "supervisor"
SAFETY = "safety"


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's yes."""

    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """
    What somebody asked for.

    Attributes:
        role: The role in which it was asked for.
        approvals: Every approval so far; one of the requester's own does not count.
        evidence: Identifier of the record that proves the cause; may be empty.
        item: Item of Rule 9.D that an immediate disconnect rests on; may be empty.
    """

    requested_by: str
    requested_at: datetime
    role: str = ""
    approvals: tuple[Approval, ...] = ()
    evidence: str = ""
    item: str = ""

    def approvers(self, roles: Collection[str] | None = None) -> set[str]:
        """Return who approved, beside the requester; only those in some roles, if given."""
        return {
            approval.by
            for approval in self.approvals
            if approval.by != self.requested_by and (roles is None or approval.role in roles)
        }
