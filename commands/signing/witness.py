"""
What time it is, as far as the signer lets itself be told.

Its own clock counts only while it agrees with the clock that never steps and with the daemon's.
Whoever could move the signer's clock could empty its budgets and open its windows.
"""

from datetime import datetime, timedelta
from typing import Final, Protocol

from mdms.domain.controls import Refusal
from mdms.ports.clock import Clock

TOLERANCE: Final = timedelta(seconds=60)
_STEP_BACK: Final = timedelta(seconds=1)
"""Clocks are set back by less all the time."""
_GRANT_S_MAX: Final = 5.0
_POLL_S: Final = 0.01


class ClockError(Exception):
    """The clocks disagree."""


class Witness(Protocol):
    """Tells the time, or that it cannot be told."""

    async def now(self, stated_at: datetime) -> datetime:
        """
        Return the signer's time.

        Args:
            stated_at: What the caller believes the time to be.

        Raises:
            ClockError: It cannot be known what time it is.
        """
        ...


class SteadyWitness:
    """The machine's clock, watched by its monotonic one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._steady_s = clock.now(), clock.monotonic()
        self._latest = self._wall

    async def now(self, stated_at: datetime) -> datetime:
        now = self._clock.now()
        if now < self._latest - _STEP_BACK:
            raise ClockError(f"the signer's clock went back from {self._latest} to {now}")
        self._latest = max(self._latest, now)
        passed = timedelta(seconds=self._clock.monotonic() - self._steady_s)
        if abs(now - self._wall - passed) > TOLERANCE:
            raise ClockError(
                f"the signer's clock was set from {self._wall + passed} to {now}: "
                "if that was right, start the signer again"
            )
        return _agreed(now, stated_at)


class GrantedWitness:
    """A simulation's clock: the grant that the daemon acts on may be on its way to us."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self, stated_at: datetime) -> datetime:
        until_s = self._clock.monotonic() + _GRANT_S_MAX
        while self._clock.now() < stated_at and self._clock.monotonic() < until_s:
            await self._clock.sleep(_POLL_S)
        return _agreed(self._clock.now(), stated_at)


def refusal(error: ClockError) -> Refusal:
    """Return why nothing is signed while the clocks disagree."""
    return Refusal("SIGNER_CLOCK", "headend 4", f"set the clocks right: {error}")


def _agreed(now: datetime, stated_at: datetime) -> datetime:
    if abs(now - stated_at) > TOLERANCE:
        raise ClockError(f"it is {now} for the signer and {stated_at} for the daemon")
    return now
