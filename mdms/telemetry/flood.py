"""No warning fills the log: of each kind some lines, and how many more there were."""

import time
from collections.abc import Callable
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

LINES_MAX: Final = 10
PERIOD_S: Final = 10.0
_BOUNDED: Final = frozenset({"warning", "error", "critical"})
_KINDS_MAX: Final = 1_000
"""Events are named in the code, not made from data: there are never so many."""


class Bounded:
    """
    Lets through the first lines of each event in a period, and drops the rest.

    The first line of a later period says in `suppressed` how many were dropped before it. What is
    counted for alarms is counted by metrics, which lose nothing.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._periods: dict[str, _Period] = {}

    def __call__(self, _logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        """Return the line, or drop it: a processor of structlog."""
        if line.get("level", method) not in _BOUNDED:
            return line
        event, now_s = str(line["event"]), self._monotonic()
        period = self._periods.get(event)
        if period is None or now_s - period.began_s >= PERIOD_S:
            if period is not None and period.dropped:
                line["suppressed"] = period.dropped
            if len(self._periods) >= _KINDS_MAX:
                self._periods.clear()
            period = self._periods[event] = _Period(now_s)
        period.passed += 1
        if period.passed > LINES_MAX:
            period.dropped += 1
            raise structlog.DropEvent
        return line


class _Period:
    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.passed = 0
        self.dropped = 0
