"""
The closed list of what the customer system may state, and in which form.

Whatever harms somebody needs its facts stated, also where they say "none": silence is not consent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from mdms.domain.errors import UsageError
from mdms.domain.facts import ABSENT, CisFact, Subject
from mdms.policy.calendars import parse_local
from mdms.policy.nonpay_facts import Arrangement, Dispute, ThirdParty
from mdms.policy.optout_facts import Standing

Reader = Callable[[str, ZoneInfo], object]
"""Takes the text of a value and the zone of local times; raises ValueError or UsageError."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is written: in words, and by what reads it."""

    words: str
    read: Reader


_AMOUNT_MAX: Final = 10**9
_DECIMALS_MAX: Final = 6
"""No bill and no factor is longer; what is longer would fill every page that shows it."""


def _money(text: str, _zone: ZoneInfo) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not amount.is_finite() or abs(amount) > _AMOUNT_MAX:
        raise ValueError(text)
    if amount != round(amount, _DECIMALS_MAX):
        raise ValueError(text)
    return amount


def _day(text: str, _zone: ZoneInfo) -> date:
    return date.fromisoformat(text)


def _yes_no(text: str, _zone: ZoneInfo) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError(text)
    return text == "yes"


def _text(text: str, _zone: ZoneInfo) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _words(text: str, _zone: ZoneInfo) -> tuple[str, ...]:
    """Read words between spaces; "none" is no word."""
    words = tuple(text.split())
    if not words:
        raise ValueError(text)
    return () if words == ("none",) else words


def _one_of(kind: type[StrEnum]) -> Form:
    return Form(f"one of {', '.join(kind)}", lambda text, _zone: kind(text))


def _or_none(form: Form) -> Form:
    def read(text: str, zone: ZoneInfo) -> object:
        return ABSENT if text == "none" else form.read(text, zone)

    return Form(f"{form.words}, or none", read)


MONEY: Final = Form("dollars like 412.50", _money)
DATE: Final = Form("a date like 2026-11-09", _day)
INSTANT: Final = Form("a time like 2026-12-08T10:00:00-08:00", parse_local)
YES_NO: Final = Form("yes or no", _yes_no)
WORDS: Final = Form("words between spaces, or none", _words)
NAME: Final = Form("a name", _text)
FACTOR: Final = Form("a number like 1.12", _money)
DEGREES: Final = Form("degrees Fahrenheit like 61.5", _money)
DATE_OR_NONE: Final = _or_none(DATE)
INSTANT_OR_NONE: Final = _or_none(INSTANT)
ID_OR_NONE: Final = _or_none(Form("an identifier", _text))


class CallCentre(StrEnum):
    """Whether somebody answers the telephone."""

    ANSWERING = "answering"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class FactKind:
    """
    One entry of the list.

    Attributes:
        name: As in a file or a request.
        rows: Rows of policy.md that read it.
    """

    name: str
    subject: Subject
    form: Form
    meaning: str
    rows: str


_A, _P, _S, _U = Subject.ACCOUNT, Subject.PREMISE, Subject.USAGE_POINT, Subject.UTILITY

