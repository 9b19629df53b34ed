"""What customers are told, and what they asked to be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class WishKind(StrEnum):
    """What a customer may ask to be told of their usage."""

    USAGE = "usage"
    """A day of more than so many billing units."""
    HIGH_USE = "high_use"
    """A day of more than usual, by so many percent."""


@dataclass(frozen=True, slots=True)
class AlertWish:
    """A customer's wish; `threshold` in the unit of its kind."""

    account_id: str
    usage_point_id: str
    kind: WishKind
    threshold: Decimal
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAlert:
    """
    An alert in the outbox.

    Attributes:
        usage_point_id: None: it is about the account, and no place.
        kind: Value of `mdms.policy.alerts.Alert`.
        subject: What it is about; the same is told once.
        figures: What is told besides; plain texts, nobody's name or address.
        due_at: When it is sent, or sent again.
        attempts: So far.
        dead_at: When it was given up.
    """

    alert_id: UUID
    account_id: str
    usage_point_id: str | None
    kind: str
    subject: str
    figures: Mapping[str, str]
    made_at: datetime
    due_at: datetime
    attempts: int = 0
    delivered_at: datetime | None = None
    dead_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BillStated:
    """What the customer system last stated of an account's bill; `past_due` in dollars."""

    account_id: str
    issued_on: date | None
    due_on: date | None
    past_due: Decimal


@dataclass(frozen=True, slots=True)
class LeakNotice:
    """A notice of a water leak, and whose it is."""

    account_id: str
    usage_point_id: str
    badge: str
    episode: int
    notice: str
    at: datetime
    rate: float
    lost: float
