"""
The opt-out programme: requests of accounts, what they are charged, what people must do for it.

An enrolment speaks for an account and its residences; the opt-outs of single meters that it leads
to are `mdms.domain.controls.Optout`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from mdms.domain.controls import Refusal
from mdms.domain.registry import Meter, Premise, UsagePoint


class EnrolmentState(StrEnum):
    """How far a request to opt out has come."""

    PENDING = "pending"
    """The signed form is missing."""
    REFERRED = "referred"
    """Somebody decides."""
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    """The customer took it back, or left, before it was decided."""
    LAPSED = "lapsed"
    """The form did not come back in time."""
    IN_FORCE = "in_force"
    ENDED = "ended"
    """The customer opted in, or left."""
    REVOKED = "revoked"


UNDECIDED: Final = frozenset({EnrolmentState.PENDING, EnrolmentState.REFERRED})
ALIVE: Final = UNDECIDED | {EnrolmentState.IN_FORCE}

RADIO_PAUSE: Final = timedelta(hours=6)
"""Before a radio that could not be switched is asked for again: longer than most fades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledService:
    """
    One of the services asked for.

    Attributes:
        badge: The meter that hangs there.
        verdict: Of the decision about this service.
        code: Its primary code.
        refusals: Every failing row, with what would cure it.
        action: What becomes of the meter; empty unless it is allowed.
    """

    usage_point_id: str
    premise_id: str
    badge: str
    verdict: str
    code: str
    refusals: tuple[Refusal, ...] = ()
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """
    A request to opt out, and what became of it.

    Attributes:
        usage_points: Services that were asked for.
        requester: Who asked, as the account knows them.
        crew_today: Whether a crew was on its way to replace a legacy meter.
        requested_by: Name of the token it was filed with.
        services: One for each service asked for, as last judged.
        approved_by: Who decided what the rules refer to a person; empty while nobody did.
        from_on: First local day in force.
        until_on: The day after the last one.
        closing: Code of why it ended.
    """

    enrolment_id: UUID
    account_id: str
    usage_points: tuple[str, ...]
    requester: str
    crew_today: bool
    reason: str
    requested_by: str
    received_at: datetime
    state: EnrolmentState = EnrolmentState.PENDING
    services: tuple[EnrolledService, ...] = ()
    approved_by: str = ""
    from_on: date | None = None
    until_on: date | None = None
    closed_by: str = ""
    closing: str = ""

    @property
    def enrolled(self) -> tuple[EnrolledService, ...]:
        """The services that were allowed."""
        return tuple(service for service in self.services if service.action)


@dataclass(frozen=True, slots=True)
class Supply:
    """A usage point that an account pays for, where it is and what meters it."""

    premise: Premise
    point: UsagePoint
    meter: Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEvent:
    """
    A sum for the customer system to put on a bill.

    Attributes:
        subject_id: What it is for: a residence, or the account itself.
        due_on: Day of a single sum; the first of the month of a monthly one.
        number: As the database counts them; 0 before it does.
    """

    kind: str
    account_id: str
    subject_id: str
    due_on: date
    amount_usd: Decimal
    clause: str
    at: datetime
    number: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """
    Something that a person decides or does for the programme.

    Attributes:
        subject: The enrolment or meter it is about.
        occasion: What tells one from the next: the causes, a day. It is never raised twice.
    """

    code: str
    subject: str
    account_id: str
    occasion: str
    clause: str
    cure: str
    found_at: datetime
    number: int = 0
    done_at: datetime | None = None
    done_by: str = ""
