"""
CSV files that people hand us: a file is a table of columns, a row becomes a noun.

Reading never stops at the first mistake: every bad row is reported with file, line and column.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import NamedTuple

from mdms.domain.errors import OperatorError
from mdms.services.cells import Parse


class Fault(NamedTuple):
    """One thing wrong with a file; `line` 0 means the file as a whole."""

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


class FilesRejectedError(OperatorError):
    """Files with mistakes; `faults` has every one of them, nothing was stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = f"{len(faults)} mistakes" if len(faults) > 1 else "one mistake"
        lines = "\n".join(str(fault) for fault in faults)
        super().__init__(f"nothing was imported, the files have {count}:\n{lines}")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    One file of the directory.

    Attributes:
        name: The file is `<name>.csv`.
        noun: What a row becomes.
        key: Columns that tell rows apart.
        columns: How each column is read; named as the fields of the noun.
        required: Whether a directory must have it.
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


def records(sheet: Sheet, text: str, faults: list[Fault]) -> Iterator[tuple[int, dict[str, str]]]:
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


def noun_of(sheet: Sheet, line: int, cells: Mapping[str, str], faults: list[Fault]) -> object:
    """Return what a row says, or None after adding a fault for each wrong cell."""
    values: dict[str, object] = {}
    for name, parse in sheet.columns.items():
        try:
            values[name] = parse(cells[name])
        except ValueError as error:
            faults.append(Fault(sheet.file, line, name, str(error)))
    return sheet.noun(**values) if len(values) == len(sheet.columns) else None
