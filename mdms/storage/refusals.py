"""Reasons of the rules, read back from JSON."""

from datetime import datetime
from typing import Any

from mdms.domain.controls import Refusal


def refusal_of(row: dict[str, Any]) -> Refusal:
    """Return a reason as it was before `json.dumps(asdict(...), default=str)`."""
    at = row["next_possible_at"]
    return Refusal(**row | {"next_possible_at": None if at is None else datetime.fromisoformat(at)})
