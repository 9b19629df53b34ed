"""What a decision means for a command that nobody has sent yet: go on, wait, or end. Pure."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from commands import turns
from mdms.domain.controls import ControlState, EndDeviceControl
from mdms.policy.decision import Decision, Finding, Verdict
from mdms.policy.gate import NO_SUPPLY

MAINS_VALID: Final = timedelta(minutes=15)
BATTERY_VALID: Final = timedelta(hours=24)
"""A battery meter listens only after it talks, every 4.8 hours at the latest."""

PATIENCE: Final = timedelta(hours=1)
"""How long a command waits where no rule says until when it may be carried out."""
_ASK_AGAIN: Final = timedelta(minutes=5)
"""When somebody's reconnect may have made room; no time by itself does."""

_APPROVAL, _TURN, _REVIEW = "RD_DUAL", "RD_PACED", "THEFT_REVIEW"
_PASSING: Final = frozenset({_APPROVAL, _TURN, turns.UNAPPROVED, turns.PAUSED})
_BY_APPROVAL: Final = frozenset({_APPROVAL, _REVIEW, turns.UNAPPROVED})
"""Who approves makes it due; nothing else does."""


class Outlook(Enum):
    """What comes next."""

    READY = "ready"
    HELD = "held"
    """Only what somebody may still bring is missing: an approval, its turn, its hour."""
    OVER = "over"


def outlook(decision: Decision, control: EndDeviceControl) -> Outlook:
    """Return what a decision means for a command that has not been sent."""
    if decision.allowed:
        return Outlook.READY
    if all(_passes(finding, control) for finding in decision.findings):
        return Outlook.HELD
    return Outlook.OVER


def ready(decision: Decision, control: EndDeviceControl, now: datetime) -> dict[str, Any]:
    """Return what changes in a command that may be signed."""
    start = max(now, control.not_before)
    valid = MAINS_VALID if control.mains_powered else BATTERY_VALID
    return {
        "refusals": (),
        "due_at": start,
        "not_after": _end(decision, start) or start + valid,
    }


def held(decision: Decision, control: EndDeviceControl, now: datetime) -> dict[str, Any]:
    """Return what changes in a command that must wait: for what, until when, when to look again."""
    times = [each.next_possible_at for each in decision.findings]
    known = [time for time in (*times, decision.next_possible_at) if time is not None]
    start = max([now, control.not_before, *known])
    not_after = _end(decision, start) or start + PATIENCE
    passed = None not in times and start <= now
    if NO_SUPPLY in decision.findings or (passed and control.refusals):
        not_after = min(not_after, control.not_after)  # neither of these prolongs anything
    if None not in times and not passed:
        due_at = start
    elif not _BY_APPROVAL.isdisjoint(decision.codes):
        due_at = not_after
    else:
        due_at = asked_again(now, not_after)
    return {"refusals": decision.refusals, "due_at": due_at, "not_after": not_after}


def waits_for_supply(decision: Decision) -> bool:
    """Return whether an outage is all that keeps a command from being sent (headend.md 1.5)."""
    return decision.findings == (NO_SUPPLY,)


def asked_again(now: datetime, not_after: datetime) -> datetime:
    """Return when to look again at what no known time brings, or one that has passed."""
    return min(now + _ASK_AGAIN, not_after)


def outlives_its_window(decision: Decision, control: EndDeviceControl) -> bool:
    """Return whether the rules end a command earlier or later than it was thought."""
    return decision.not_after is not None and decision.not_after != control.not_after


def _end(decision: Decision, start: datetime) -> datetime | None:
    end = decision.not_after
    return end if end is not None and end > start else None


def _passes(finding: Finding, control: EndDeviceControl) -> bool:
    """Return whether a finding will be cured without another request."""
    if finding.verdict is Verdict.PENDING and finding.code in _PASSING:
        return True
    if finding == NO_SUPPLY:
        return control.state is not ControlState.DRAFT
    if finding.code == _REVIEW:  # the supervisor who decides on evidence approves
        return bool(control.evidence)
    at = finding.next_possible_at
    if at is None:
        return False
    return finding.verdict is Verdict.PENDING or at <= control.not_before
