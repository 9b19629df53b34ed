"""The registry directory: one CSV file per noun, columns as the documented format names them."""

import csv
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from mdms.domain.registry import Registry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write(registry: Registry, directory: Path) -> None:
    """Write `<noun>.csv` for each field of the registry; the same registry, the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    for noun in fields(registry):
        (directory / f"{noun.name}.csv").write_text(
            _rows(getattr(registry, noun.name)), encoding="utf-8", newline=""
        )


def _rows(records: Sequence["DataclassInstance"]) -> str:
    assert records, "a city has at least one of everything"
    names = [column.name for column in fields(records[0])]
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(getattr(record, name)) for name in names] for record in records)
    return text.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            cell = ""
        case bool():
            cell = "true" if value else "false"
        case Enum():
            cell = str(value.value)
        case datetime():
            cell = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case tuple():
            cell = " ".join(value)
        case _:
            cell = str(value)
    return cell
