"""When customers are told, and when they are left alone: policy.md 5.3."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from mdms.policy.calendars import Calendar
from mdms.policy.case import deny
from mdms.policy.decision import Decision, Finding, Verdict, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRules:
    """
    When alerts go out.

    Attributes:
        bill_due_days: Before the due date.
        past_due_days: After it.
        self_read_due_days: Before the cut-off of a customer's own reading.
        self_read_missing_days: After it.
        send_at: Local time of day.
        quiet_from: Local time of day from which customers are left alone.
        quiet_until: Up to which; on the next day.
    """

    bill_due_days: int
    past_due_days: int
    self_read_due_days: int
    self_read_missing_days: int
    send_at: time
    quiet_from: time
    quiet_until: time


class Alert(StrEnum):
    """What a customer is told."""

    BILL_READY = "bill_ready"
    BILL_DUE = "bill_due"
    PAST_DUE = "past_due"
    SELF_READ_DUE = "self_read_due"
    SELF_READ_MISSING = "self_read_missing"
    LEAK = "leak"
    USAGE = "usage"
    HIGH_USE = "high_use"
    BURST = "burst"
    SAFETY = "safety"
    OUTAGE = "outage"
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    BREACH = "breach"
    """Data of theirs went astray."""


URGENT: Final = frozenset(
    {Alert.SAFETY, Alert.BURST, Alert.OUTAGE, Alert.DISCONNECT, Alert.RECONNECT}
)
"""Sent at any hour."""

FROM_INTERVALS: Final = frozenset({Alert.LEAK, Alert.USAGE, Alert.HIGH_USE, Alert.BURST})
"""Need intervals: never made for a meter that opted out."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An alert and when it goes out."""

    alert: Alert
    at: datetime


def bill_alerts(due_on: date, rules: AlertRules, calendar: Calendar) -> tuple[Planned, ...]:
    """Return what is sent around a due date; the second only if the bill is unpaid then."""
    return (
        _planned(Alert.BILL_DUE, due_on - timedelta(days=rules.bill_due_days), rules, calendar),
        _planned(Alert.PAST_DUE, due_on + timedelta(days=rules.past_due_days), rules, calendar),
    )


def self_read_alerts(
    cut_off_on: date, rules: AlertRules, calendar: Calendar
) -> tuple[Planned, ...]:
    """Return what is sent around a cut-off; the second only if no reading came."""
    before = cut_off_on - timedelta(days=rules.self_read_due_days)
    after = cut_off_on + timedelta(days=rules.self_read_missing_days)
    return (
        _planned(Alert.SELF_READ_DUE, before, rules, calendar),
        _planned(Alert.SELF_READ_MISSING, after, rules, calendar),
    )


def judge(alert: Alert, *, opted_out: bool) -> Decision:
    """Return whether a customer may be told: of an opted-out meter nothing is inferred."""
    silent = deny("ALERT_OPTED_OUT", "OO", "none: the meter opted out")
    return decide(
        [silent if opted_out and alert in FROM_INTERVALS else None],
        Finding(Verdict.ALLOW, "ALERT", "A"),
    )


def send_at(alert: Alert, ready_at: datetime, rules: AlertRules, calendar: Calendar) -> datetime:
    """Return when an alert that is ready goes out: at once, or when the quiet hours are over."""
    local = ready_at.astimezone(calendar.zone)
    if alert in URGENT or rules.quiet_until <= local.time() < rules.quiet_from:
        return ready_at.astimezone(UTC)
    morning = local.date()
    if local.time() >= rules.quiet_from:
        morning += timedelta(days=1)
    return calendar.instant(morning, rules.quiet_until)


def _planned(alert: Alert, day: date, rules: AlertRules, calendar: Calendar) -> Planned:
    return Planned(alert, calendar.instant(day, rules.send_at))
