"""Sums over customers as they are asked for, answered and kept."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Cut(StrEnum):
    """What customers are grouped by."""

    NONE = ""
    FEEDER = "feeder"
    WATER_ZONE = "water_zone"
    KIND = "kind"
    SERVICE_CLASS = "service_class"


@dataclass(frozen=True, slots=True)
class Part:
    """What one customer adds to a group's month; billed whole units."""

    member: str
    account_id: str
    residential: bool
    month: date
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """
    A sum that was asked for.

    Attributes:
        quantity: What is added up, with its unit: electric kWh.
        month: Its first day.
        member: Which group of the cut; empty: all.
        total: None when it was suppressed.
        code: Of the decision.
    """

    at: datetime
    by: str
    quantity: str
    month: date
    cut: Cut
    member: str
    total: Decimal | None
    code: str
