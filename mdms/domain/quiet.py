"""Nothing to do before some instant: spares a question to the database after every step."""

from collections.abc import Iterable
from datetime import datetime


class Quiet:
    """
    Until when there is nothing to do; `disturb` ends it.

    Whoever looks calls `begin` before, and `until` with what it found after. A disturbance in
    between is not forgotten, and a look that fails leaves no quiet behind.
    """

    def __init__(self) -> None:
        self._end: datetime | None = None
        self._disturbed = False

    def lasts(self, now: datetime) -> bool:
        """Tell whether there is still nothing to do."""
        return self._end is not None and now < self._end

    def disturb(self) -> None:
        """Something has come up: look again."""
        self._end, self._disturbed = None, True

    def begin(self) -> None:
        """Note that somebody looks."""
        self._end, self._disturbed = None, False

    def until(self, latest: datetime, due: Iterable[datetime]) -> None:
        """Be quiet until the first thing is due, and no longer than `latest`."""
        if not self._disturbed:
            self._end = min([latest, *due])
