"""
The registry directory: one CSV file per noun, read into `Registry` and written back.

Files, columns and their meaning are those of design.md 8; here they are a table. Reading never
stops at the first mistake: every bad row is reported with file, line and column.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from io import StringIO
from operator import attrgetter
from typing import Any, Final, NamedTuple

from mdms.billing.formats.rfc4180 import csv_text, guarded, unguarded
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Contact,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    Transformer,
    UsagePoint,
)

_TEXT_MAX = 200
_INT64_MAX = 2**63 - 1

Parse = Callable[[str], Any]
"""Reads a cell; a ValueError's text completes the sentence "this cell …"."""


class Fault(NamedTuple):
    """One thing wrong with a registry directory; `line` 0 means the file as a whole."""

    file: str
    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return (
            f"{place} {self.column}: {self.sentence}"
            if self.column
            else f"{place}: {self.sentence}"
        )


def _identifier(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return _text(text)


def _text(text: str) -> str:
    if len(text) > _TEXT_MAX:
        raise ValueError(f"is longer than {_TEXT_MAX} characters")
    if text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} has blanks around it or characters that cannot be printed")
    return unguarded(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_text(text).split())


def _whole(lowest: int, highest: int = _INT64_MAX) -> Parse:
    def parse(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or not text.isascii():
            raise ValueError(f"{text!r} is not a whole number")
        if not lowest <= int(text) <= highest:
            raise ValueError(f"{text} is not between {lowest} and {highest}")
        return int(text)

    return parse


def _degrees(limit: int) -> Parse:
    def parse(text: str) -> float:
        return float(_decimal(text, -limit, limit))

    return parse


def _power_kva(text: str) -> Decimal:
    return _decimal(text, 0, 1_000_000)


def _decimal(text: str, lowest: int, highest: int) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not (value.is_finite() and lowest <= value <= highest):
        raise ValueError(f"{text} is not between {lowest} and {highest}")
    return value


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _choice(choices: type[StrEnum]) -> Parse:
    def parse(text: str) -> StrEnum:
        try:
            return choices(text)
        except ValueError:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}") from None

    return parse


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date; write it as 2026-11-03") from None


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it as 2026-11-03T08:00:00Z") from None
    if instant.utcoffset() != timedelta(0):
        raise ValueError(f"{text!r} is not in UTC; write it as 2026-11-03T08:00:00Z")
    return instant.astimezone(UTC)


def _reading_type(text: str) -> str:
    if text not in READING_TYPES:
        raise ValueError(f"{text!r} is not a supported reading type")
    return text


