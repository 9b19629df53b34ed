"""How batches look on a terminal: a line, a row, the list with what became of it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from mdms.cli.command_view import short
from mdms.cli.output import fitting

Batch = Mapping[str, Any]
"""A batch as the daemon's REST interface gives it."""

SPARE = ("due_at", "order", "requested_at", "approved_by")
"""Columns that a narrow terminal does without."""

_SENTENCES = {
    "PROPOSED": "waits for another person's approval",
    "RUNNING": "goes, one by one",
    "PAUSED": "paused: `mdms command resume` or `undo`",
    "UNDONE": "undone",
}


def head(batch: Batch) -> str:
    """Return one line: which batch, how it stands, how many of its commands are where."""
    counts = ", ".join(f"{count} {state}" for state, count in batch["counts"].items())
    stands = "over" if batch["is_over"] else _SENTENCES[batch["state"]]
    by = f", approved by {batch['approved_by']}" if batch["approved_by"] else ""
    return (
        f"batch {batch['batch_id']} ({batch['name']}) of {batch['requested_by']}{by}: "
        f"{stands}; {counts}"
    )


def summary(batch: Batch) -> dict[str, object]:
    """Return the columns of a list of batches."""
    return {
        "id": short(batch["batch_id"]),
        "name": batch["name"],
        "state": batch["state"],
        "commands": sum(batch["counts"].values()),
        "done": batch["counts"].get("VERIFIED", 0),
        "by": batch["requested_by"],
        "approved_by": batch["approved_by"],
        "requested_at": batch["requested_at"],
    }


def rows(batch: Batch) -> list[dict[str, object]]:
    """Return the list as people look at it; a refused row says why."""
    return [
        {
            "row": row["number"],
            "meter": row["meter"],
            "command": row["action"],
            "cause": row["cause"],
            "order": row["order"],
            "state": " ".join(each for each in (row["state"], row["result"]) if each),
            "codes": " ".join(_codes(row)),
            "due_at": row["due_at"],
        }
        for row in batch["rows"]
    ]


def board(batch: Batch, console: Console) -> Group:
    """Return a batch as a table that can be redrawn."""
    return Group(Text(head(batch)), fitting(rows(batch), console, spare=SPARE))


def _codes(row: Mapping[str, Any]) -> list[str]:
    """Return why a row was refused, or what it waits for."""
    codes: list[str] = row["codes"] if row["state"] == "POLICY_DENIED" else row["waits_for"]
    return codes
