"""What arrives of a load: gaps, impossible values, values that the register does not know of."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import Registers

REGISTER_SLOTS = 8
"""A frame, and with it a register, every two hours."""

_GAP_SLOTS_MAX = 15
_SPIKE_SHARE = 1e-4
_SPIKE_WH = 20_000
"""More than any service here carries (V21)."""
_UNKNOWN_SHARE = 5e-5
_UNKNOWN_WH = 500
"""Added to a value and to no register (V45, V46)."""


@dataclass(frozen=True, slots=True)
class Received:
    """Values as they were received, 0 where absent; grids have the shape (channels, slots)."""

    value: Int64
    present: Bool
    registers: Registers


def undamaged(load: Int64) -> Received:
    """Return a load of which everything arrived."""
    return Received(
        load, np.ones(load.shape, np.bool_), _registers(load, np.zeros_like(load, bool))
    )


def damaged(load: Int64, *, gap_share: float, seed: int) -> Received:
    """Return a load with gaps of up to four hours and a few wrong values."""
    generator = np.random.default_rng(seed)
    absent = _gaps(load.shape, gap_share, generator)
    value = load + _SPIKE_WH * (generator.random(load.shape) < _SPIKE_SHARE)
    value += _UNKNOWN_WH * (generator.random(load.shape) < _UNKNOWN_SHARE)
    return Received(np.where(absent, 0, value), ~absent, _registers(load, absent))


def _gaps(shape: tuple[int, ...], share: float, generator: np.random.Generator) -> Bool:
    """Return runs of slots, all lengths alike, that cover about this share of the grid."""
    channels, slots = shape
    mean = (1 + _GAP_SLOTS_MAX) / 2
    channel, first = np.nonzero(generator.random(shape) < -np.log1p(-share) / mean)
    last = np.minimum(first + generator.integers(1, _GAP_SLOTS_MAX + 1, len(first)), slots)
    edge = np.zeros((channels, slots + 1), np.int64)
    np.add.at(edge, (channel, first), 1)
    np.add.at(edge, (channel, last), -1)
    absent: Bool = edge.cumsum(axis=1)[:, :-1] > 0
    return absent


def _registers(load: Int64, absent: Bool) -> Registers:
    """Return the registers of the frames that arrived, and one at either end of the grid."""
    shown = np.pad(load.cumsum(axis=1), ((0, 0), (1, 0)))
    heard = np.pad(~absent, ((0, 0), (1, 0)), constant_values=True)
    heard[:, -1] = True
    due = np.zeros(shown.shape[1], np.bool_)
    due[::REGISTER_SLOTS] = True
    due[-1] = True
    channel, boundary = map(np.ascontiguousarray, np.nonzero(heard & due))
    return Registers(channel, boundary, shown[channel, boundary])
