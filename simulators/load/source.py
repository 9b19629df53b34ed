"""What the simulation asks of anything that uses energy or water, and how use becomes quanta."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mdms.domain.readings import Bool, Int64
from simulators.arrays import Floats
from simulators.calendar import LocalDay


@dataclass(frozen=True, slots=True)
class Metered:
    """
    What a group of channels measured in one local day, shape (channels, slots).

    Attributes:
        value: Quanta, whether the meter kept them or not.
        gap: Intervals that the meter counted on its register but has no value for.
    """

    value: Int64
    gap: Bool

    @classmethod
    def whole(cls, value: Int64) -> "Metered":
        """Return a day without gaps."""
        return cls(value, np.zeros(value.shape, np.bool_))


class Source(Protocol):
    """A group of channels of one kind; the same day gives the same values."""

    def day(self, day: LocalDay) -> Metered: ...


def to_quanta(use: Floats, phase: Floats) -> Int64:
    """
    Count use as a register does: a quantum is counted when the register passes it.

    Args:
        use: Use per interval [quanta], not negative, shape (channels, slots).
        phase: Where between two quanta each register stood at midnight, 0..1, shape (channels,).

    Returns:
        Whole quanta per interval; over the day they differ from the use by less than one.
    """
    assert (use >= 0).all(), "nothing flows backwards through a channel"
    passed = np.floor(np.cumsum(use, axis=1) + phase[:, None]).astype(np.int64)
    return np.diff(passed, axis=1, prepend=0)
