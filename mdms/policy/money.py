"""Amounts of money: decimal, in dollars, to the cent."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_CENT: Final = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Return an amount to the nearest cent, half up; round once, at the end."""
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
