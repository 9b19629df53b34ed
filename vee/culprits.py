"""
The one value that alone can explain why a bracket does not add up.

A register says that a stretch is wrong, not which of its values. But where the values exceed it,
only one that is as large as the excess can be all of the matter; where they fall short, only one
below zero. Is there just one such value, and is what the register leaves for it its opposite, or
far nearer to what it would be estimated at, it goes, and the others stay: the bracket adds up again
to the quantum.

Source:
    vee.md 3.4, step 2, which asks that the estimate itself agrees; docs/adr/0012.
"""

import numpy as np

from mdms.domain.readings import Int64
from vee.examination import Examination
from vee.kernels.gaps import Float

NEARER = 4
"""What the register leaves must be so many times nearer to the estimate than what was received."""


def suspects(found: Examination) -> tuple[Int64, Int64]:
    """
    Find the brackets that one value alone can have put wrong.

    Returns:
        Positions of these values in the flattened grid, and their brackets, one each, both rising.
    """
    none = np.zeros(0, np.int64)
    numbers = np.flatnonzero(found.unequal)
    if not len(numbers):
        return none, none
    slots, brackets = found.block.value.shape[1], found.brackets
    first = brackets.channel[numbers] * slots + brackets.first[numbers]
    length = (brackets.last - brackets.first)[numbers]
    of = np.repeat(numbers, length)
    cells = np.arange(len(of)) - np.repeat(np.cumsum(length) - length - first, length)
    value, residual = found.block.value.reshape(-1)[cells], found.residual[of]
    able = found.usable.reshape(-1)[cells] & (value + residual >= 0)
    able &= (residual < 0) | (value < 0)
    count = np.bincount(of, able, minlength=len(brackets))
    edited = found.block.edited.reshape(-1)[cells]
    decided = np.bincount(of, edited, minlength=len(brackets)) > 0
    alone = able & (count[of] == 1) & ~decided[of]
    return cells[alone], of[alone]


def convicted(found: Examination, cells: Int64, number: Int64, estimated: Float) -> Int64:
    """
    Return the suspects that are replaced, as positions among them.

    Args:
        found: The examination before anything was replaced.
        cells: Values that alone can have put their bracket wrong.
        number: Their brackets.
        estimated: What each would be estimated at without any register, NaN where nothing tells.
    """
    received = found.block.value.reshape(-1)[cells]
    left = received + found.residual[number]
    nearer = NEARER * np.abs(left - estimated) <= np.abs(received - estimated)
    opposite = (received < 0) & (left == -received)
    return np.flatnonzero(nearer | opposite)
