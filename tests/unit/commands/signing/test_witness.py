"""The signer's time: believed while clocks agree."""

from datetime import timedelta

import pytest

from commands.signing.witness import ClockError, GrantedWitness, SteadyWitness
from tests.controls import AT
from tests.fakes import FakeClock

MINUTE = timedelta(minutes=1)


class StrangeClock(FakeClock):
    """A clock whose civil time somebody sets."""

    def set(self, change: timedelta) -> None:
        self._now += change


async def test_agreeing_clocks_are_believed():
    clock = StrangeClock(AT)
    witness = SteadyWitness(clock)
    await clock.sleep(86_400)

    assert await witness.now(clock.now() - MINUTE) == clock.now()


@pytest.mark.parametrize("change", [timedelta(seconds=-2), timedelta(hours=-1)])
async def test_a_clock_that_steps_back_is_not(change):
    clock = StrangeClock(AT)
    witness = SteadyWitness(clock)
    await witness.now(AT)
    clock.set(change)

    with pytest.raises(ClockError, match="went back"):
        await witness.now(clock.now())


@pytest.mark.parametrize("change", [timedelta(seconds=61), timedelta(days=1)])
async def test_a_clock_that_runs_ahead_of_the_monotonic_one_is_not(change):
    clock = StrangeClock(AT)
    witness = SteadyWitness(clock)
    clock.set(change)

    with pytest.raises(ClockError, match="was set"):
        await witness.now(clock.now())


@pytest.mark.parametrize("change", [timedelta(seconds=61), timedelta(seconds=-61)])
async def test_a_daemon_that_lives_in_another_minute_is_not_served(change):
    with pytest.raises(ClockError, match="for the daemon"):
        await SteadyWitness(StrangeClock(AT)).now(AT + change)


async def test_a_grant_that_is_on_its_way_is_waited_for():
    class Granted(StrangeClock):
        async def sleep(self, seconds: float) -> None:
            self._monotonic_s += seconds
            if self._monotonic_s > 1:
                self._now = AT

    assert await GrantedWitness(Granted(AT - timedelta(hours=1))).now(AT) == AT


async def test_a_grant_that_never_comes_is_a_disagreement_after_a_while():
    class Stopped(StrangeClock):
        async def sleep(self, seconds: float) -> None:
            self._monotonic_s += seconds

    clock = Stopped(AT - timedelta(hours=1))

    with pytest.raises(ClockError):
        await GrantedWitness(clock).now(AT)
    assert clock.monotonic() < 10
