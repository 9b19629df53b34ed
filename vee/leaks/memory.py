"""
What is carried from day to day: one row of 1 to 2 kB a meter, a structured array for all of them.

The row is all that the next day needs: no detector looks at an earlier read again.
"""

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vee.leaks.states import Kind, State

Floats = npt.NDArray[np.float64]

Memory = npt.NDArray[np.void]
"""Rows of `ROW`, one a meter."""

TESTS: Final = 3
"""Of continuous flow: possible, confirmed slowly, confirmed fast."""
POSSIBLE, SLOW, FAST = range(TESTS)

RECENT_H: Final = 24
NIGHTS: Final = 60
DAYS: Final = 60
WEEK_H: Final = 168
BRANCHES: Final = 4
WEEKS: Final = 4
NEVER_S: Final = -1
UNHEARD: Final = -1

ROW: Final = np.dtype(
    [
        # where it stands
        ("through_s", "<i8"),  # everything up to here has been looked at
        ("state", "u1"),
        ("resume", "u1"),  # where it stood when it went blind
        ("kind", "u1"),
        ("episode", "<i4"),  # counts cases from 1
        ("began_s", "<i8"),  # onset of the case
        ("confirmed_s", "<i8"),
        ("clearing_s", "<i8"),
        ("cleared_s", "<i8"),
        ("rate", "<f8"),  # quanta an hour
        ("burst", "u1"),  # detector B had a part in this case
        ("noticed_rate", "<f8"),
        ("noticed_day", "<i4"),  # days from confirmation to the notice that went out last
        # detector C
        ("seen", "<i4"),  # valid hours since the memory of hours began anew
        ("run", "<i4", (TESTS,)),
        ("onset_s", "<i8", (TESTS,)),  # start of the first hour of each run
        ("recent", "<i4", (RECENT_H,)),  # valid hours, the newest last
        ("gap_h", "<i4"),  # hours missing up to now
        ("since_gap", "<i4"),  # valid hours since the last missing one
        ("register", "<i8"),  # the bookend that opened the bracket
        ("bracket_missing", "<i4"),
        ("bracket_used", "<i8"),
        # clearing
        ("window_h", "<i4"),  # hours of the present 24-hour window
        ("window_low", "<i4"),  # of these, valid and below the threshold
        ("windows", "<i4"),  # windows in a row that had enough of them
        # detectors N and I, by the day
        ("nights", "<i4", (NIGHTS,)),
        ("days", "<i2", (DAYS,)),  # hours in which water moved
        ("busy_days", "<i4"),  # days in a row with hours enough
        # detector B
        ("burst_run", "<i2", (BRANCHES,)),
        ("habit", "<u2", (WEEK_H,)),  # a nibble a branch: was its limit reached in these weeks
        # guards
        ("guard_days", "<i4"),
        ("guard_days_moving", "<i4"),
        ("steady", "u1"),
        # what people said
        ("ack_theta", "<f8"),  # quanta an hour
        ("ack_until_s", "<i8"),
        ("declared", "<f8"),  # continuous use that is normal, quanta an hour
        ("pool_until_s", "<i8"),
    ]
)


LAYOUT: Final = hashlib.sha256(repr(ROW.descr).encode()).hexdigest()[:12]
"""Names the form of a row: one of another form is not read."""


def fresh(count: int) -> Memory:
    """Return the rows of meters of which nothing is known yet."""
    memory = np.zeros(count, ROW)
    memory["state"], memory["resume"], memory["kind"] = State.NONE, State.NONE, Kind.NONE
    for name in ("through_s", "began_s", "confirmed_s", "clearing_s", "cleared_s", "onset_s"):
        memory[name] = NEVER_S
    for name in ("nights", "days", "register"):
        memory[name] = UNHEARD
    return memory


def pushed(ring: npt.NDArray[Any], rows: npt.NDArray[np.bool_], value: npt.NDArray[Any]) -> None:
    """Append `value` to the rings of these rows, in place; the oldest entry falls off."""
    if rows.all():
        ring[:, :-1] = ring[:, 1:].copy()
        ring[:, -1] = value
    else:
        ring[rows, :-1] = ring[rows, 1:]
        ring[rows, -1] = value[rows]
