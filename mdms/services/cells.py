"""
Cells of CSV files that people hand us: how each kind of text is read, and how a value is written.

A reader raises ValueError with the second half of a sentence that begins with the cell.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from mdms.billing.formats.rfc4180 import guarded, unguarded
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.time import check_year

_TEXT_MAX = 200
_INT64_MAX = 2**63 - 1

Parse = Callable[[str], Any]
"""Reads a cell."""


def identifier(text: str) -> str:
    """Read a name that must be there."""
    if not text:
        raise ValueError("must not be empty")
    return free_text(text)


def free_text(text: str) -> str:
    """Read a printable text of one line, or nothing."""
    if len(text) > _TEXT_MAX:
        raise ValueError(f"is longer than {_TEXT_MAX} characters")
    if text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} has blanks around it or characters that cannot be printed")
    return unguarded(text)


def words(text: str) -> tuple[str, ...]:
    """Read words separated by blanks."""
    return tuple(free_text(text).split())


def whole(lowest: int, highest: int = _INT64_MAX) -> Parse:
    """Return a reader of whole numbers, both bounds included."""

    def parse(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or not text.isascii():
            raise ValueError(f"{text!r} is not a whole number")
        if not lowest <= int(text) <= highest:
            raise ValueError(f"{text} is not between {lowest} and {highest}")
        return int(text)

    return parse


def degrees(limit: int) -> Parse:
    """Return a reader of degrees from -limit to limit."""

    def parse(text: str) -> float:
        return float(_decimal(text, -limit, limit))

    return parse


def power_kva(text: str) -> Decimal:
    """Read the rating of a transformer [kVA]."""
    return _decimal(text, 0, 1_000_000)


def amount(text: str) -> Decimal:
    """Read a number that is not negative, such as a register or a usage."""
    return _decimal(text, 0, _INT64_MAX)


def signed_amount(text: str) -> Decimal:
    """Read a number of either sign."""
    return _decimal(text, -_INT64_MAX, _INT64_MAX)


def _decimal(text: str, lowest: int, highest: int) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not (value.is_finite() and lowest <= value <= highest):
        raise ValueError(f"{text} is not between {lowest} and {highest}")
    return value


def boolean(text: str) -> bool:
    """Read true or false."""
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def choice(choices: type[StrEnum]) -> Parse:
    """Return a reader of one of a closed set."""

    def parse(text: str) -> StrEnum:
        try:
            return choices(text)
        except ValueError:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}") from None

    return parse


def day(text: str) -> date:
    """Read a local date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date; write it as 2026-11-03") from None


def instant(text: str) -> datetime:
    """Read a time in UTC that says so."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it as 2026-11-03T08:00:00Z") from None
    if value.utcoffset() != timedelta(0):
        raise ValueError(f"{text!r} is not in UTC; write it as 2026-11-03T08:00:00Z")
    check_year(value)
    return value.astimezone(UTC)


def reading_type(text: str) -> str:
    """Read the name of a supported reading type."""
    if text not in READING_TYPES:
        raise ValueError(f"{text!r} is not a supported reading type")
    return text


def or_none(parse: Parse) -> Parse:
    """Return a reader that takes an empty cell for None."""
    return lambda text: parse(text) if text else None


def written(value: object) -> str:
    """Return a value as its reader takes it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case tuple():
            return guarded(" ".join(value))
        case str():
            return guarded(value)
        case _:
            return str(value)
