"""
The registry directory: one CSV file per noun, read into `Registry` and written back.

Files, columns and their meaning are those of design.md 8; here they are a table. Reading never
stops at the first mistake: every bad row is reported with file, line and column.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from operator import attrgetter
from typing import Any, Final, NamedTuple

from mdms.billing.formats.rfc4180 import csv_text, unguarded
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
from mdms.services.registry_cells import (
    Parse,
    boolean,
    choice,
    day,
    degrees,
    free_text,
    identifier,
    instant,
    or_none,
    power_kva,
    reading_type,
    whole,
    words,
    written,
)


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


_PLACE: Final[Mapping[str, Parse]] = {"latitude": degrees(90), "longitude": degrees(180)}

SHEETS: Final = (
    Sheet(
        "transformers",
        Transformer,
        ("transformer_id",),
        {"transformer_id": identifier, "feeder_id": free_text, "kva": power_kva, **_PLACE},
    ),
    Sheet(
        "premises",
        Premise,
        ("premise_id",),
        {
            "premise_id": identifier,
            "kind": choice(PremiseKind),
            **_PLACE,
            "transformer_id": free_text,
            "water_zone": free_text,
            "flags": words,
        },
    ),
    Sheet(
        "usage_points",
        UsagePoint,
        ("usage_point_id",),
        {
            "usage_point_id": identifier,
            "premise_id": identifier,
            "commodity": choice(Commodity),
            "service_class": identifier,
            "billing_cycle": whole(0, 2**31 - 1),
            "net_metering": boolean,
            "temporary": boolean,
            "irregular_usage": boolean,
        },
    ),
    Sheet(
        "accounts",
        Account,
        ("account_id",),
        {
            "account_id": identifier,
            "master_account_id": free_text,
            "customer_type": free_text,
            "opened_on": day,
            "closed_on": or_none(day),
        },
    ),
    Sheet(
        "agreements",
        Agreement,
        ("usage_point_id", "start_on"),
        {
            "account_id": identifier,
            "usage_point_id": identifier,
            "start_on": day,
            "end_on": or_none(day),
        },
    ),
    Sheet(
        "meters",
        Meter,
        ("badge", "installed_at"),
        {
            "badge": identifier,
            "serial": free_text,
            "radio_id": whole(0, 2**32 - 1),
            "usage_point_id": identifier,
            "model": free_text,
            "installed_at": instant,
            "removed_at": or_none(instant),
            "has_switch": boolean,
            "pilot": boolean,
            "radio": choice(Radio),
            "register_dials": whole(1, 18),
            "register_resolution": whole(1),
            "multiplier": whole(1),
            "key_id": whole(0, 2**31 - 1),
        },
    ),
    Sheet(
        "collectors",
        Collector,
        ("collector_id",),
        {"collector_id": whole(0, 2**32 - 1), "name": free_text, **_PLACE},
    ),
    Sheet(
        "channels",
        Channel,
        ("badge", "channel"),
        {
            "badge": identifier,
            "channel": whole(0, 15),
            "reading_type": reading_type,
            "interval_s": whole(1, 86_400),
            "unit": identifier,
        },
    ),
    Sheet(
        "contacts",
        Contact,
        ("account_id",),
        {
            "account_id": identifier,
            "name": free_text,
            "email": free_text,
            "phone": free_text,
            "address": free_text,
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
                [written(getattr(noun, name)) for name in sheet.columns]
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
