"""
Notices before a disconnect for non-payment: rows N5, N9 to N14 and N18 of policy.md 2.4.

Every one protects the customer, so a date that two sources count differently is the later one.
"""

from datetime import date, datetime, timedelta

from mdms.domain.facts import ABSENT, Absence
from mdms.domain.time import local_day
from mdms.policy.case import Case, Row, deny, unknown
from mdms.policy.decision import Finding
from mdms.policy.nonpay_facts import Arrangement, Dispute, NonpayFacts, NonpayRules, ThirdParty

NonpayCase = Case[NonpayFacts, NonpayRules]

COMPLAINT_ON_BILL = "complaint_on_bill"
"""The bill says how to complain: then the notice need not (R9.C.1.b)."""


def lawful_pay_by(facts: NonpayFacts, rules: NonpayRules) -> date | None:
    """
    Return the last day to pay after a late notice; None when there is none, or it is not known.

    The latest of what the notice says, of Rule 9 (counted from issue), and of 10010.1 (counted
    from mailing, unless it was handed over).
    """
    issued, mailed = facts.late_notice_issued_on, facts.late_notice_mailed_on
    printed = facts.late_notice_pay_by
    if not isinstance(issued, date) or not isinstance(printed, date) or mailed is None:
        return None
    last = max(printed, issued + timedelta(days=rules.pay_by_days_issued))
    if isinstance(mailed, date):
        last = max(last, mailed + timedelta(days=rules.pay_by_days_mailed))
    return last


def arrangement_broken(case: NonpayCase) -> Finding | None:
    """N5: the balance is due at once, but a new 48-hour notice must run out."""
    if case.facts.arrangement is not Arrangement.BROKEN:
        return None
    ended = _unless_absent(case.facts.arrangement_ended_at)
    return _overtaken(case, ended, "R9.C.6", "arrangement_ended_at")


def _late_notice(case: NonpayCase) -> Finding | None:
    """N9."""
    code, clause = "NP_NO_LATE_NOTICE", "R9.C.1.a"
    issued, due, printed = (
        case.facts.late_notice_issued_on,
        case.facts.due_on,
        case.facts.late_notice_pay_by,
    )
    if issued is ABSENT or printed is ABSENT or case.facts.late_notice_shows_fee is False:
        return deny(code, clause, "issue a late notice that states the fee and a pay-by date")
    if issued is None or printed is None or case.facts.late_notice_shows_fee is None:
        return unknown(code, clause, "the late notice")
    if not isinstance(due, date):
        return unknown(code, clause, "the due date")
    earliest = due + timedelta(days=case.rules.late_notice_days)
    if issued < earliest:
        return deny(code, clause, f"it was issued too early: issue one on {earliest} or later")
    return None


def _pay_by(case: NonpayCase) -> Finding | None:
    """N10."""
    code, clause = "NP_10DAY", "R9.C.1.a, 10010.1"
    facts = case.facts
    if facts.late_notice_issued_on is ABSENT or facts.late_notice_pay_by is ABSENT:
        return deny(code, clause, "issue a late notice: its pay-by date must pass")
    last = lawful_pay_by(facts, case.rules)
    if last is None or not isinstance(facts.issued_on, date):
        return unknown(code, clause, "when bill and late notice were issued and mailed")
    mailed = facts.late_notice_mailed_on
    too_soon = facts.issued_on + timedelta(days=case.rules.bill_days_mailed)
    if isinstance(mailed, date) and mailed < too_soon:
        return deny(code, clause, f"it was mailed too early: mail one on {too_soon} or later")
    over_at = case.calendar.day_after(last)
    if case.at < over_at:
        return deny(code, clause, f"wait: the customer may pay until {last}", over_at)
    return None


def _final_notice(case: NonpayCase) -> Finding | None:
    """N11, the notice itself; an old one no longer counts (7.12)."""
    code, clause = "NP_NO_48H", "R9.C.1.b"
    delivered = case.facts.notice_delivered_at
    if delivered is ABSENT:
        return deny(code, clause, "deliver a 48-hour notice at the premises")
    if delivered is None or case.facts.notice_proof is None:
        return unknown(code, clause, "the delivery of a 48-hour notice and its proof")
    if not case.facts.notice_proof:
        return deny(code, clause, "file the proof that the 48-hour notice was delivered")
    day = local_day(delivered, case.calendar.zone)
    last = lawful_pay_by(case.facts, case.rules)
    if last is not None and day <= last:
        return deny(
            code, clause, f"deliver a new 48-hour notice: this one came before {last} was over"
        )
    if case.today > day + timedelta(days=case.rules.notice_days_max):
        return deny(code, clause, f"deliver a new 48-hour notice: the one of {day} is too old")
    return None


