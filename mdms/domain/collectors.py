"""Collectors as they say they are, and what their word is worth now (headend notes 2.8)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mdms.domain.time import EPOCH

STALE_AFTER: Final = timedelta(seconds=180)
"""Three of the states that a collector sends every minute."""
CLOCK_OFF_MS_MAX: Final = 500
"""A collector's clock that is further off is somebody's to look after."""


class Condition(StrEnum):
    """How a collector is, as far as anybody can tell from here; also a metric label."""

    ONLINE = "online"
    STALE = "stale"
    """It said that it is there, too long ago to be believed."""
    OFFLINE = "offline"
    """It said that it leaves, or the broker said its last will."""
    UNHEARD = "unheard"
    """Nothing was ever heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorReport:
    """
    What a collector's state message says; None where it says nothing of it.

    Attributes:
        collector_id: Whose state it is.
        online: It is there; otherwise it left, or its last will speaks.
        reason: Why it is not there.
        boot_id: Chosen at random at each of its starts.
        alive_at: When it was certainly there: now, or, of a message that the broker kept for us,
            when it was written.
        clock_offset_ms: How far it thinks that its clock is off.
        buffered: Frames that wait for its backhaul.
        gps: Whether its clock has a satellite.
        firmware: What it runs.
        temperature_c: How hot it is.
    """

    collector_id: int
    online: bool
    reason: str = ""
    boot_id: int | None = None
    alive_at: datetime = EPOCH
    clock_offset_ms: int | None = None
    buffered: int | None = None
    gps: bool | None = None
    firmware: str = ""
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorState(CollectorReport):
    """
    The newest report that counts, and what came before it.

    Attributes:
        previous_boot_id: The start before this one.
        changed_at: Since when it is online, or is not.
    """

    previous_boot_id: int | None = None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class CollectorChange:
    """A collector's state after a report, and what is new about it."""

    state: CollectorState
    recovered: bool = False
    """It was away and is there again: what is missing can be asked for at once."""
    taken_over: bool = False
    """A start that was over speaks again: two programs share one identity."""


def follow(
    known: CollectorState | None, said: CollectorReport, heard_at: datetime
) -> CollectorChange:
    """
    Return a collector's state after a report.

    Args:
        known: Its state before; None if it was never heard of.
        said: The report.
        heard_at: When the report came.
    """
    fields = {name: getattr(said, name) for name in CollectorReport.__slots__}
    if known is None:
        return CollectorChange(CollectorState(**fields, changed_at=heard_at))
    if not said.online:
        if said.boot_id not in (None, known.boot_id):
            return CollectorChange(known)  # the will of an earlier start, which is no news
        changed_at = heard_at if known.online else known.changed_at
        left = replace(known, online=False, reason=said.reason, changed_at=changed_at)
        return CollectorChange(left)
    # Who does not say which start it is goes on with the one that we know.
    boot_id = known.boot_id if said.boot_id is None else said.boot_id
    restarted = boot_id != known.boot_id
    state = CollectorState(
        **fields | {"alive_at": max(said.alive_at, known.alive_at), "boot_id": boot_id},
        previous_boot_id=known.boot_id if restarted else known.previous_boot_id,
        changed_at=known.changed_at if known.online else heard_at,
    )
    was_there = known.online and heard_at - known.alive_at <= STALE_AFTER
    return CollectorChange(
        state,
        recovered=not was_there and heard_at - said.alive_at <= STALE_AFTER,
        taken_over=restarted and boot_id == known.previous_boot_id,
    )


def condition(state: CollectorState | None, batch_at: datetime | None, now: datetime) -> Condition:
    """
    Judge a collector.

    Args:
        state: What it said last; None if nothing.
        batch_at: When its newest batch came; None if none did.
        now: Silence counts up to here.
    """
    said = None if state is None else state.online
    return condition_of(last_heard(state.alive_at if state else None, batch_at), now, online=said)


def condition_of(heard_at: datetime | None, now: datetime, *, online: bool | None) -> Condition:
    """
    Judge a collector by what is kept of it.

    Args:
        heard_at: When it was last heard, by word or batch; None if never.
        now: Silence counts up to here.
        online: What it said last; None if nothing.
    """
    if online is False:
        return Condition.OFFLINE
    if heard_at is None:
        return Condition.UNHEARD
    return Condition.ONLINE if now - heard_at <= STALE_AFTER else Condition.STALE


def last_heard(*signs: datetime | None) -> datetime | None:
    """Return the newest sign of life; None when there is none."""
    return max((each for each in signs if each is not None), default=None)


def clock_is_off(state: CollectorState | None) -> bool:
    """Tell whether a collector thinks that its clock is further off than it should be."""
    return (
        state is not None
        and state.clock_offset_ms is not None
        and abs(state.clock_offset_ms) > CLOCK_OFF_MS_MAX
    )
