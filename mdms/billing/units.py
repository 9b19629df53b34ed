"""Quanta of a channel in the units that bills are written in."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from mdms.domain.reading_types import ReadingType
from mdms.domain.registry import Commodity

_PLACES: Final = {
    Commodity.ELECTRIC: Decimal("0.001"),
    Commodity.GAS: Decimal("0.01"),
    Commodity.WATER: Decimal("0.000001"),
}
"""Exact for a watt-hour and for 0.01 ccf; to the nearest millionth for 0.1 gal in ccf."""


def whole_units(quanta: int, kind: ReadingType) -> int:
    """
    Return usage in whole billing units, half up.

    Round a period's usage once; never round registers first, never add rounded intervals.

    Source:
        CPAU Rule 11.A in its literal reading (policy.md 4.2): round(end - start).
    """
    units = Decimal(quanta) / kind.quanta_per_billing_unit
    return int(units.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """
    Divide whole units in proportion to weights, so that the parts add up to the total.

    Each part is rounded down, and the units that are left go to the largest remainders, of equal
    ones to the first. Without any weight the last part has it all.

    Source:
        vee.md 8.2: largest remainder over time-of-use buckets.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        return [0] * (len(weights) - 1) + [total]
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda number: (-(total * weights[number] % whole), number)
    )
    for number in by_remainder[: total - sum(parts)]:
        parts[number] += 1
    assert sum(parts) == total, "the parts are the whole"
    return parts


def unrounded_units(quanta: int, kind: ReadingType) -> Decimal:
    """Return a value in billing units with the places of its commodity."""
    units = Decimal(quanta) / kind.quanta_per_billing_unit
    return units.quantize(_PLACES[kind.commodity], rounding=ROUND_HALF_UP)
