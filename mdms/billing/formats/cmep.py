"""
The layout of CMEP (California Metering Exchange Protocol, 1.20) as head-ends and billing share it.

A line is a record: MEPMD01 has 14 fields and then up to 48 triplets of time, flag and value. Times
name the *end* of an interval. A flag is a letter with a number that only its maker reads.

Source:
    headend.md 3.2; vee.md 1.2 and 6.1.
"""

from typing import Final, NamedTuple

from mdms.domain.registry import Commodity

INTERVAL_DATA: Final = "MEPMD01"
BASE_VERSION: Final = "19970819"
OTHER_RECORDS: Final = frozenset(
    {
        "MEPMD02", "MEPAD01", "MEPAD02", "MEPBD01", "MEPBD02", "MEPBD03", "MEPLF01", "MEPEC01",
        "MEPRR01", "MLA01",
    }
)  # fmt: skip
"""Time-of-use sums, accounts, bills, loss factors, equipment, rejects, alarms: no reads for us."""

LINE_LENGTH_MAX: Final = 2048
HEADER_FIELDS: Final = 14
TRIPLETS_MAX: Final = 48

COMMODITIES: Final = {"E": Commodity.ELECTRIC, "G": Commodity.GAS, "W": Commodity.WATER}
LETTERS: Final = {commodity: letter for letter, commodity in COMMODITIES.items()}

READS: Final = frozenset({"", "OK", "RESEND", "HISTORY"})
"""Purposes of records that hold reads; the others are sums, patterns and refusals."""
OTHER_PURPOSES: Final = frozenset({"SUMMARY", "PROFILE", "TEMPLATE", "REJECT"})

ACTUAL: Final = "RV"
"""Letters of values that a meter measured; no flag at all means the same."""
NOT_READ: Final = "EA"
"""Letters of values that somebody estimated or adjusted."""
NONE: Final = "N"
"""Letter of a point without a value, whatever number stands there."""


class Unit(NamedTuple):
    """What the units of a record say: which quantity, in which unit, and whether of a register."""

    commodity: Commodity
    channel: int
    name: str
    is_register: bool


def _units() -> dict[tuple[str, str], Unit]:
    plain = {
        "E": ("WH", "KWH", "MWH"),
        "W": ("GAL", "KGAL", "CF", "CCF"),
        "G": ("CF", "CCF", "MCF"),
    }
    named = [(letter, name, 0, name) for letter, names in plain.items() for name in names]
    named += [("E", f"G{name}", 1, name) for name in plain["E"]]
    named += [("E", name, 3, name) for name in ("VARH", "KVARH", "MVARH")]
    return {
        (letter, written + suffix): Unit(COMMODITIES[letter], channel, name, bool(suffix))
        for letter, written, channel, name in named
        for suffix in ("", "REG")
    }


UNITS: Final = _units()
"""By commodity letter and units; a G before electric units is what flowed back, REG a register."""
