"""Commands to meters, as rows: the dispatcher's outbox, each command's history, what came back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.audit import AuditEntry, Value
from mdms.domain.controls import (
    Action,
    ControlApproval,
    ControlState,
    ControlStep,
    EndDeviceControl,
    Opcode,
    Refusal,
    Result,
    SignedEnvelope,
    SwitchPosition,
    first_id,
)
from mdms.domain.registry import Commodity
from mdms.ports.controls import Agenda, ReceivedAnswer
from mdms.storage.audit import PostgresAudit


class PostgresControls:
    """`mdms.ports.ControlStore` on control, control_step, control_envelope, control_answer."""

    def __init__(self, connection: AsyncConnection, audit: PostgresAudit) -> None:
        self._connection = connection
        self._audit = audit

    RECEIVE = """
    INSERT INTO control_answer (collector_id, schema_id, record, received_at)
    VALUES (%(collector_id)s, %(schema_id)s, %(record)b, %(received_at)s)
    """

    async def receive(self, records: Sequence[ReceivedAnswer]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.RECEIVE, [asdict(record) for record in records])

    UNHANDLED = """
    SELECT control_answer_id, collector_id, schema_id, record, received_at
    FROM control_answer WHERE handled_at IS NULL
    ORDER BY control_answer_id LIMIT %(count_max)s
    FOR UPDATE SKIP LOCKED
    """

    async def unhandled(self, count_max: int) -> Sequence[tuple[int, ReceivedAnswer]]:
        cursor = await self._connection.execute(self.UNHANDLED, {"count_max": count_max})
        return [(answer_id, ReceivedAnswer(*row)) for answer_id, *row in await cursor.fetchall()]

    MARK_HANDLED = """
    UPDATE control_answer SET handled_at = %(at)s WHERE control_answer_id = ANY(%(answer_ids)s)
    """

    async def mark_handled(self, answer_ids: Sequence[int], at: datetime) -> None:
        await self._connection.execute(
            self.MARK_HANDLED, {"answer_ids": list(answer_ids), "at": at}
        )

    ADD = """
    INSERT INTO control
        (control_id, action, badge, serial, radio_id, key_id, usage_point_id, commodity, cause,
         order_ref, reason, requested_by, requested_at, not_before, not_after, role, evidence,
         item, batch_id, state, result, refusals, deadline, due_at, attempt_count, probe_count,
         collector_ids, accepted, sent_at, answered_at, verified_at, switch, line_voltage,
         load_side_voltage, register)
    VALUES
        (%(control_id)s, %(action)s, %(badge)s, %(serial)s, %(radio_id)s, %(key_id)s,
         %(usage_point_id)s, %(commodity)s, %(cause)s, %(order)s, %(reason)s, %(requested_by)s,
         %(requested_at)s, %(not_before)s, %(not_after)s, %(role)s, %(evidence)s, %(item)s,
         %(batch_id)s, %(state)s, %(result)s,
         %(refusals)s::jsonb, %(deadline)s, %(due_at)s, %(attempt_count)s, %(probe_count)s,
         %(collector_ids)s,
         %(accepted)s, %(sent_at)s, %(answered_at)s, %(verified_at)s, %(switch)s,
         %(line_voltage)s, %(load_side_voltage)s, %(register)s)
    """

    async def add(self, control: EndDeviceControl) -> None:
        await self._connection.execute(self.ADD, _row_of(control))

    SAVE = """
    UPDATE control
    SET state = %(state)s, result = %(result)s, refusals = %(refusals)s::jsonb,
        not_after = %(not_after)s, due_at = %(due_at)s,
        attempt_count = %(attempt_count)s, probe_count = %(probe_count)s,
        collector_ids = %(collector_ids)s, accepted = %(accepted)s, sent_at = %(sent_at)s,
        answered_at = %(answered_at)s, verified_at = %(verified_at)s, switch = %(switch)s,
        line_voltage = %(line_voltage)s, load_side_voltage = %(load_side_voltage)s,
        register = %(register)s
    WHERE control_id = %(control_id)s
    """

    async def save(self, control: EndDeviceControl) -> None:
        await self._connection.execute(self.SAVE, _row_of(control))

    ADD_STEP = """
    INSERT INTO control_step (control_id, number, at, event, state, actor, detail)
    VALUES (%(control_id)s,
            (SELECT count(*) + 1 FROM control_step WHERE control_id = %(control_id)s),
            %(at)s, %(event)s, %(state)s, %(actor)s, %(detail)s)
    RETURNING number
    """

    async def add_step(self, step: ControlStep) -> None:
        cursor = await self._connection.execute(
            self.ADD_STEP, asdict(step) | {"state": step.state.value}
        )
        row = await cursor.fetchone()
        assert row is not None, "an insert returns its row"
        self._audit.note(_audited(step, row[0]))

    ADD_APPROVAL = """
    INSERT INTO control_approval (control_id, name, role, at, reason)
    VALUES (%(control_id)s, %(name)s, %(role)s, %(at)s, %(reason)s)
    """

    async def add_approval(self, approval: ControlApproval) -> None:
        await self._connection.execute(self.ADD_APPROVAL, asdict(approval))

    APPROVALS = """
    SELECT control_id, name, role, at, reason
    FROM control_approval WHERE control_id = %(control_id)s ORDER BY at, name
    """

    async def approvals(self, control_id: UUID) -> Sequence[ControlApproval]:
        rows = await self._rows(self.APPROVALS, control_id=control_id)
        return [ControlApproval(**row) for row in rows]

    STEPS = """
    SELECT control_id, number, at, event, state, actor, detail
    FROM control_step WHERE control_id = %(control_id)s ORDER BY number
    """

    async def steps(self, control_id: UUID) -> Sequence[ControlStep]:
        rows = await self._rows(self.STEPS, control_id=control_id)
        return [ControlStep(**row | {"state": ControlState(row["state"])}) for row in rows]

    FIND = "SELECT * FROM control WHERE control_id = %(control_id)s"

    async def find(self, control_id: UUID) -> EndDeviceControl | None:
        return _only(await self._controls(self.FIND, control_id=control_id))

    LOCK = "SELECT * FROM control WHERE control_id = %(control_id)s FOR UPDATE"

    async def lock(self, control_id: UUID) -> EndDeviceControl | None:
        return _only(await self._controls(self.LOCK, control_id=control_id))

    LOCK_DUE = """
    SELECT * FROM control
    WHERE due_at <= %(now)s AND (%(opens)s::boolean IS NULL OR %(opens)s = (
        action = 'disconnect' AND state IN ('POLICY_OK', 'APPROVED_1', 'APPROVED_2', 'QUARANTINED')
    ))
    ORDER BY action IN ('reconnect', 'arm') DESC, due_at, control_id LIMIT 1
    FOR UPDATE SKIP LOCKED
    """

    async def lock_due(
        self, now: datetime, *, opens: bool | None = None
    ) -> EndDeviceControl | None:
        return _only(await self._controls(self.LOCK_DUE, now=now, opens=opens))

    AGENDA = """
    SELECT count(*) AS count, min(due_at) AS next_at,
           min(due_at) FILTER (WHERE commodity = 'electric'
                               AND state NOT IN ('METER_ACK', 'QUARANTINED')) AS next_mains_at,
           EXISTS (SELECT FROM control_answer WHERE handled_at IS NULL) AS has_answers
    FROM control WHERE due_at IS NOT NULL
    """

    async def agenda(self) -> Agenda:
        (row,) = await self._rows(self.AGENDA)
        return Agenda(**row)

    LOCK_METER = "SELECT FROM meter WHERE badge = %(badge)s FOR NO KEY UPDATE"

    async def lock_meter(self, badge: str) -> None:
        await self._connection.execute(self.LOCK_METER, {"badge": badge})

    OF_METER = "SELECT * FROM control WHERE badge = %(badge)s ORDER BY control_id"

    async def of_meter(self, badge: str) -> Sequence[EndDeviceControl]:
        return await self._controls(self.OF_METER, badge=badge)

    OPENS_ASKED = """
    SELECT requested_by, count(*) FROM control
    WHERE control_id >= %(first_id)s AND action = 'disconnect'
      AND state NOT IN ('POLICY_DENIED', 'CANCELLED', 'EXPIRED')
    GROUP BY requested_by ORDER BY requested_by
    """

    async def opens_asked(self, after: datetime) -> Mapping[str, int]:
        cursor = await self._connection.execute(self.OPENS_ASKED, {"first_id": first_id(after)})
        return dict(await cursor.fetchall())

    OF_BATCH = "SELECT * FROM control WHERE batch_id = %(batch_id)s ORDER BY control_id"

    async def of_batch(self, batch_id: UUID) -> Sequence[EndDeviceControl]:
        return await self._controls(self.OF_BATCH, batch_id=batch_id)

    NEWEST = """
    SELECT * FROM control
    WHERE (%(badge)s::text IS NULL OR badge = %(badge)s)
      AND (%(before)s::uuid IS NULL OR control_id < %(before)s)
    ORDER BY control_id DESC LIMIT %(count_max)s
    """

    async def newest(
        self, count_max: int, *, badge: str | None = None, before: UUID | None = None
    ) -> Sequence[EndDeviceControl]:
        return await self._controls(self.NEWEST, badge=badge, before=before, count_max=count_max)

    PENDING = "SELECT * FROM control WHERE due_at IS NOT NULL ORDER BY control_id"

    async def pending(self) -> Sequence[EndDeviceControl]:
        return await self._controls(self.PENDING)

    ADD_ENVELOPE = """
    INSERT INTO control_envelope (command_id, control_id, opcode, counter, envelope, signed_at)
    VALUES (%(command_id)s, %(control_id)s, %(opcode)s, %(counter)s, %(envelope)b, %(signed_at)s)
    """

    async def add_envelope(self, envelope: SignedEnvelope) -> None:
        row = asdict(envelope) | {"opcode": int(envelope.opcode)}
        await self._connection.execute(self.ADD_ENVELOPE, row)

    ENVELOPES = """
    SELECT command_id, control_id, opcode, counter, envelope, signed_at
    FROM control_envelope
    WHERE command_id = %(command_id)s OR control_id = %(control_id)s
    ORDER BY counter
    """

    async def envelope(self, command_id: UUID) -> SignedEnvelope | None:
        found = await self._rows(self.ENVELOPES, command_id=command_id, control_id=None)
        return _envelope_of(found[0]) if found else None

    async def envelopes(self, control_id: UUID) -> Sequence[SignedEnvelope]:
        rows = await self._rows(self.ENVELOPES, command_id=None, control_id=control_id)
        return [_envelope_of(row) for row in rows]

    # Every copy of a frame carries a register; intervals and registers older than `after` may come
    # late from other collectors, so the meter's stamp counts, not when we heard of it.
    HEARD_AT = """
    SELECT max(r.at_utc)
    FROM channel c
    JOIN register_read r USING (channel_id)
    WHERE c.badge = %(badge)s AND r.version = 0 AND r.at_utc > %(after)s
    """

    async def heard_at(self, badge: str, after: datetime) -> datetime | None:
        cursor = await self._connection.execute(self.HEARD_AT, {"badge": badge, "after": after})
        row = await cursor.fetchone()
        assert row is not None, "an aggregate has one row"
        heard: datetime | None = row[0]
        return heard

    VIOLATIONS = """
    SELECT control_id
    FROM control c
    JOIN radio_silence s USING (control_id)
    WHERE s.on_at IS NULL AND c.result = 'OK' AND EXISTS (
        SELECT FROM dead_letter d
        WHERE d.reason = 'opted_out' AND d.received_at > c.verified_at
          AND d.detail = 'radio ' || c.radio_id
    )
    ORDER BY control_id
    """

    async def violations(self) -> Sequence[UUID]:
        cursor = await self._connection.execute(self.VIOLATIONS)
        return [control_id for (control_id,) in await cursor.fetchall()]

    async def _controls(self, statement: str, **values: object) -> list[EndDeviceControl]:
        return [control_of(row) for row in await self._rows(statement, **values)]

    async def _rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()


def _audited(step: ControlStep, number: int) -> AuditEntry:
    told: dict[str, Value] = {
        "step": number,
        "event": step.event,
        "state": step.state.value,
        "text": step.detail,
    }
    return AuditEntry(step.at, "control.step", str(step.control_id), step.actor, told)


def _row_of(control: EndDeviceControl) -> dict[str, object]:
    row = asdict(control)
    row |= {
        "refusals": json.dumps(row["refusals"], default=str),
        "collector_ids": list(control.collector_ids),
        "switch": None if control.switch is None else int(control.switch),
    }
    return row


def control_of(row: dict[str, Any]) -> EndDeviceControl:
    """Return a row of `control` as a command."""
    row["order"] = row.pop("order_ref")
    row |= {
        "action": Action(row["action"]),
        "commodity": Commodity(row["commodity"]),
        "state": ControlState(row["state"]),
        "result": None if row["result"] is None else Result(row["result"]),
        "refusals": tuple(_refusal_of(each) for each in row["refusals"]),
        "collector_ids": tuple(row["collector_ids"]),
        "switch": None if row["switch"] is None else SwitchPosition(row["switch"]),
    }
    return EndDeviceControl(**row)


def _refusal_of(row: dict[str, Any]) -> Refusal:
    at = row["next_possible_at"]
    return Refusal(**row | {"next_possible_at": None if at is None else datetime.fromisoformat(at)})


def _envelope_of(row: dict[str, Any]) -> SignedEnvelope:
    return SignedEnvelope(**row | {"opcode": Opcode(row["opcode"])})


def _only(found: list[EndDeviceControl]) -> EndDeviceControl | None:
    assert len(found) <= 1, "a key names at most one row"
    return found[0] if found else None
