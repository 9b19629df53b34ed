"""What detectors say, as cases and steps that are stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mdms.domain.leaks import LeakCase, LeakStep, WatchedMeter
from mdms.domain.time import from_epoch_s
from vee.leaks.gas import Check, GasEvent
from vee.leaks.journal import LeakEvent
from vee.leaks.states import OPEN, State

OPTED_OUT: Final = "OPTED_OUT"
WITHDRAWN: Final = "WITHDRAWN"
"""Nobody looks at it any more: its meter was taken away."""

_GAS_NOTICE: Final = {
    Check.CAPACITY: "safety_check",
    Check.IDLE: "dispatch",
    Check.NIGHT: "contact",
}
_GAS_SEVERITY: Final = {Check.CAPACITY: 5, Check.IDLE: 4, Check.NIGHT: 2}


@dataclass(frozen=True, slots=True)
class Records:
    """Cases as they stand, in the order of what happened to them, and their steps."""

    cases: Sequence[LeakCase]
    steps: Sequence[LeakStep]


def water_records(
    meters: Sequence[WatchedMeter],
    events: Sequence[LeakEvent],
    still: Iterable[LeakEvent],
    now: datetime,
    rules_hash: str,
) -> Records:
    """
    Return what to store of a day of water.

    Args:
        meters: Whose rows the events name.
        events: What happened.
        still: The figures of cases that go on.
        now: When it is recorded.
        rules_hash: Of the rules that it was found by.
    """
    steps = [
        LeakStep(
            channel_id=meters[event.row].channel_id,
            episode=event.episode,
            at=from_epoch_s(event.at_s),
            recorded_at=now,
            signal="" if event.signal is None else event.signal.name,
            state=event.state.name,
            kind=event.kind.name.lower(),
            severity=event.severity,
            rate=event.rate_gal_h,
            lost=event.lost_gal,
            notice="" if event.notice is None else event.notice.value,
            by="",
            reason="",
            rules_hash=rules_hash,
        )
        for event in events
    ]
    return Records([_case(meters[event.row], event) for event in (*events, *still)], steps)


def _case(meter: WatchedMeter, event: LeakEvent) -> LeakCase:
    at = from_epoch_s(event.at_s)
    return LeakCase(
        channel_id=meter.channel_id,
        episode=event.episode,
        badge=meter.badge,
        kind=event.kind.name.lower(),
        state=event.state.name,
        severity=event.severity,
        rate=event.rate_gal_h,
        rate_error=event.error_gal_h,
        lost=event.lost_gal,
        unit="gal",
        began_at=from_epoch_s(event.began_s),
        raised_at=at,
        confirmed_at=at if event.state is State.CONFIRMED else None,
        ended_at=None if event.state in OPEN else at,
        updated_at=at,
    )


def gas_records(
    meters: Sequence[WatchedMeter], events: Sequence[GasEvent], now: datetime, rules_hash: str
) -> Records:
    """Return what to store of a day of gas; a check that ended says nothing about safety."""
    cases, steps = [], []
    for event in events:
        meter, at = meters[event.row], from_epoch_s(event.at_s)
        state = State.CONFIRMED if event.is_open else State.CLEARED
        kind = f"gas_{event.check.name.lower()}"
        severity = _GAS_SEVERITY[event.check]
        cases.append(
            LeakCase(
                channel_id=meter.channel_id,
                episode=event.episode,
                badge=meter.badge,
                kind=kind,
                state=state.name,
                severity=severity,
                rate=event.flow_cf_h,
                rate_error=0.0,
                lost=0.0,
                unit="cf",
                began_at=from_epoch_s(event.began_s),
                raised_at=at,
                confirmed_at=at if event.is_open else None,
                ended_at=None if event.is_open else at,
                updated_at=at,
            )
        )
        steps.append(
            LeakStep(
                channel_id=meter.channel_id,
                episode=event.episode,
                at=at,
                recorded_at=now,
                signal="CONFIRM" if event.is_open else "CLEAR",
                state=state.name,
                kind=kind,
                severity=severity,
                rate=event.flow_cf_h,
                lost=0.0,
                notice=_GAS_NOTICE[event.check] if event.is_open else "",
                by="",
                reason="",
                rules_hash=rules_hash,
            )
        )
    return Records(cases, steps)


def withdrawn(cases: Iterable[LeakCase], state: str, now: datetime, rules_hash: str) -> Records:
    """Return the end of cases that are not looked at any more: OPTED_OUT or WITHDRAWN."""
    ended = [replace(case, state=state, ended_at=now) for case in cases]
    return Records(ended, [step_of(case, now, state, rules_hash) for case in ended])


def step_of(
    case: LeakCase, at: datetime, signal: str, rules_hash: str, *, by: str = "", reason: str = ""
) -> LeakStep:
    """Return a step that leads to a case as it stands."""
    return LeakStep(
        channel_id=case.channel_id,
        episode=case.episode,
        at=at,
        recorded_at=at,
        signal=signal,
        state=case.state,
        kind=case.kind,
        severity=case.severity,
        rate=case.rate,
        lost=case.lost,
        notice="",
        by=by,
        reason=reason,
        rules_hash=rules_hash,
    )
