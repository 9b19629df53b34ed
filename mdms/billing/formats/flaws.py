"""What can be wrong with a row of a file of reads."""

from enum import StrEnum


class Flaw(StrEnum):
    """Why a row of a file is refused: a closed set, also what people search reports for."""

    BAD_RECORD = "bad_record"
    BAD_COUNT = "bad_count"
    BAD_TIME = "bad_time"
    BAD_VALUE = "bad_value"
    BAD_QUALITY = "bad_quality"
    BAD_UNIT = "bad_unit"
    BAD_INTERVAL = "bad_interval"
    BAD_MULTIPLIER = "bad_multiplier"
    BAD_ALIGNMENT = "bad_alignment"
    TRUNCATED = "truncated"
    UNKNOWN_METER = "unknown_meter"
    UNKNOWN_CHANNEL = "unknown_channel"
    NOT_INSTALLED = "not_installed"
    OPTED_OUT = "opted_out"
    TIME_FUTURE = "time_future"
    TIME_PAST = "time_past"


DAMAGE = frozenset({Flaw.TRUNCATED})
"""Flaws of the file as a whole: nobody knows what it does not say any more."""


class UnusableError(ValueError):
    """Text that means nothing; the message is a sentence for whoever wrote it."""

    def __init__(self, flaw: Flaw, detail: str) -> None:
        super().__init__(detail)
        self.flaw = flaw
