"""What units of files count in the quanta of our channels; only exact factors are known."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.domain.registry import Commodity

DIGITS_MAX: Final = 15
"""Digits before the point; more fit no register."""

QUANTA_PER_UNIT: Final = {
    Commodity.ELECTRIC: {"WH": 1, "KWH": 1_000, "MWH": 1_000_000}
    | {"VARH": 1, "KVARH": 1_000, "MVARH": 1_000_000},
    Commodity.WATER: {"0.1GAL": 1, "GAL": 10, "KGAL": 10_000},
    Commodity.GAS: {"0.01CCF": 1, "CF": 1, "CCF": 100, "MCF": 1_000},
}
"""
Quanta: 1 Wh, 0.1 gal, 0.01 ccf = 1 cubic foot. A cubic foot of water is no whole number of 0.1 gal.
"""

_NO_NUMERAL: Final = re.compile(r"[\s_]")
"""What Python allows in a number and no format does."""


@lru_cache(maxsize=1 << 16)
def quanta(text: str, factor: int | Decimal) -> tuple[int, bool]:
    """
    Read a number of units as quanta, rounded half even; say whether it was finer than a quantum.

    Args:
        text: Digits with a point, a sign or an exponent, as files write numbers.
        factor: Quanta per unit.

    Raises:
        UnusableError: It is no number, a negative one, or too large.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise UnusableError(Flaw.BAD_VALUE, f"{text!r} is not a number") from error
    if not (amount.is_finite() and text.isascii()) or _NO_NUMERAL.search(text):
        raise UnusableError(Flaw.BAD_VALUE, f"{text!r} is not a number")
    if amount < 0:
        raise UnusableError(Flaw.BAD_VALUE, f"{text} is negative: a channel counts one way")
    if amount.adjusted() >= DIGITS_MAX:
        raise UnusableError(Flaw.BAD_VALUE, f"{text} is more than any register shows")
    exact = amount * factor
    whole = exact.to_integral_value(rounding=ROUND_HALF_EVEN)
    return int(whole), whole != exact


def factor_of(commodity: Commodity, unit: str) -> int | None:
    """Return the quanta in one unit, None where that is no whole number or nobody knows it."""
    return QUANTA_PER_UNIT[commodity].get(unit.upper())
