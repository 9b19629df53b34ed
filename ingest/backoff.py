"""How long to wait before trying again when the database or the broker is away."""

from collections.abc import Iterator
from typing import Final

FIRST_PAUSE_S: Final = 0.1


def pauses(pause_s_max: float) -> Iterator[float]:
    """Yield pauses without end: each twice the one before, up to the cap."""
    pause_s = min(FIRST_PAUSE_S, pause_s_max)
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, pause_s_max)
