"""What a run leaves: tables for a person, `bench.json` for everyone's own comparison."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.measure import Row

_WHOLE_FROM = 100
"""Smaller figures are shown with three digits."""


def show(area: str, rows: Sequence[Row], console: Console) -> None:
    """Print the rows of one area as a table."""
    table = Table(title=area, title_justify="left")
    for heading in ("name", "value", "unit", "against", "ratio", "goal", "rounds", "spread"):
        right = heading in {"value", "ratio", "rounds", "spread"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:,.0f}" if row.value >= _WHOLE_FROM else f"{row.value:.3g}",
            row.unit,
            row.against or "",
            "" if row.ratio is None else f"{row.ratio:.3g}",
            row.goal or "",
            str(row.rounds),
            f"{row.spread:.0%}",
        )
    console.print(table)


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows of all areas as a JSON list of objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
    path.write_text(text + "\n", encoding="utf-8")
