"""The file of a batch: one command a row, `action,meter,cause,order,evidence,item`."""

from dataclasses import dataclass
from typing import Final

from mdms.domain.controls import Action
from mdms.services.cells import choice, free_text, identifier
from mdms.services.sheets import Fault, FilesRejectedError, Sheet, noun_of, records


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of the file, as of a request for one command."""

    action: Action
    meter: str
    cause: str
    order: str
    evidence: str
    item: str


SHEET: Final = Sheet(
    "batch",
    BatchRow,
    ("action", "meter"),
    {
        "action": choice(Action),
        "meter": identifier,
        "cause": identifier,
        "order": free_text,
        "evidence": free_text,
        "item": free_text,
    },
)


def parse(name: str, text: str) -> list[BatchRow]:
    """
    Read the file of a batch, all of it or nothing.

    Raises:
        FilesRejectedError: A row is wrong, or names a meter twice; every mistake is listed.
    """
    faults: list[Fault] = []
    rows: list[BatchRow] = []
    lines: dict[str, int] = {}
    for line, cells in records(SHEET, text, faults):
        row = noun_of(SHEET, line, cells, faults)
        if not isinstance(row, BatchRow):
            continue
        if row.meter in lines:
            faults.append(
                Fault("", line, "meter", f"{row.meter} is in line {lines[row.meter]} too")
            )
        lines[row.meter] = line
        rows.append(row)
    if faults:
        raise FilesRejectedError(sorted(fault._replace(file=name) for fault in faults))
    return rows