_KINDS: Final = (
    FactKind("past_due", _A, MONEY, "sum whose due date has passed, after payments", "N1"),
    FactKind(
        "bill_issued_on",
        _A,
        DATE,
        "issue date of the bill that is past due, else of the newest",
        "N10",
    ),
    FactKind("bill_due_on", _A, DATE, "its due date", "N1, N9"),
    FactKind("bill_incorrect", _A, YES_NO, "it was found incorrect", "N2"),
    FactKind("corrected_issued_on", _A, DATE_OR_NONE, "issue date of the corrected bill", "N10"),
    FactKind("corrected_due_on", _A, DATE_OR_NONE, "due date of the corrected bill", "N1, N2, N9"),
    FactKind("dispute", _A, _one_of(Dispute), "a dispute about any part of the bill", "N3, N18"),
    FactKind("dispute_answered_at", _A, INSTANT_OR_NONE, "when the last was answered", "N18"),
    FactKind("arrangement", _A, _one_of(Arrangement), "a payment arrangement", "N4, N5, Q2"),
    FactKind("arrangement_ended_at", _A, INSTANT_OR_NONE, "when it was broken or ended", "N5, N18"),
    FactKind("balance_transferred", _A, YES_NO, "to another account of the customer", "N6"),
    FactKind("military_granted_on", _A, DATE_OR_NONE, "start of a military protection", "N7"),
    FactKind("military_extended", _A, YES_NO, "the protection was extended once", "N7"),
    FactKind("medical_certificate", _A, YES_NO, "a physician's, with hardship and plan", "N8"),
    FactKind("late_notice_issued_on", _A, DATE_OR_NONE, "issue date of the late notice", "N9, N10"),
    FactKind("late_notice_mailed_on", _A, DATE_OR_NONE, "none: it was handed over", "N10"),
    FactKind("late_notice_pay_by", _A, DATE_OR_NONE, "last day to pay that it names", "N9, N10"),
    FactKind("late_notice_shows_fee", _A, YES_NO, "it says that the fee was charged", "N9"),
    FactKind(
        "notice_48h_delivered_at",
        _A,
        INSTANT_OR_NONE,
        "delivery of the 48-hour notice at the premises; its evidence is the proof",
        "N11, N12, N18",
    ),
    FactKind("notice_48h_contents", _A, WORDS, "which of the seven contents it has", "N11"),
    FactKind("third_party_notice", _A, _one_of(ThirdParty), "notices to whom was named", "N13"),
    FactKind("contact_attempted_at", _A, INSTANT_OR_NONE, "attempt to reach an adult", "N14"),
    FactKind("payment_started_at", _A, INSTANT_OR_NONE, "of one that has not posted", "N15"),
    FactKind("shared_meter", _P, YES_NO, "tenants who are no customers live behind it", "N17"),
    FactKind("payments_through", _U, INSTANT, "all payments until then were stated", "N15"),
    FactKind("cases_through", _U, INSTANT, "all disputes and protections until then were", "N15"),
    FactKind("call_centre", _U, _one_of(CallCentre), "whether the telephone is answered", "N16"),
    FactKind("outdoor_mean_f", _U, DEGREES, "mean outdoors of the local day", "VEE G3, V51, H1"),
    FactKind("premise_flags", _P, WORDS, "life_support, medical, fire_alarm, elevator, …", "G8"),
    FactKind("service_end_on", _A, DATE, "last day of service that was asked for", "M1, M2, M4"),
    FactKind("move_out_notice_on", _A, DATE, "day on which the customer asked", "M2"),
    FactKind("revert_to_owner", _P, YES_NO, "the owner takes the service over", "M3"),
    FactKind("successor_on", _P, DATE_OR_NONE, "start of the next account", "M4"),
    FactKind("service_continues_until", _A, DATE_OR_NONE, "last day it was asked to go on", "M4"),
    FactKind("new_application", _P, YES_NO, "somebody applied for service", "M5"),
    FactKind("mitigation_failed", _P, YES_NO, "the load was not lessened when asked", "2.2"),
    FactKind("engineering_finding", _P, ID_OR_NONE, "the engineers' finding on the load", "2.2"),
    FactKind("balance_due", _A, MONEY, "proper charges that are open", "Q2, Q5"),
    FactKind("reconnect_charges_due", _A, MONEY, "open deposit and reconnection charge", "Q2, Q5"),
    FactKind("account_established", _P, YES_NO, "an account is open for the premise", "Q3"),
    FactKind("inspection", _P, ID_OR_NONE, "the inspection that found it safe", "Q4, Q5"),
    FactKind("customer_confirmed", _P, YES_NO, "somebody is there for the appliances", "Q7"),
    FactKind("tampering", _A, YES_NO, "tampering or diversion is on record, settled or not", "1.2"),
    FactKind("standing", _A, _one_of(Standing), "how the account stands", "1.2"),
    FactKind("access_obstructed", _P, YES_NO, "obstructed access is on record", "1.2"),
    FactKind("site_hazardous", _P, YES_NO, "deemed inaccessible or hazardous", "1.2"),
    FactKind("self_read_accepted", _A, YES_NO, "the customer may read the meters", "1.2"),
    FactKind("optout_form_on", _A, DATE_OR_NONE, "when the signed form came back", "1.2"),
    FactKind("leak_credit_on", _A, DATE_OR_NONE, "when a leak was last credited", "11.L"),
    FactKind("rate_schedule", _S, NAME, "by which it is billed; its terms are data", "R11.F"),
    FactKind("check_meter", _S, ID_OR_NONE, "badge of a second meter of the same", "VEE K1"),
    FactKind("pressure_factor", _S, FACTOR, "of gas delivered at another pressure", "R11.A"),
    FactKind("optout_set_up_again", _A, YES_NO, "a second set-up is charged, or waived", "1.4"),
)

KINDS: Final[Mapping[str, FactKind]] = {kind.name: kind for kind in _KINDS}
"""Every fact by its name."""


def read_value(fact: CisFact, zone: ZoneInfo) -> object:
    """
    Return the value of a statement.

    Raises:
        UsageError: No such fact, one about something else, or a value in another form.
    """
    kind = KINDS.get(fact.fact)
    if kind is None:
        raise UsageError(f"{fact.fact!r} is no fact that a rule reads; see docs/policy.md")
    if fact.subject is not kind.subject:
        raise UsageError(f"{fact.fact} is a fact of the {kind.subject}, not of the {fact.subject}")
    try:
        return kind.form.read(fact.value, zone)
    except ValueError as error:
        raise UsageError(f"{fact.fact} must be {kind.form.words}, not {fact.value!r}") from error