def _final_notice_contents(case: NonpayCase) -> Finding | None:
    """N11, its seven contents."""
    code, clause = "NP_48H_CONTENT", "R9.C.1.b"
    if case.facts.notice_contents is None:
        return unknown(code, clause, "what the 48-hour notice says")
    said = case.facts.notice_contents
    if COMPLAINT_ON_BILL in said:
        said |= {"complaint"}
    missing = [each for each in case.rules.notice_contents if each not in said]
    if missing:
        return deny(code, clause, f"deliver a new 48-hour notice that says: {', '.join(missing)}")
    return None


def _final_notice_running(case: NonpayCase) -> Finding | None:
    """N12."""
    delivered = case.facts.notice_delivered_at
    if not isinstance(delivered, datetime):
        return None  # N11 says so
    over_at = delivered + timedelta(hours=case.rules.notice_hours)
    if case.at < over_at:
        return deny("NP_48H_RUNNING", "R9.C.1.b", "wait until the 48-hour notice ran out", over_at)
    return None


def _third_party(case: NonpayCase) -> Finding | None:
    """N13."""
    code, clause = "NP_THIRD_PARTY", "R9.C.1, 10010.1"
    if case.facts.third_party is None:
        return unknown(code, clause, "whether the customer named a third party")
    if case.facts.third_party is ThirdParty.UNSERVED:
        return deny(code, clause, "serve the same notices on the third party the customer named")
    return None


def _contact(case: NonpayCase) -> Finding | None:
    """N14; that a posted notice serves where nobody was reached is row N12."""
    code, clause = "NP_CONTACT", "10010.1"
    attempted = case.facts.contact_attempted_at
    if attempted is ABSENT:
        return deny(code, clause, "try to reach an adult by phone or in person, and log it")
    if attempted is None:
        return unknown(code, clause, "contact_attempted_at")
    issued = case.facts.late_notice_issued_on
    if isinstance(issued, date) and local_day(attempted, case.calendar.zone) < issued:
        return deny(code, clause, "try again to reach an adult: the last attempt was too early")
    over_at = attempted + timedelta(hours=case.rules.contact_hours)
    if case.at < over_at:
        return deny(code, clause, "wait: the attempt to reach an adult is too recent", over_at)
    return None


def dispute_answered(case: NonpayCase) -> Finding | None:
    """N18, disputes."""
    answered = case.facts.dispute_answered_at
    if case.facts.dispute is Dispute.ANSWERED:
        answered = _unless_absent(answered)
    return _overtaken(case, answered, "R9.C.11", "dispute_answered_at")


def arrangement_ended(case: NonpayCase) -> Finding | None:
    """N18, arrangements; of a broken one row N5 speaks."""
    if case.facts.arrangement is Arrangement.BROKEN:
        return None
    ended = case.facts.arrangement_ended_at
    if case.facts.arrangement is Arrangement.ENDED:
        ended = _unless_absent(ended)
    return _overtaken(case, ended, "R9.C.6", "arrangement_ended_at")


def _unless_absent(ended: datetime | Absence | None) -> datetime | None:
    """Return when something ended that did end; "never" would contradict that: not known."""
    return None if ended is ABSENT else ended


def _overtaken(
    case: NonpayCase, ended: datetime | Absence | None, clause: str, fact: str
) -> Finding | None:
    """Return that what ended since its delivery voids the 48-hour notice."""
    code = "NP_48H_NEW"
    if ended is None:
        return unknown(code, clause, fact)
    delivered = case.facts.notice_delivered_at
    if not isinstance(ended, datetime) or not isinstance(delivered, datetime):
        return None
    if ended >= delivered:
        return deny(code, clause, "deliver a new 48-hour notice and let it run out")
    return None


ROWS: tuple[Row[NonpayFacts, NonpayRules], ...] = (
    _late_notice,
    _pay_by,
    _final_notice,
    _final_notice_contents,
    _final_notice_running,
    _third_party,
    _contact,
)
"""N9 to N14."""
