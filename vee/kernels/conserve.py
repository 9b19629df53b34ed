"""
Conservation: share a whole number of quanta out after a shape, losing none.

Largest remainder, exact in integers; many groups at once.
"""

import numpy as np

from mdms.domain.readings import Int64

SHAPE_BITS_MAX = 61
"""The shapes of one group sum to less than 2 to this power."""


def apportion(total: Int64, shape: Int64, group: Int64) -> Int64:
    """
    Share each group's total out in proportion to the shape of its members.

    The fractions that are cut off are given back, one quantum each, to the members that lost
    most; ties go to the earliest. A group whose shape is all zero is shared evenly.

    Args:
        total: Quanta to share out, one per group, 0 or more, shape (groups,).
        shape: Weight of each member, 0 or more, shape (members,).
        group: Group of each member, every number from 0 on at least once, in rising order.

    Returns:
        Quanta of each member, shape (members,); they sum to the group's total exactly.

    Source:
        Largest remainder (Hamilton); vee.md 4.5.
    """
    if len(group) == 0:
        assert len(total) == 0, "a group has at least one member"
        return np.zeros(0, np.int64)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    assert len(first) == len(total), "every group has members, in rising order"
    assert (total >= 0).all(), "a negative total has no proportional share"
    assert (shape >= 0).all(), "a weight is never negative"

    flat = np.add.reduceat(shape, first) == 0
    weight = np.where(flat[group], 1, shape)
    whole = np.add.reduceat(weight, first)
    quotient, rest = np.divmod(total, whole)
    share, remainder = _multiply_divide(rest[group], weight, whole[group])
    share += quotient[group] * weight

    return _give_back(share, remainder, total, group, first)


def shift(total: Int64, shape: Int64, group: Int64, *, one: int) -> Int64:
    """
    Raise or lower all members of each group by the same amount until they sum to its total.

    For channels with a sign: where a sum is near zero, proportions mean nothing.

    Args:
        total: Quanta, one per group, of either sign, shape (groups,).
        shape: Estimate of each member [1/one quantum], shape (members,).
        group: Group of each member, every number from 0 on at least once, in rising order.
        one: Parts of a quantum that the shape counts in.

    Returns:
        Quanta of each member, shape (members,); they sum to the group's total exactly.

    Source:
        vee.md 4.5: y = x + (E - S) / n, then the same rounding.
    """
    if len(group) == 0:
        assert len(total) == 0, "a group has at least one member"
        return np.zeros(0, np.int64)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    assert len(first) == len(total), "every group has members, in rising order"
    count = np.diff(first, append=len(group))
    largest = int(np.abs(shape).max()) * int(count.max()) * 2 + int(np.abs(total).max()) * one
    assert largest < 1 << 62, "shapes are bounded by the physical limits of a class"
    apart = total * one - np.add.reduceat(shape, first)
    share, remainder = np.divmod(shape * count[group] + apart[group], (count * one)[group])
    return _give_back(share, remainder, total, group, first)


def _give_back(share: Int64, remainder: Int64, total: Int64, group: Int64, first: Int64) -> Int64:
    """Give what was cut off to the members that lost most, one quantum each."""
    left = total - np.add.reduceat(share, first)
    order = np.lexsort((-remainder, group))  # stable: equal remainders stay in time order
    rank = np.arange(len(group)) - first[group]
    share[order] += rank < left[group]
    assert (np.add.reduceat(share, first) == total).all(), "no quantum is lost or made"
    return share


def _multiply_divide(factor: Int64, weight: Int64, whole: Int64) -> tuple[Int64, Int64]:
    """
    Return floor(factor x weight / whole) and the remainder, for 0 <= factor < whole.

    The product may need 122 bits: weight is taken digit by digit, from the top, with digits as
    wide as the largest divisor leaves room for. One digit is enough for ordinary gaps.
    """
    whole_bits = int(whole.max()).bit_length()
    assert whole_bits <= SHAPE_BITS_MAX, "shapes are bounded by the physical limits of a class"
    digit_bits = 62 - whole_bits
    quotient = np.zeros_like(weight)
    remainder = np.zeros_like(weight)
    digits = -(-max(int(weight.max()).bit_length(), 1) // digit_bits)
    for digit in reversed(range(digits)):
        part = (weight >> (digit * digit_bits)) & ((1 << digit_bits) - 1)
        step, remainder = np.divmod((remainder << digit_bits) + part * factor, whole)
        quotient = (quotient << digit_bits) + step
    return quotient, remainder
