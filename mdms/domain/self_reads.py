"""Customer Reads Own Meter: registers that customers read, and what became of each bill window."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from mdms.domain.controls import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfRead:
    """
    A register that somebody read with their eyes.

    Attributes:
        register: Billing units, as read: before the meter's multiplier.
        evidence: What proves it: a photo, a letter, a web form; may be empty.
        verifies: It was read by the utility, to verify the customer's.
        accepted: It is billed; one that was not is kept all the same.
        findings: Why it was not.
    """

    self_read_id: UUID
    channel_id: int
    badge: str
    read_at: datetime
    register: Decimal
    evidence: str
    verifies: bool
    received_at: datetime
    received_by: str
    accepted: bool
    findings: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class SelfReadMonth:
    """
    What became of a bill window [window_start, window_end) of a meter that its customer reads.

    Attributes:
        outcome: Value of `mdms.policy.self_read.Month`.
        basis: What the estimate rests on; empty where the window was read, or nothing is known.
        register: Quanta at its end, read or estimated; None where nobody can say.
    """

    channel_id: int
    window_start: date
    window_end: date
    outcome: str
    basis: str
    register: int | None
    closed_at: datetime
