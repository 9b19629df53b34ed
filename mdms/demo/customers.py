"""
The customer system of a demo: what it states about people who do not pay, and about those who do.

Its statements go in by the same door as those of a real one, each with the time since it holds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mdms.domain.facts import Subject
from mdms.policy.facts import KINDS

UTILITY: Final = "cpau"
FEED_PERIOD: Final = timedelta(minutes=5)
"""How often its feeds say how far they have come."""

_DAYS: Final = {
    "bill_issued_on": -50,
    "bill_due_on": -30,
    "late_notice_issued_on": -24,
    "late_notice_mailed_on": -24,
    "late_notice_pay_by": -8,
}
"""Days before the 48-hour notice was delivered."""
_NOTICE_BEFORE: Final = timedelta(hours=72)

_ARREARS: Final = {
    "past_due": "412.50",
    "bill_incorrect": "no",
    "corrected_issued_on": "none",
    "corrected_due_on": "none",
    "dispute": "none",
    "dispute_answered_at": "none",
    "arrangement": "none",
    "arrangement_ended_at": "none",
    "balance_transferred": "no",
    "military_granted_on": "none",
    "military_extended": "no",
    "medical_certificate": "no",
    "late_notice_shows_fee": "yes",
    "notice_48h_contents": (
        "name_address amount_fee pay_by complaint amortisation assistance telephone"
    ),
    "third_party_notice": "none",
    "payment_started_at": "none",
    "shared_meter": "no",
    "premise_flags": "none",
    "balance_due": "412.50",
    "reconnect_charges_due": "75.00",
}

_PAID: Final = {
    "past_due": "0",
    "balance_due": "0",
    "reconnect_charges_due": "0",
    "customer_confirmed": "yes",
}


_GOOD_STANDING: Final = {
    "tampering": "no",
    "standing": "current",
    "self_read_accepted": "yes",
    "access_obstructed": "no",
    "site_hazardous": "no",
}


@dataclass(frozen=True, slots=True)
class Home:
    """Whose statements these are."""

    account_id: str
    premise_id: str


def arrears(home: Home, at: datetime) -> list[dict[str, Any]]:
    """Return all that makes it lawful to cut a home off at a time within the legal hours."""
    delivered = at - _NOTICE_BEFORE
    days = {
        name: (delivered + timedelta(days=offset)).date().isoformat()
        for name, offset in _DAYS.items()
    }
    notices = {
        "notice_48h_delivered_at": delivered.isoformat(),
        "contact_attempted_at": delivered.isoformat(),
    }
    return _stated(home, {**_ARREARS, **days, **notices}, delivered)


def paid(home: Home, at: datetime) -> list[dict[str, Any]]:
    """Return that somebody paid, is at home, and answers for the appliances."""
    return _stated(home, _PAID, at)


def good_standing(home: Home, at: datetime) -> list[dict[str, Any]]:
    """Return that nothing keeps somebody from opting out."""
    return _stated(home, _GOOD_STANDING, at)


def feeds(at: datetime) -> list[dict[str, Any]]:
    """Return that everything until now was stated, and that somebody answers the telephone."""
    through = {name: at.isoformat() for name in ("payments_through", "cases_through")}
    return _stated(Home("", ""), {**through, "call_centre": "answering"}, at)


def feed_times(first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield when the feeds say how far they have come."""
    while first <= last:
        yield first
        first += FEED_PERIOD


def _stated(home: Home, values: Mapping[str, str], at: datetime) -> list[dict[str, Any]]:
    ids = {
        Subject.ACCOUNT: home.account_id,
        Subject.PREMISE: home.premise_id,
        Subject.UTILITY: UTILITY,
    }
    return [
        {
            "subject": KINDS[name].subject.value,
            "subject_id": ids[KINDS[name].subject],
            "fact": name,
            "value": value,
            "effective_at": at.isoformat(),
            "evidence": f"demo, {at:%Y-%m-%d}",
        }
        for name, value in values.items()
    ]
