"""The signer is asked every minute, whatever the answer is."""

from datetime import UTC, datetime

import pytest

from mdms.app.timers import ask_after_the_signer_forever
from mdms.domain.errors import UnavailableError
from tests.fakes import FakeClock


class Signer:
    """Away at first."""

    def __init__(self) -> None:
        self.asked = 0

    async def standing_trip(self) -> None:
        self.asked += 1
        if self.asked == 1:
            raise UnavailableError("away")


class Ending(FakeClock):
    """Ends the loop at its third pause."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if len(self.slept_s) == 3:
            raise InterruptedError


async def test_a_signer_that_is_away_is_asked_again_a_minute_later():
    signer, clock = Signer(), Ending(datetime(2026, 11, 3, tzinfo=UTC))

    with pytest.raises(InterruptedError):
        await ask_after_the_signer_forever(signer.standing_trip, clock)

    assert signer.asked == 3
    assert clock.slept_s == [60, 60, 60]
