"""
The life of a leak as a table; vee.md 7.6.

Signals come from the detectors. A pair that is not in the table changes nothing.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import numpy as np

from mdms.domain.readings import UInt8


class State(IntEnum):
    """Where a meter stands."""

    NONE = 0
    POSSIBLE = 1
    CONFIRMED = 2
    CLEARING = 3
    CLEARED = 4
    UNKNOWN = 5
    """Too little data: nothing is raised and nothing cleared."""
    ACK_NORMAL = 6
    """The customer says that it is normal."""


class Signal(IntEnum):
    """What happened to a meter."""

    RAISE = 0
    """Water ran too long to be use."""
    CONFIRM = 1
    """It ran for longer, or for as long and faster."""
    DROP = 2
    """It stopped before it was confirmed."""
    LOW = 3
    """A valid hour below the threshold of clearing."""
    AGAIN = 4
    """It runs again, soon enough to be the same leak."""
    CLEAR = 5
    """Two days in a row had valid hours below that threshold."""
    BLIND = 6
    """Values have been missing for too long."""
    SIGHT = 7
    """A valid value, after that."""
    BURST = 8
    """So much water in so few hours that nobody waits."""
    ACK = 9
    """Somebody says that it is normal."""
    LAPSE = 10
    """What was said is too old."""


class Kind(IntEnum):
    """What gave a leak away; the larger number names it when several did."""

    NONE = 0
    INTERMITTENT = 1
    NIGHT = 2
    CONTINUOUS = 3
    BURST = 4


TRANSITIONS: Final[Mapping[tuple[State, Signal], State]] = {
    (State.NONE, Signal.RAISE): State.POSSIBLE,
    (State.NONE, Signal.CONFIRM): State.CONFIRMED,
    (State.NONE, Signal.BURST): State.CONFIRMED,
    (State.NONE, Signal.BLIND): State.UNKNOWN,
    (State.POSSIBLE, Signal.CONFIRM): State.CONFIRMED,
    (State.POSSIBLE, Signal.BURST): State.CONFIRMED,
    (State.POSSIBLE, Signal.DROP): State.NONE,
    (State.POSSIBLE, Signal.BLIND): State.UNKNOWN,
    (State.POSSIBLE, Signal.ACK): State.ACK_NORMAL,
    (State.CONFIRMED, Signal.LOW): State.CLEARING,
    (State.CONFIRMED, Signal.BLIND): State.UNKNOWN,
    (State.CONFIRMED, Signal.ACK): State.ACK_NORMAL,
    (State.CLEARING, Signal.AGAIN): State.CONFIRMED,
    (State.CLEARING, Signal.BURST): State.CONFIRMED,
    (State.CLEARING, Signal.CLEAR): State.CLEARED,
    (State.CLEARING, Signal.BLIND): State.UNKNOWN,
    (State.CLEARING, Signal.ACK): State.ACK_NORMAL,
    (State.CLEARED, Signal.RAISE): State.POSSIBLE,
    (State.CLEARED, Signal.CONFIRM): State.CONFIRMED,
    (State.CLEARED, Signal.BURST): State.CONFIRMED,
    (State.CLEARED, Signal.BLIND): State.UNKNOWN,
    (State.UNKNOWN, Signal.ACK): State.ACK_NORMAL,
    (State.ACK_NORMAL, Signal.RAISE): State.POSSIBLE,
    (State.ACK_NORMAL, Signal.CONFIRM): State.CONFIRMED,
    (State.ACK_NORMAL, Signal.BURST): State.CONFIRMED,
    (State.ACK_NORMAL, Signal.LAPSE): State.NONE,
}
"""UNKNOWN ends by SIGHT where it began: see `resumed`."""

OPEN: Final = (State.POSSIBLE, State.CONFIRMED, State.CLEARING, State.UNKNOWN)
"""A case in one of these goes on."""

_NEXT: Final = np.tile(np.arange(len(State), dtype=np.uint8), (len(Signal), 1))
for (_state, _signal), _after in TRANSITIONS.items():
    _NEXT[_signal, _state] = _after

_RESUMED: Final = np.array(
    [
        State.NONE,
        State.NONE,  # its run was broken, and nobody has been told
        State.CONFIRMED,
        State.CLEARING,
        State.CLEARED,
        State.NONE,
        State.ACK_NORMAL,
    ],
    np.uint8,
)


def after(state: UInt8, signal: Signal) -> UInt8:
    """Return the state of each meter that is given the signal."""
    return np.asarray(_NEXT[signal][state])


def resumed(before: UInt8) -> UInt8:
    """Return where meters stand that see again, by where they stood when they went blind."""
    return np.asarray(_RESUMED[before])
