"""A batch: commands that two people look at as one list, and that are held and undone as one."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from mdms.domain.controls import EndDeviceControl


class BatchState(StrEnum):
    """How a batch stands; what has gone already goes its own way."""

    PROPOSED = "PROPOSED"
    """Nothing of it goes before another person approves the list."""
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    UNDONE = "UNDONE"
    """Nothing more of it goes, ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """
    A list of commands.

    Attributes:
        batch_id: UUIDv7.
        name: Of the file that it came in.
        listing: The list as it was judged: `listed` of its commands.
        sha256: Of the listing, in hexadecimal: what requester and approver both saw.
        every_s: Seconds between two of its commands.
        stop_after: So many that failed, or of which nothing was heard, pause it.
        stop_at: The same, counted from its first command on; each resuming adds `stop_after`.
        approved_by: Empty: nobody yet.
    """

    batch_id: UUID
    name: str
    requested_by: str
    requested_at: datetime
    listing: bytes
    sha256: str
    every_s: int
    stop_after: int
    stop_at: int
    state: BatchState = BatchState.PROPOSED
    approved_by: str = ""
    approved_at: datetime | None = None


def listed(controls: Sequence[EndDeviceControl]) -> bytes:
    """Return commands as the one form of a list that is hashed: JSON, keys sorted, no blanks."""
    rows = [_row(number, control) for number, control in enumerate(controls, start=1)]
    return json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(listing: bytes) -> str:
    """Return the SHA-256 of a list, in hexadecimal."""
    return hashlib.sha256(listing).hexdigest()


def is_still(batch: Batch, controls: Sequence[EndDeviceControl]) -> bool:
    """Return whether a batch's commands are those of its list, whatever became of them."""
    if digest(batch.listing) != batch.sha256:
        return False
    by_id = {str(each.control_id): each for each in controls}
    rows = rows_of(batch)
    return by_id.keys() == {row["control_id"] for row in rows} and all(
        {**_row(row["number"], by_id[row["control_id"]]), "codes": row["codes"]} == row
        for row in rows
    )


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """Return the list as it was judged, in the order of the file."""
    rows: list[dict[str, Any]] = json.loads(batch.listing)
    return rows


def shuffled(batch_id: UUID, controls: Sequence[EndDeviceControl]) -> list[EndDeviceControl]:
    """Return commands in the order in which a batch sends them: no street goes dark in a row."""
    return sorted(
        controls,
        key=lambda each: hashlib.sha256(batch_id.bytes + each.control_id.bytes).digest(),
    )


def _row(number: int, control: EndDeviceControl) -> dict[str, Any]:
    return {
        "number": number,
        "control_id": str(control.control_id),
        "action": control.action.value,
        "meter": control.badge,
        "serial": control.serial,
        "usage_point": control.usage_point_id,
        "cause": control.cause,
        "order": control.order,
        "evidence": control.evidence,
        "item": control.item,
        "codes": [refusal.code for refusal in control.refusals],
    }
