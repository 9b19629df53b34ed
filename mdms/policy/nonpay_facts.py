"""What must be known of an account before its supply is cut off for non-payment."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

from mdms.domain.facts import Absence


@dataclass(frozen=True, slots=True, kw_only=True)
class NonpayRules:
    """
    Notices, waits and the legal window; names as in `config/policy`.

    Attributes:
        late_notice_days: From the due date to the late notice.
        pay_by_days_issued: From issuing the late notice to its pay-by date.
        pay_by_days_mailed: From mailing it to its pay-by date.
        bill_days_mailed: From the bill to mailing the late notice.
        notice_hours: How long the 48-hour notice runs.
        notice_days_max: How long it counts.
        notice_contents: What it must say.
        contact_hours: From the attempt to reach an adult to the open.
        payment_hours: How long a payment that was started may take.
        feed_minutes_max: How old the news of the customer system may be.
        military_days: Length of a protection, and of its extension.
        send_until: Local time from which on no open is sent.
        margin_minutes: Before the end of the window no meter acts any more.
    """

    late_notice_days: int
    pay_by_days_issued: int
    pay_by_days_mailed: int
    bill_days_mailed: int
    notice_hours: int
    notice_days_max: int
    notice_contents: tuple[str, ...]
    contact_hours: int
    payment_hours: int
    feed_minutes_max: int
    military_days: int
    send_until: time
    margin_minutes: int


class Dispute(StrEnum):
    """How far a dispute about any part of the bill has come."""

    NONE = "none"
    OPEN = "open"
    ANSWERED = "answered"


class Arrangement(StrEnum):
    """A payment arrangement, extension, deferral, reduced or alternative schedule."""

    NONE = "none"
    KEPT = "kept"
    BROKEN = "broken"
    ENDED = "ended"


class ThirdParty(StrEnum):
    """Whether the third party whom the customer named got the same notices."""

    NONE = "none"
    SERVED = "served"
    UNSERVED = "unserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class NonpayFacts:
    """
    An account in arrears. None: not known; ABSENT: known that there is none.

    Attributes:
        past_due: Dollars whose due date has passed.
        corrected_issued_on: Of the bill that replaces an incorrect one; with corrected_due_on.
        dispute_answered_at: When the last dispute was answered.
        arrangement_ended_at: When the last arrangement was broken or ended.
        balance_transferred: To another account of the customer.
        medical_certificate: A physician's, with hardship and amortisation.
        late_notice_mailed_on: ABSENT when it was handed over.
        notice_delivered_at: When the 48-hour notice was delivered at the premises.
        notice_proof: Identifier of the proof of delivery; may be empty.
        notice_contents: What it said, in the words of the rule.
        contact_attempted_at: The last logged attempt to reach an adult.
        payment_started_at: Of a payment that has not posted.
        payments_through: Up to when we know of all payments.
        cases_through: Up to when we know of all disputes, arrangements and protections.
        call_centre: Whether the telephone is answered right now.
        call_centre_known_at: When we were told so.
        shared_meter: Tenants who are no customers live behind the meter.
    """

    past_due: Decimal | None = None
    bill_issued_on: date | None = None
    bill_due_on: date | None = None
    bill_incorrect: bool | None = None
    corrected_issued_on: date | Absence | None = None
    corrected_due_on: date | Absence | None = None
    dispute: Dispute | None = None
    dispute_answered_at: datetime | Absence | None = None
    arrangement: Arrangement | None = None
    arrangement_ended_at: datetime | Absence | None = None
    balance_transferred: bool | None = None
    military_granted_on: date | Absence | None = None
    military_extended: bool | None = None
    medical_certificate: bool | None = None
    late_notice_issued_on: date | Absence | None = None
    late_notice_mailed_on: date | Absence | None = None
    late_notice_pay_by: date | Absence | None = None
    late_notice_shows_fee: bool | None = None
    notice_delivered_at: datetime | Absence | None = None
    notice_proof: str | None = None
    notice_contents: frozenset[str] | None = None
    third_party: ThirdParty | None = None
    contact_attempted_at: datetime | Absence | None = None
    payment_started_at: datetime | Absence | None = None
    payments_through: datetime | None = None
    cases_through: datetime | None = None
    call_centre: bool | None = None
    call_centre_known_at: datetime | None = None
    shared_meter: bool | None = None

    @property
    def issued_on(self) -> date | Absence | None:
        """Issue date of the bill that counts: the corrected one, where one was found incorrect."""
        return self.corrected_issued_on if self.bill_incorrect else self.bill_issued_on

    @property
    def due_on(self) -> date | Absence | None:
        """Due date of the bill that counts."""
        return self.corrected_due_on if self.bill_incorrect else self.bill_due_on
