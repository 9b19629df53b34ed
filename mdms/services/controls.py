"""Commands as people and programs see them: lists, one with its whole history, a file."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from mdms.domain.controls import (
    ControlApproval,
    ControlStep,
    EndDeviceControl,
    Refusal,
    SignedEnvelope,
)
from mdms.domain.errors import NotFoundError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.decisions import judgements

_EVERY: Final = 1_000_000
_INSTANT: Final = pa.timestamp("us", tz="UTC")

CONTROL_SCHEMA: Final = pa.schema(
    [
        ("control_id", pa.string()),
        ("meter", pa.string()),
        ("action", pa.string()),
        ("cause", pa.string()),
        ("state", pa.string()),
        ("result", pa.string()),
        ("requested_by", pa.string()),
        ("requested_at", _INSTANT),
        ("codes", pa.list_(pa.string())),
        ("sent_at", _INSTANT),
        ("answered_at", _INSTANT),
        ("verified_at", _INSTANT),
        ("switch", pa.string()),
        ("load_side_voltage", pa.bool_()),
    ]
)
"""`controls.parquet` of design.md 5; codes are those of a refusal."""


class ControlService:
    """
    Stored commands, for reading; `commands.requests` makes and cancels them.

    Args:
        unit_of_work: Opens a transaction.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def newest(
        self, *, meter: str | None, before: UUID | None = None, count_max: int
    ) -> list[dict[str, Any]]:
        """Return the newest commands first, of one badge or of all, older than one of them."""
        async with self._unit_of_work() as work:
            found = await work.controls.newest(count_max, badge=meter, before=before)
        return [view(control) for control in found]

    async def show(self, control_id: UUID) -> dict[str, Any]:
        """
        Return one command with its steps and what was signed for it.

        Raises:
            NotFoundError: There is none with this id.
        """
        async with self._unit_of_work() as work:
            control = await work.controls.find(control_id)
            if control is None:
                raise NotFoundError(f"there is no command {control_id}; see `mdms command ls`")
            steps = await work.controls.steps(control_id)
            envelopes = await work.controls.envelopes(control_id)
            approvals = await work.controls.approvals(control_id)
            audited = await work.audit.about(str(control_id))
        return view(control) | {
            "approvals": [_approval_view(approval) for approval in approvals],
            "judgements": judgements(audited),
            "steps": [_step_view(step) for step in steps],
            "envelopes": [_envelope_view(envelope) for envelope in envelopes],
        }

    async def write_controls(self, path: Path) -> None:
        """Write every command to a Parquet file of `CONTROL_SCHEMA`, oldest first."""
        async with self._unit_of_work() as work:
            controls = list(reversed(await work.controls.newest(_EVERY)))
        table = pa.Table.from_pylist(_file_rows(controls), schema=CONTROL_SCHEMA)
        await asyncio.to_thread(pq.write_table, table, path)


def view(control: EndDeviceControl) -> dict[str, Any]:
    """Return a command as plain values; instants in ISO 8601, UTC."""
    return {
        "control_id": str(control.control_id),
        "action": control.action.value,
        "meter": control.badge,
        "usage_point": control.usage_point_id,
        "cause": control.cause,
        "order": control.order,
        "reason": control.reason,
        "evidence": control.evidence,
        "item": control.item,
        "state": control.state.value,
        "result": None if control.result is None else control.result.value,
        "codes": [refusal_view(refusal) for refusal in control.refusals],
        "requested_by": control.requested_by,
        "requested_at": _iso(control.requested_at),
        "not_before": _iso(control.not_before),
        "not_after": _iso(control.not_after),
        "due_at": _iso(control.due_at),
        "deadline": _iso(control.deadline),
        "sent_at": _iso(control.sent_at),
        "answered_at": _iso(control.answered_at),
        "verified_at": _iso(control.verified_at),
        "switch": None if control.switch is None else control.switch.name.lower(),
        "line_voltage": control.line_voltage,
        "load_side_voltage": control.load_side_voltage,
        "register": control.register,
    }


def refusal_view(refusal: Refusal) -> dict[str, str | None]:
    """Return a refusal as plain values."""
    return {
        "code": refusal.code,
        "clause": refusal.clause,
        "cure": refusal.cure,
        "next_possible_at": _iso(refusal.next_possible_at),
    }


def _step_view(step: ControlStep) -> dict[str, Any]:
    return {
        "number": step.number,
        "at": _iso(step.at),
        "event": step.event,
        "state": step.state.value,
        "actor": step.actor,
        "detail": step.detail,
    }


def _approval_view(approval: ControlApproval) -> dict[str, Any]:
    return {
        "name": approval.name,
        "role": approval.role,
        "at": _iso(approval.at),
        "reason": approval.reason,
    }


def _envelope_view(envelope: SignedEnvelope) -> dict[str, Any]:
    return {
        "command_id": str(envelope.command_id),
        "opcode": envelope.opcode.name.lower(),
        "counter": envelope.counter,
        "signed_at": _iso(envelope.signed_at),
    }


def _file_rows(controls: Iterable[EndDeviceControl]) -> Sequence[dict[str, Any]]:
    return [
        {
            "control_id": str(control.control_id),
            "meter": control.badge,
            "action": control.action.value,
            "cause": control.cause,
            "state": control.state.value,
            "result": None if control.result is None else control.result.value,
            "requested_by": control.requested_by,
            "requested_at": control.requested_at,
            "codes": [refusal.code for refusal in control.refusals],
            "sent_at": control.sent_at,
            "answered_at": control.answered_at,
            "verified_at": control.verified_at,
            "switch": None if control.switch is None else control.switch.name.lower(),
            "load_side_voltage": control.load_side_voltage,
        }
        for control in controls
    ]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
