"""
The layout of NEM12 (interval data) and NEM13 (readings of registers), as AEMO's MDFF says.

A file is 100, then for each meter 200 with a 300 a day (400 where qualities change within it), or
250, and 900 at its end. Times are of one fixed offset: UTC+10 by the rule of the market, the
utility's standard time in files of ours.

Source:
    headend.md 3.6; vee.md 6.3; AEMO, Meter Data File Format Specification NEM12 & NEM13.
"""

from typing import Final

MARKET_ZONE: Final = "+10:00"

INTERVALS: Final = "NEM12"
REGISTERS: Final = "NEM13"

HEADER: Final = "100"
METER: Final = "200"
DAY: Final = "300"
DAY_PART: Final = "400"
REGISTER: Final = "250"
READ_FOR: Final = "500"
TRANSACTION: Final = "550"
"""Both say for whom a meter was read: no reads for us."""
END: Final = "900"

MINUTES: Final = frozenset({5, 15, 30, 60})
LINE_LENGTH_MAX: Final = 16_384
"""A day of 5 minutes has 288 values."""

ACTUAL: Final = "A"
VARIABLE: Final = "V"
NULL: Final = "N"
NOT_READ: Final = "EFS"

CHANNELS: Final = {"E": 0, "B": 1, "Q": 3}
"""First letter of a suffix: drawn from the network, fed into it, reactive drawn."""
DIRECTIONS: Final = {"E": 0, "I": 1}
"""Of basic meters: energy that left the network, that came into it."""
UNITS: Final = {0: frozenset({"WH", "KWH", "MWH"}), 3: frozenset({"VARH", "KVARH", "MVARH"})}
"""What each channel is counted in; energy is energy in either direction."""
SUFFIXES: Final = {0: "E1", 1: "B1", 3: "Q1"}
