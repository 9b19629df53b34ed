"""Who does something, when, in which transaction: what every step of a programme needs."""

from dataclasses import dataclass
from datetime import date, datetime

from mdms.domain.audit import AuditEntry, Value
from mdms.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Act:
    """
    What somebody does within one transaction.

    Attributes:
        by: Name of the token, or of the part that acts.
        today: Local day of `now`.
    """

    work: UnitOfWork
    by: str
    now: datetime
    today: date

    def note(self, kind: str, subject: str, **told: Value) -> None:
        """Put a step into the audit."""
        self.work.audit.note(AuditEntry(self.now, kind, subject, self.by, told))