def _or_none(parse: Parse) -> Parse:
    return lambda text: parse(text) if text else None


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    One file of the directory.

    Attributes:
        name: Field of Registry; the file is `<name>.csv`.
        noun: What a row becomes.
        key: Columns that tell rows apart.
        columns: How each column is read; named as the fields of the noun.
        required: Whether the directory must have it.
    """

    name: str
    noun: type
    key: tuple[str, ...]
    columns: Mapping[str, Parse]
    required: bool = True

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.csv"


_PLACE: Final[Mapping[str, Parse]] = {"latitude": _degrees(90), "longitude": _degrees(180)}

SHEETS: Final = (
    Sheet(
        "transformers",
        Transformer,
        ("transformer_id",),
        {"transformer_id": _identifier, "feeder_id": _text, "kva": _power_kva, **_PLACE},
    ),
    Sheet(
        "premises",
        Premise,
        ("premise_id",),
        {
            "premise_id": _identifier,
            "kind": _choice(PremiseKind),
            **_PLACE,
            "transformer_id": _text,
            "water_zone": _text,
            "flags": _words,
        },
    ),
    Sheet(
        "usage_points",
        UsagePoint,
        ("usage_point_id",),
        {
            "usage_point_id": _identifier,
            "premise_id": _identifier,
            "commodity": _choice(Commodity),
            "service_class": _identifier,
            "billing_cycle": _whole(0, 2**31 - 1),
            "net_metering": _boolean,
            "temporary": _boolean,
            "irregular_usage": _boolean,
        },
    ),
    Sheet(
        "accounts",
        Account,
        ("account_id",),
        {
            "account_id": _identifier,
            "master_account_id": _text,
            "customer_type": _text,
            "opened_on": _day,
            "closed_on": _or_none(_day),
        },
    ),
    Sheet(
        "agreements",
        Agreement,
        ("usage_point_id", "start_on"),
        {
            "account_id": _identifier,
            "usage_point_id": _identifier,
            "start_on": _day,
            "end_on": _or_none(_day),
        },
    ),
    Sheet(
        "meters",
        Meter,
        ("badge", "installed_at"),
        {
            "badge": _identifier,
            "serial": _text,
            "radio_id": _whole(0, 2**32 - 1),
            "usage_point_id": _identifier,
            "model": _text,
            "installed_at": _instant,
            "removed_at": _or_none(_instant),
            "has_switch": _boolean,
            "pilot": _boolean,
            "radio": _choice(Radio),
            "register_dials": _whole(1, 18),
            "register_resolution": _whole(1),
            "multiplier": _whole(1),
            "key_id": _whole(0, 2**31 - 1),
        },
    ),
    Sheet(
        "collectors",
        Collector,
        ("collector_id",),
        {"collector_id": _whole(0, 2**32 - 1), "name": _text, **_PLACE},
    ),
    Sheet(
        "channels",
        Channel,
        ("badge", "channel"),
        {
            "badge": _identifier,
            "channel": _whole(0, 15),
            "reading_type": _reading_type,
            "interval_s": _whole(1, 86_400),
            "unit": _identifier,
        },
    ),
    Sheet(
        "contacts",
        Contact,
        ("account_id",),
        {
            "account_id": _identifier,
            "name": _text,
            "email": _text,
            "phone": _text,
            "address": _text,
        },
        required=False,  # personal data may travel on a way of its own
    ),
)
"""The files, in an order in which each refers only to those before it."""


@dataclass(frozen=True, slots=True)
class ReadDirectory:
    """
    What the files said.

    Attributes:
        registry: The rows that could be read.
        lines: Line of each of those rows, by the name of the registry's field.
        named: Every identifier that a file's rows declare, those of bad rows included, so that
            one bad row is not reported again by each row that refers to it.
        faults: What could not be read.
    """

    registry: Registry
    lines: Mapping[str, Sequence[int]]
    named: Mapping[str, frozenset[str]]
    faults: Sequence[Fault]


def read_directory(texts: Mapping[str, str]) -> ReadDirectory:
    """
    Read the texts of a registry directory by file name.

    Blank lines are skipped and columns may stand in any order; a missing, unknown or repeated
    column spoils its file, a wrong cell spoils its row.
    """
    faults = [
        Fault(name, 0, "", "is no file of a registry directory")
        for name in texts.keys() - {sheet.file for sheet in SHEETS}
    ]
    rows: dict[str, tuple[Any, ...]] = {}
    lines: dict[str, Sequence[int]] = {}
    named: dict[str, frozenset[str]] = {}
    for sheet in SHEETS:
        found, names = list[tuple[int, Any]](), set[str]()
        if sheet.file in texts:
            for line, cells in _records(sheet, texts[sheet.file], faults):
                names.add(unguarded(cells[sheet.key[0]]))
                noun = _noun(sheet, line, cells, faults)
                if noun is not None:
                    found.append((line, noun))
        elif sheet.required:
            faults.append(Fault(sheet.file, 0, "", "is missing"))
        rows[sheet.name] = tuple(noun for _, noun in found)
        lines[sheet.name] = [line for line, _ in found]
        named[sheet.name] = frozenset(names)
    return ReadDirectory(Registry(**rows), lines, named, faults)


def write_directory(registry: Registry) -> dict[str, str]:
    """Return the texts of a registry directory by file name, rows sorted by their keys."""
    return {
        sheet.file: csv_text(
            list(sheet.columns),
            (
                [_cell(getattr(noun, name)) for name in sheet.columns]
                for noun in sorted(getattr(registry, sheet.name), key=attrgetter(*sheet.key))
            ),
        )
        for sheet in SHEETS
    }


def _records(sheet: Sheet, text: str, faults: list[Fault]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the cells by column of each row that has as many as the header."""
    lines = _lines(sheet, text, faults)
    _, header = next(lines, (0, []))
    problems = list(_header_problems(sheet, header))
    faults += [Fault(sheet.file, 1, "", problem) for problem in problems]
    if problems:
        return
    for line, cells in lines:
        if len(cells) == len(header):
            yield line, dict(zip(header, cells, strict=True))
        else:
            faults.append(
                Fault(
                    sheet.file,
                    line,
                    "",
                    f"has {len(cells)} fields where the header has {len(header)}",
                )
            )


def _lines(sheet: Sheet, text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank with the line it begins on."""
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            faults.append(Fault(sheet.file, line, "", f"is no CSV from here on: {error}"))
            return
        if cells is None:
            return
        if cells:
            yield line, cells


def _header_problems(sheet: Sheet, header: Sequence[str]) -> Iterator[str]:
    if not header:
        yield "is empty; it needs a header"
        return
    for name in sheet.columns.keys() - set(header):
        yield f"has no column {name}"
    for name in dict.fromkeys(header):
        if name not in sheet.columns:
            yield f"has a column {name!r} that nobody knows"
        elif header.count(name) > 1:
            yield f"has the column {name} twice"


def _noun(sheet: Sheet, line: int, cells: Mapping[str, str], faults: list[Fault]) -> object:
    """Return what a row says, or None after adding a fault for each wrong cell."""
    values: dict[str, object] = {}
    for name, parse in sheet.columns.items():
        try:
            values[name] = parse(cells[name])
        except ValueError as error:
            faults.append(Fault(sheet.file, line, name, str(error)))
    return sheet.noun(**values) if len(values) == len(sheet.columns) else None


def _cell(value: object) -> str:
    """Return a value as `Sheet.columns` reads it."""
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
