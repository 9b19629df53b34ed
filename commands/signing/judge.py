"""
The signer's own judgement of an open, from what it sees itself. Pure.

The daemon has judged already; this looks again with the signer's rules, and at what only a
mistaken or conquered daemon would send: an open without a command behind it, or another one.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from commands.codecs import Command
from commands.signing.rules import OpenRules
from mdms.domain.controls import WAITING, Action, Refusal
from mdms.domain.registry import Radio
from mdms.domain.time import local_day
from mdms.policy import gate, reasons
from mdms.policy.calendars import Calendar, Closure
from mdms.policy.case import Case
from mdms.policy.decision import Finding, Verdict
from mdms.policy.gate import MeterFacts
from mdms.policy.reasons import Path
from mdms.policy.rulebook import Rules
from mdms.policy.tables import TableError
from mdms.ports.signer import OpenOrder, Place

IMMEDIATE_APPROVALS: Final = 1
"""One supervisor answers for such an open (policy.md 2.5)."""

VALID_MAX: Final = timedelta(hours=12)
"""No legal window is longer: an open that stays valid for longer was made by no rule."""

_CODES: Final = {
    Closure.CALENDAR_MISSING: "CALENDAR_MISSING",
    Closure.FRIDAY: "NP_FRIDAY",
    Closure.WEEKEND: "NP_WEEKEND",
    Closure.LEGAL_HOLIDAY: "NP_HOLIDAY",
    Closure.OFFICE_CLOSED: "NP_OFFICE_CLOSED",
}


def is_immediate(order: OpenOrder) -> bool:
    """Return whether an open needs neither notice nor window (policy.md 2.5)."""
    return reasons.PATHS.get(order.cause) is Path.IMMEDIATE


def judge(
    command: Command, order: OpenOrder | None, rules: OpenRules, now: datetime
) -> tuple[Refusal, ...]:
    """
    Return every reason why an open is not signed; none: the budgets decide.

    Args:
        command: What is to be signed.
        order: The command behind it as the daemon keeps it; None where there is none.
        rules: The signer's own.
        now: The signer's own time.
    """
    if order is None:
        return (_mismatch("there is no command with this id"),)
    try:
        held = rules.at(now)
    except TableError as error:
        return (Refusal("SIGNER_RULES", "headend 4", f"put the signer's rules in force: {error}"),)
    found = [*_against_order(command, order), *_against_validity(command, now)]
    found += _against_people(order, held)
    if reasons.PATHS.get(order.cause) is Path.NONPAY:
        found += _against_window(command, rules.calendar, held, now)
    if order.place is None:
        found.append(_mismatch(f"meter {order.serial} is not installed anywhere"))
    else:
        facts = _facts(order, order.place, now, remote_open=rules.remote_open)
        case = Case(facts, held.gate, now, rules.calendar)
        found += _refusals(
            *gate.judge_open(case),
            gate.protected(case, Verdict.DENY),
            reasons.unusable(order.cause),
        )
    return tuple(found)


def _against_order(command: Command, order: OpenOrder) -> Iterator[Refusal]:
    """The envelope must be what the command behind it asks for, and that must be waiting."""
    told = (command.radio_id, command.key_id, command.not_before, command.not_after)
    kept = (order.radio_id, order.key_id, order.not_before, order.not_after)
    if order.action is not Action.DISCONNECT:
        yield _mismatch(f"the command behind it is {order.action}")
    if told != kept:
        yield _mismatch("meter, key or times differ from those of the command behind it")
    if order.state not in WAITING:
        yield _mismatch(f"the command behind it is {order.state}")


def _against_validity(command: Command, now: datetime) -> Iterator[Refusal]:
    if command.not_after <= now:
        yield Refusal("SIGNER_EXPIRED", "headend 2.7", "its time is over: make a new command")
    if command.not_after - now > VALID_MAX:
        yield Refusal(
            "SIGNER_VALIDITY", "headend 2.7", f"an open may stay valid for {VALID_MAX} at most"
        )


def _against_people(order: OpenOrder, rules: Rules) -> Iterator[Refusal]:
    needed = rules.gate.approvals
    if is_immediate(order):
        needed = min(needed, IMMEDIATE_APPROVALS)
    approved = len(set(order.approved_by) - {order.requested_by})
    if approved < needed:
        yield Refusal(
            "RD_DUAL",
            "G6",
            f"{needed} besides {order.requested_by} must approve it; so far {approved} did",
        )


def _against_window(
    command: Command, calendar: Calendar, rules: Rules, now: datetime
) -> Iterator[Refusal]:
    """Nobody is cut off for money when nobody could help them the same day (R9.C.8)."""
    opening = calendar.next_np_opening(now, until=rules.nonpay.send_until)
    if closures := calendar.closures(now):
        for closure in closures:
            yield _outside(_CODES[closure], opening)
        return
    day = local_day(now, calendar.zone)
    hours = calendar.np_hours(day)
    assert hours is not None, "a day without closures has a window"
    acts_until = hours[1] - timedelta(minutes=rules.nonpay.margin_minutes)
    if now >= calendar.instant(day, rules.nonpay.send_until) or command.not_after > acts_until:
        yield _outside("NP_LATE_MARGIN", opening)


def _outside(code: str, opening: datetime | None) -> Refusal:
    return Refusal(code, "R9.C.8", "wait for the next legal window", opening)


def _facts(order: OpenOrder, place: Place, now: datetime, *, remote_open: bool) -> MeterFacts:
    return MeterFacts(
        commodity=place.commodity,
        model=place.model,
        transformer_id=place.transformer_id or "",
        installed=(place.serial, place.radio_id, place.usage_point_id)
        == (order.serial, order.radio_id, order.usage_point_id),
        has_switch=place.has_switch,
        pilot=place.pilot,
        radio_on=place.radio is Radio.ON and not place.silent,
        # Reads are not for the signer's eyes. Who sends in vain switches nobody off.
        heard_at=now,
        outage=False,
        opted_out=place.opted_out,
        premise_flags=place.flags,
        remote_open=remote_open,
    )


def _refusals(*findings: Finding | None) -> Iterator[Refusal]:
    for each in findings:
        if each is not None:
            yield Refusal(each.code, each.clause, each.cure, each.next_possible_at)


def _mismatch(what: str) -> Refusal:
    return Refusal("SIGNER_MISMATCH", "headend 4", f"look for who asked for this: {what}")
