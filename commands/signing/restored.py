"""
A database that was restored, or a standby that took over: what was signed last may be forgotten.

A meter takes each counter once, so no forgotten one may be drawn again: all leap ahead, by more
than anybody can have signed meanwhile. Budgets may have forgotten opens as well, and the breaker
that it was open: so it trips, and opens wait until two supervisors have looked. Reads and
reconnects go on.
"""

from datetime import datetime

import structlog

from mdms.domain.controls import new_id
from mdms.ports.signer import SignerMemory, Trip
from mdms.telemetry import metrics

log = structlog.get_logger()

_REASON = "the database was restored, or a standby took over: what was signed last may be forgotten"


async def go_on(memory: SignerMemory, now: datetime) -> None:
    """See to it that nothing is drawn twice, if the database is not the one that was signed in."""
    if not await memory.continues():
        await leap(memory, now, _REASON, anyway=False)


async def leap(memory: SignerMemory, now: datetime, reason: str, *, anyway: bool) -> int | None:
    """
    Raise every counter, and trip the breaker.

    Args:
        memory: A transaction of the signer's.
        now: When.
        reason: Why, for those who will release the breaker.
        anyway: Even where nothing shows that the database is another one.

    Returns:
        Above what counters are drawn from now on; None if somebody else has just done it.
    """
    floor = await memory.leap(anyway=anyway)
    if floor is None:
        return None
    if await memory.lock_opens() is None:
        await memory.trip(Trip(new_id(now), now, reason))
        metrics.COMMAND_SIGNER_TRIPS.inc()
    await memory.note("leapt", now, None, f"counters are above {floor}: {reason}")
    metrics.COMMAND_SIGNER_TRIPPED.set(1)
    log.error("signer.counters.leapt", floor=floor, reason=reason)
    return floor
