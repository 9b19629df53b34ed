"""
The rules about switching once more, straight from policy.md, to hold the engine against.

Nothing here is shared with `mdms.policy` but the facts themselves: limits are written out, holidays
are reckoned, local time is asked of the zone.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mdms.domain.controls import ControlState
from mdms.policy.engine import CommandFacts
from mdms.policy.move_out import MoveOutFacts
from mdms.policy.nonpay_facts import NonpayFacts

ZONE: Final = ZoneInfo("America/Los_Angeles")
HOUR: Final = timedelta(hours=1)
DAYS_OFF: Final = frozenset(
    date.fromisoformat(each)
    for each in (
        "2026-12-24", "2026-12-28", "2026-12-29", "2026-12-30", "2026-12-31",
        "2027-12-27", "2027-12-28", "2027-12-29", "2027-12-30",
    )
)  # fmt: skip
"""The winter closure that ships."""

SEVEN: Final = frozenset(
    {
        "name_address",
        "amount_fee",
        "pay_by",
        "complaint",
        "amortisation",
        "assistance",
        "telephone",
    }
)


def objections(cause: str, facts: CommandFacts, now: datetime) -> list[str]:
    """Return everything that forbids an open, or leaves it to a person; nothing: it is allowed."""
    found = [*_meter(facts, now), *_budget(cause, facts, now)]
    approvers = {each.by for each in facts.proposal.approvals} - {facts.proposal.requested_by}
    if cause == "NONPAY":
        found += nonpay(facts.nonpay, now)
    elif cause == "MOVE_OUT":
        found += move_out(facts.move_out, now)
    elif cause in {"HAZARD", "ADVERSE_LOAD", "THEFT"}:
        return [*found, *_at_once(cause, facts)]
    else:
        found.append("no reason for a remote open")
    if not approvers:
        found.append("two people must stand behind it")
    return found


def holiday(day: date) -> bool:
    """Whether City, state or federation rest: the named days, kept on a working day."""
    return day in _city(day.year) or day in _city(day.year + 1) or day in _added(day.year)


def city_holiday(day: date) -> bool:
    """Whether the City rests."""
    return day in _city(day.year) or day in _city(day.year + 1)


def in_window(now: datetime) -> bool:
    """Monday to Thursday, office and call centre open, no legal holiday: R9.C.8, 15:00 margin."""
    local = now.astimezone(ZONE)
    return (
        local.weekday() <= 3
        and time(8) <= local.time() < time(15)
        and not holiday(local.date())
        and local.date() not in DAYS_OFF
    )


def nonpay(facts: NonpayFacts, now: datetime) -> list[str]:
    """Return what forbids an open for non-payment by itself, whatever the meter."""
    return [
        *_debt(facts, now),
        *_protections(facts, now),
        *_notices(facts, now),
        *_hour(facts, now),
    ]


def _debt(facts: NonpayFacts, now: datetime) -> Iterator[str]:
    today = now.astimezone(ZONE).date()
    if facts.past_due is None or facts.past_due <= 0:
        yield "nothing is known to be past due"
    if facts.bill_incorrect is None:
        yield "whether the bill is right is not known"
    due = facts.corrected_due_on if facts.bill_incorrect else facts.bill_due_on
    if not isinstance(due, date) or today <= due:
        yield "the bill that counts is not due"
    if facts.balance_transferred is not False:
        yield "the balance may have moved"
    started = facts.payment_started_at
    if started is None or (isinstance(started, datetime) and now - started < 24 * HOUR):
        yield "a payment may be on its way"


def _protections(facts: NonpayFacts, now: datetime) -> Iterator[str]:
    today = now.astimezone(ZONE).date()
    if str(facts.dispute) not in {"none", "answered"}:
        yield "a dispute may be open"
    if facts.arrangement is None or facts.arrangement.value == "kept":
        yield "an arrangement may be kept"
    granted = facts.military_granted_on
    days = 180 if facts.military_extended is False else 360
    if granted is None or (isinstance(granted, date) and today <= granted + timedelta(days=days)):
        yield "military protection"
    if facts.medical_certificate is not False:
        yield "medical protection"
    if facts.shared_meter is not False:
        yield "tenants may live behind the meter"


def _notices(facts: NonpayFacts, now: datetime) -> Iterator[str]:
    due = facts.corrected_due_on if facts.bill_incorrect else facts.bill_due_on
    bill = facts.corrected_issued_on if facts.bill_incorrect else facts.bill_issued_on
    dates = (due, bill, facts.late_notice_issued_on, facts.late_notice_pay_by)
    due, bill, issued, printed = (each if isinstance(each, date) else None for each in dates)
    mailed, delivered = facts.late_notice_mailed_on, facts.notice_delivered_at
    if not (due and bill and issued and printed and mailed and facts.late_notice_shows_fee):
        yield "a late notice is not known"
        return
    if not isinstance(delivered, datetime):
        yield "a 48-hour notice is not known"
        return
    pay_by = max(printed, issued + timedelta(days=10))
    if isinstance(mailed, date):
        pay_by = max(pay_by, mailed + timedelta(days=15))
        if mailed < bill + timedelta(days=19):
            yield "the late notice was mailed too soon after the bill"
    if issued < due + timedelta(days=5):
        yield "the late notice was issued too soon"
    if now.astimezone(ZONE).date() <= pay_by:
        yield "the pay-by date has not passed"
    yield from _final(facts, delivered, pay_by, now)
    yield from _people(facts, issued, now)
    yield from _voided(facts, delivered)


def _final(facts: NonpayFacts, delivered: datetime, pay_by: date, now: datetime) -> Iterator[str]:
    day, said = delivered.astimezone(ZONE).date(), set(facts.notice_contents or ())
    if day <= pay_by or (now.astimezone(ZONE).date() - day).days > 14 or not facts.notice_proof:
        yield "the 48-hour notice does not count"
    if "complaint_on_bill" in said:
        said.add("complaint")
    if not said.issuperset(SEVEN):
        yield "the 48-hour notice lacks something"
    if now - delivered < 48 * HOUR:
        yield "the 48 hours run"


def _people(facts: NonpayFacts, issued: date, now: datetime) -> Iterator[str]:
    if str(facts.third_party) not in {"none", "served"}:
        yield "a third party may not have been served"
    attempt = facts.contact_attempted_at
    if not isinstance(attempt, datetime) or now - attempt < 24 * HOUR:
        yield "no attempt to reach an adult a day before"
    elif attempt.astimezone(ZONE).date() < issued:
        yield "the attempt to reach an adult was before the late notice"


def _voided(facts: NonpayFacts, delivered: datetime) -> Iterator[str]:
    ends = {
        "dispute": (facts.dispute_answered_at, str(facts.dispute) == "answered"),
        "arrangement": (facts.arrangement_ended_at, str(facts.arrangement) in {"broken", "ended"}),
    }
    for name, (ended, must_have) in ends.items():
        never = not isinstance(ended, datetime)
        if ended is None or (never and must_have):
            yield f"when the {name} ended is not known"
        elif isinstance(ended, datetime) and ended >= delivered:
            yield f"the {name} ended after the 48-hour notice"


def _hour(facts: NonpayFacts, now: datetime) -> Iterator[str]:
    if not in_window(now):
        yield "outside of the window"
    news = [facts.payments_through, facts.cases_through, facts.call_centre_known_at]
    if any(each is None or now - each >= timedelta(minutes=15) for each in news):
        yield "stale news"
    if not facts.call_centre:
        yield "nobody answers the telephone"


def move_out(facts: MoveOutFacts, now: datetime) -> Iterator[str]:
    """Return what forbids an open after a move-out, but for office hours on Fridays off."""
    local = now.astimezone(ZONE)
    day = local.date()
    if facts.end_on is None or facts.notice_on is None:
        yield "the end of service is not known"
        return
    counted, last = 0, facts.notice_on
    while counted < 3:
        last += timedelta(days=1)
        counted += last.weekday() < 5 and not city_holiday(last)
    if day <= max(facts.end_on, last):
        yield "service has not ended"
    if facts.revert_to_owner is not False:
        yield "the owner may take over"
    if facts.new_application is not False or facts.in_use is not False:
        yield "somebody may live there"
    yield from _next_customer(facts, max(facts.end_on, day) + timedelta(days=1), day)
    works = local.weekday() < 5 and not city_holiday(day) and day not in DAYS_OFF
    if not works or not time(8) <= local.time() < time(16, 30):
        yield "the office is closed"


def _next_customer(facts: MoveOutFacts, soon: date, today: date) -> Iterator[str]:
    starts, until = facts.successor_on, facts.continues_until
    if starts is None or until is None:
        yield "whether service goes on is not known"
    if isinstance(starts, date) and starts <= soon:
        yield "somebody moves in"
    if isinstance(until, date) and today <= until:
        yield "service was asked to go on"


def _meter(facts: CommandFacts, now: datetime) -> Iterator[str]:
    meter = facts.meter
    in_order = {
        "electric": meter.commodity == "electric",
        "switch": meter.has_switch,
        "pilot": meter.pilot,
        "radio": meter.radio_on,
        "heard": meter.heard_at is not None and now - meter.heard_at <= 24 * HOUR,
        "installed": meter.installed,
        "supply": not meter.outage,
        "allowed at all": meter.remote_open,
        "free": all(each.state is ControlState.VERIFIED for each in meter.others),
        "unprotected": meter.premise_flags is not None
        and not {"life_support", "medical", "fire_alarm", "elevator"} & set(meter.premise_flags),
    }
    yield from (name for name, holds in in_order.items() if not holds)


def _budget(cause: str, facts: CommandFacts, now: datetime) -> Iterator[str]:
    spending = facts.spending
    at_once = cause in {"HAZARD", "ADVERSE_LOAD", "THEFT"}
    hour = [each for each in spending.made if now - each.at < HOUR]
    urgent = [each for each in hour if each.immediate]
    day = [each for each in spending.made if now - each.at < 24 * HOUR]
    near = [each for each in hour if each.transformer_id == facts.meter.transformer_id]
    if spending.tripped:
        yield "the breaker fell"
    if at_once and len(urgent) >= 5:
        yield "five at once in an hour"
    if len(hour) >= 10 or len(day) >= 25 or len(near) >= 3:
        yield "too many opens"
    if spending.open_count >= 25:
        yield "more than five in a hundred stand open"


def _at_once(cause: str, facts: CommandFacts) -> Iterator[str]:
    proposal, load = facts.proposal, facts.load
    others = [each for each in proposal.approvals if each.by != proposal.requested_by]
    supervised = any(each.role == "supervisor" for each in others)
    second = any(
        each.role == "safety" and each.at - proposal.requested_at >= timedelta(minutes=5)
        for each in others
    )
    if not (supervised or (second and cause != "THEFT")):
        yield "nobody answers for it"
    if proposal.role != "safety" or not proposal.evidence:
        yield "no evidence from somebody in charge of safety"
    if not proposal.item.startswith("R9.D"):
        yield "no item of Rule 9.D"
    if cause == "ADVERSE_LOAD" and not (
        load.mitigation_failed and isinstance(load.engineering_finding, str)
    ):
        yield "no mitigation asked for, or no finding"


def reconnect_objections(cause: str, facts: CommandFacts) -> list[str]:
    """Return everything that forbids a reconnect, or leaves it to a person, at whatever hour."""
    return [*_switch(facts), *_owed(cause, facts), *_unsafe(facts)]


def _switch(facts: CommandFacts) -> Iterator[str]:
    meter, switch = facts.meter, facts.reconnect
    blocking = [
        each
        for each in meter.others
        if each.action != "disconnect" and each.state is not ControlState.UNKNOWN
    ]
    if meter.commodity != "electric" or not (meter.has_switch and meter.installed):
        yield "no switch to close"
    if not meter.radio_on or blocking:
        yield "the meter does not listen"
    if switch.load_side_voltage or switch.hot or switch.locked:
        yield "closing is not safe"


def _owed(cause: str, facts: CommandFacts) -> Iterator[str]:
    known = facts.reconnect
    if known.open_cause is None:
        yield "nobody knows why it is open"
    if cause == "ERROR":
        return
    owed = (known.balance_due, known.reconnect_charges_due)
    owes = any(amount is None or amount > 0 for amount in owed)
    agreed = str(known.arrangement) == "kept"
    if owes and (known.open_cause == "THEFT" or (known.open_cause == "NONPAY" and not agreed)):
        yield "charges are open"
    if known.open_cause == "MOVE_OUT" and not known.account_established:
        yield "nobody has an account"
    if known.open_cause == "TEST":
        yield "that is no cause to open a switch for"


def _unsafe(facts: CommandFacts) -> Iterator[str]:
    known, proposal = facts.reconnect, facts.proposal
    if known.open_cause not in {"HAZARD", "ADVERSE_LOAD", "THEFT"}:
        return
    looked = known.inspected_at and known.opened_at and known.inspected_at >= known.opened_at
    if not isinstance(known.inspection, str) or not looked:
        yield "nobody looked"
    people = {proposal.requested_by} | {each.by for each in proposal.approvals}
    if known.open_cause != "THEFT" and len(people) < 2:
        yield "one person alone"


def _city(year: int) -> set[date]:
    thanksgiving = _nth(year, 11, 3, 4)
    named = {
        date(year, 1, 1),
        _nth(year, 1, 0, 3),
        _nth(year, 2, 0, 3),
        _nth(year, 6, 0, 1) - timedelta(days=7),  # Memorial Day: the last Monday of May
        date(year, 7, 4),
        _nth(year, 9, 0, 1),
        _nth(year, 10, 0, 2),
        date(year, 11, 11),
        thanksgiving,
        thanksgiving + timedelta(days=1),
        date(year, 12, 25),
    }
    return {_kept(day) for day in named}


def _added(year: int) -> set[date]:
    return {_kept(date(year, 3, 31)), _kept(date(year, 6, 19))}


def _kept(day: date) -> date:
    """Return when a holiday is kept: a Saturday's on Friday, a Sunday's on Monday."""
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))
