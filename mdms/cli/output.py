"""How answers are printed: a table for people, JSON and CSV for programs."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum

from rich.console import Console
from rich.table import Table


class Output(StrEnum):
    """Form of an answer on standard output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def show(
    rows: Sequence[Mapping[str, object]], form: Output, *, title: str = "", empty: str = "none"
) -> None:
    """
    Print rows that all have the same keys, in the order of the first row's keys.

    Args:
        rows: What to print.
        form: Table, JSON (an array) or CSV (with a header).
        title: Above the table.
        empty: What the table says when there are no rows.
    """
    match form:
        case Output.JSON:
            sys.stdout.write(json.dumps(rows, indent=2, default=str) + "\n")
        case Output.CSV:
            writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else [], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        case Output.TABLE:
            _show_table(rows, title=title, empty=empty)


def _show_table(rows: Sequence[Mapping[str, object]], *, title: str, empty: str) -> None:
    console = Console()
    if not rows:
        console.print(f"{title}: {empty}" if title else empty)
        return
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name, value in rows[0].items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)
