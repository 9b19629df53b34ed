"""
How answers are printed: a table for people, JSON and CSV for programs.

A table never cuts anything off: what one copies from it (a badge, an id) stays in one piece, other
cells are folded at words, and columns that a command can spare go where the terminal is narrow.
"""

import csv
import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mdms.billing.formats.rfc4180 import guarded
from mdms.domain.plain import plain

Rows = Sequence[Mapping[str, object]]

_IN_ONE_PIECE: Final = frozenset({"id", "meter", "optout_id", "reading_type", "usage_point"})
"""Columns that people copy from; no line of theirs is ever broken."""

_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?\+00:00")
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_BORDER: Final = 3
_PIPE_WIDTH: Final = 400
"""In a pipe there is no window that could be too narrow."""


class Output(StrEnum):
    """Form of an answer on standard output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def show(
    rows: Rows,
    form: Output,
    *,
    title: str = "",
    empty: str = "none",
    spare: Sequence[str] = (),
) -> None:
    """
    Print rows that all have the same keys, in the order of the first row's keys.

    Args:
        rows: What to print.
        form: Table, JSON (an array) or CSV (with a header; nothing where there are no rows).
        title: Above the table.
        empty: What the table says when there are no rows.
        spare: Columns that the table does without where the terminal is too narrow for all, the
            first of them first; then go the last ones of the rest.
    """
    match form:
        case Output.JSON:
            sys.stdout.write(json.dumps(rows, indent=2, default=str) + "\n")
        case Output.CSV:
            if not rows:  # what the columns would be is not known
                return
            writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                {name: _csv_cell(value) for name, value in row.items()} for row in rows
            )
        case Output.TABLE if not rows:
            terminal().print(f"{title}: {empty}" if title else empty, markup=False)
        case Output.TABLE:
            console = terminal()
            console.print(fitting(rows, console, title=title, spare=spare))


def _csv_cell(value: object) -> object:
    """Return a value as no spreadsheet takes it for a formula; numbers stay numbers."""
    match value:
        case dict() | list():
            return json.dumps(value, default=str)
        case str() if not _NUMBER.fullmatch(value):
            return guarded(value)
        case _:
            return value


def terminal() -> Console:
    """Return standard output as wide as it is; as wide as needed where it is no terminal."""
    console = Console()
    is_bounded = console.is_terminal or "COLUMNS" in os.environ
    return console if is_bounded else Console(width=_PIPE_WIDTH)


def fitting(rows: Rows, console: Console, *, title: str = "", spare: Sequence[str] = ()) -> Table:
    """
    Return rows as a table without the spare columns for which there is no room.

    Args:
        rows: At least one.
        console: How wide it may be.
        title: Above the table.
        spare: As for `show`.
    """
    assert rows, "a table has rows"
    columns = {name: _Column.of(name, [row[name] for row in rows]) for name in rows[0]}
    left_out = []
    first = [name for name in spare if name in columns]
    for name in [*first, *(name for name in reversed(list(rows[0])) if name not in spare)]:
        if _taken(column.narrowest for column in columns.values()) <= console.width:
            break
        if len(columns) > 1:
            left_out.append(name)
            del columns[name]
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column, width in zip(columns.values(), _widths(columns.values(), console), strict=True):
        table.add_column(
            column.heading,
            justify="right" if column.is_number else "left",
            width=width,
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in columns.values()), strict=True):
        table.add_row(*map(Text, cells))  # as text: square brackets are no mark-up here
    if left_out:
        names = ", ".join(map(_heading, left_out))
        table.caption = Text(f"in a wider window, or with -o csv: {names}", style="dim")
        table.caption_justify = "left"
    return table


def instant(at: str) -> str:
    """Return an ISO instant, in UTC as all of the daemon's are, to the second; else the text."""
    return _INSTANT.sub(r"\1 \2Z", at)


def quanta(value: int, unit: str, *, signed: bool = False) -> str:
    """Return so many quanta in words: 140 Wh, but 28 x 0.1gal."""
    number = f"{value:+d}" if signed else str(value)
    return f"{number} x {unit}" if unit[:1].isdigit() else f"{number} {unit}".rstrip()


@dataclass(frozen=True, slots=True)
class _Column:
    """
    A column of a table.

    Attributes:
        narrowest: As wide as no word is broken, nor what must stay in one piece.
        widest: As wide as no line is folded.
    """

    heading: str
    cells: Sequence[str]
    is_number: bool
    narrowest: int
    widest: int

    @classmethod
    def of(cls, name: str, values: Sequence[object]) -> "_Column":
        heading = _heading(name)
        cells = [plain(_cell(value)) for value in values]
        in_one_piece = name in _IN_ONE_PIECE or any(map(_is_instant, values))
        lines = [heading, *cells]
        pieces = cells if in_one_piece else [word for line in lines for word in line.split()]
        return cls(
            heading,
            cells,
            is_number=isinstance(values[0], int | float) and not isinstance(values[0], bool),
            narrowest=max(map(cell_len, [*heading.split(), *pieces])),
            widest=max(map(cell_len, lines)),
        )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case dict():
            return ", ".join(f"{name}: {_cell(each)}" for name, each in value.items())
        case list():
            return ", ".join(map(_cell, value))
        case _:
            return instant(str(value))


def _widths(columns: Collection[_Column], console: Console) -> list[int | None]:
    """
    Return how wide each column is; None where it is best left to the table.

    What room there is beyond the narrowest goes to the columns by how much more they could use.
    """
    room = console.width - _taken(column.narrowest for column in columns)
    wished = sum(column.widest - column.narrowest for column in columns)
    if wished <= room or room < 0:
        return [None] * len(columns)
    return [
        column.narrowest + room * (column.widest - column.narrowest) // wished for column in columns
    ]


def _taken(widths: Iterable[int]) -> int:
    """Return how wide a table with columns of these widths is, lines and margins included."""
    return sum(width + _BORDER for width in widths) + 1


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _is_instant(value: object) -> bool:
    return value is not None and _INSTANT.fullmatch(str(value)) is not None
