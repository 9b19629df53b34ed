"""Edits and the decisions about them: rows are added, never changed."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from mdms.domain.edits import (
    Edit,
    EditDecision,
    EditOperation,
    EditReason,
    EditState,
    touched_by,
)
from mdms.domain.readings import RAW_VERSION, IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.edits import EditMarks
from mdms.storage.arrays import Integers
from mdms.storage.read_tables import REGISTERS
from mdms.storage.time_series import Partitions, months_of

_AS_IT_IS = (
    "edit_id", "channel_id", "operation", "reason", "text", "ticket", "override_sum",
    "before_status", "after_status", "change", "editor", "editor_role", "asked_at",
)  # fmt: skip
_LISTS = ("before", "basis", "after", "residual_before", "residual_after", "four_eyes")


class PostgresEdits:
    """`mdms.ports.EditStore` on edit and edit_decision."""

    def __init__(self, connection: AsyncConnection, partitions: Partitions) -> None:
        self._connection = connection
        self._partitions = partitions

    ADD = """
    INSERT INTO edit (edit_id, channel_id, operation, start_utc, end_utc, parameters, reason, text,
                      ticket, override_sum, before, before_status, basis, after, after_status,
                      residual_before, residual_after, change, four_eyes, editor, editor_role,
                      asked_at, vee_exception_id)
    VALUES (%(edit_id)s, %(channel_id)s, %(operation)s, %(start_utc)s, %(end_utc)s, %(parameters)s,
            %(reason)s, %(text)s, %(ticket)s, %(override_sum)s, %(before)s::bigint[],
            %(before_status)s, %(basis)s::integer[], %(after)s::bigint[], %(after_status)s,
            %(residual_before)s::bigint[], %(residual_after)s::bigint[], %(change)s,
            %(four_eyes)s::text[], %(editor)s, %(editor_role)s, %(asked_at)s, %(exception_id)s)
    """

    async def add(self, edit: Edit) -> None:
        assert edit.decision is None, "a decision is another row"
        row: dict[str, Any] = {name: getattr(edit, name) for name in _AS_IT_IS}
        row |= {name: list(getattr(edit, name)) for name in _LISTS}
        row |= {
            "operation": edit.operation.value,
            "reason": edit.reason.value,
            "start_utc": from_epoch_s(edit.start_s),
            "end_utc": from_epoch_s(edit.end_s),
            "parameters": Jsonb(dict(edit.parameters)),
            "exception_id": edit.exception_id,
        }
        await self._connection.execute(self.ADD, row)

    DECIDE = """
    INSERT INTO edit_decision (edit_id, state, by, role, at, text)
    VALUES (%(edit_id)s, %(state)s, %(by)s, %(role)s, %(at)s, %(text)s)
    """

    async def decide(self, edit_id: UUID, decision: EditDecision) -> None:
        await self._connection.execute(
            self.DECIDE,
            {
                "edit_id": edit_id,
                "state": decision.state.value,
                "by": decision.by,
                "role": decision.role,
                "at": decision.at,
                "text": decision.text,
            },
        )

    # The lock goes first: a decision that another transaction makes meanwhile is seen after it.
    LOCK = "SELECT FROM edit WHERE edit_id = %(edit_id)s FOR UPDATE"

    SOME = """
    SELECT e.*, d.state AS decided, d.by, d.role, d.at, d.text AS decision_text
    FROM edit e LEFT JOIN edit_decision d USING (edit_id)
    WHERE (%(edit_id)s::uuid IS NULL OR e.edit_id = %(edit_id)s)
      AND (%(state)s::text IS NULL OR coalesce(d.state, 'waiting') = %(state)s)
      AND (%(channel_ids)s::integer[] IS NULL OR e.channel_id = ANY(%(channel_ids)s::integer[]))
      AND (%(start)s::timestamptz IS NULL
           OR e.start_utc < %(end)s AND (e.end_utc > %(start)s OR e.start_utc >= %(start)s))
      AND (%(before_at)s::timestamptz IS NULL
           OR (e.asked_at, e.edit_id) < (%(before_at)s, %(before_id)s::uuid))
    ORDER BY e.asked_at DESC, e.edit_id DESC LIMIT %(count_max)s
    """

    async def find(self, edit_id: UUID, *, lock: bool = False) -> Edit | None:
        if lock:
            await self._connection.execute(self.LOCK, {"edit_id": edit_id})
        found = await self._some(edit_id=edit_id)
        return found[0] if found else None

    async def some(
        self,
        *,
        state: EditState | None = None,
        channel_ids: Sequence[int] | None = None,
        period: Period | None = None,
        before: tuple[datetime, UUID] | None = None,
        count_max: int = 200,
    ) -> Sequence[Edit]:
        return await self._some(
            state=None if state is None else state.value,
            channel_ids=None if channel_ids is None else [int(c) for c in channel_ids],
            start=period.start_utc if period else None,
            end=period.end_utc if period else None,
            before_at=before and before[0],
            before_id=before and before[1],
            count_max=count_max,
        )

    async def _some(self, **parameters: object) -> list[Edit]:
        nothing = dict.fromkeys(
            ("edit_id", "state", "channel_ids", "start", "end", "before_at", "before_id")
        )
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.SOME, nothing | {"count_max": 1} | parameters)
            return [_edit(row) for row in await cursor.fetchall()]

    CHANGED_ALONE = """
    SELECT coalesce(sum(e.change), 0)::bigint FROM edit e JOIN edit_decision d USING (edit_id)
    WHERE e.channel_id = %(channel_id)s AND e.editor = %(editor)s AND e.asked_at >= %(since)s
      AND d.state = 'approved' AND cardinality(e.four_eyes) = 0
    """

    async def changed_alone(self, channel_id: int, editor: str, since: datetime) -> int:
        cursor = await self._connection.execute(
            self.CHANGED_ALONE, {"channel_id": channel_id, "editor": editor, "since": since}
        )
        ((change,),) = await cursor.fetchall()
        return int(change)

    # Only the last edit of an interval, or register, says anything of it: as they were agreed to.
    MARKS = """
    SELECT e.channel_id, extract(epoch FROM e.start_utc)::bigint,
           extract(epoch FROM e.end_utc)::bigint, e.operation, e.before_status, e.after_status,
           e.reason = 'GAP_TEMP', e.override_sum <> ''
    FROM edit e JOIN edit_decision d USING (edit_id)
    WHERE d.state = 'approved' AND d.at <= coalesce(%(as_of)s, timestamptz 'infinity')
      AND e.channel_id = ANY(%(channel_ids)s::integer[])
      AND e.start_utc <= %(end)s AND e.end_utc >= %(start)s
    ORDER BY d.at, e.asked_at
    """

    async def marks(
        self, period: Period, channel_ids: Sequence[int], *, as_of: datetime | None = None
    ) -> EditMarks:
        cursor = await self._connection.execute(
            self.MARKS,
            {
                "channel_ids": Integers.of(channel_ids),
                "start": period.start_utc,
                "end": period.end_utc,
                "as_of": as_of,
            },
        )
        said: dict[tuple[int, int], tuple[bool, bool]] = {}
        registers: dict[tuple[int, int], bool] = {}
        for channel_id, start_s, end_s, operation, before, after, *marks in await cursor.fetchall():
            if operation == EditOperation.REGISTER:
                registers[channel_id, start_s] = marks[1]
                continue
            length_s = (end_s - start_s) // len(after)
            for place in touched_by(EditOperation(operation), before, after):
                said[channel_id, start_s + place * length_s] = marks[0], marks[1]
        return EditMarks(
            temporary=_places(place for place, (is_temporary, _) in said.items() if is_temporary),
            waived=_places(place for place, (_, is_waived) in said.items() if is_waived),
            vouched=_instants(place for place, is_vouched in registers.items() if is_vouched),
        )

    FROZEN = """
    SELECT DISTINCT window_start, window_end FROM billing_determinant
    WHERE channel_id = %(channel_id)s AND read_start_utc < %(end)s AND read_end_utc >= %(start)s
    ORDER BY window_start
    """

    async def frozen(self, period: Period, channel_id: int) -> Sequence[tuple[date, date]]:
        cursor = await self._connection.execute(
            self.FROZEN,
            {"channel_id": channel_id, "start": period.start_utc, "end": period.end_utc},
        )
        return await cursor.fetchall()

    async def append_registers(self, registers: RegisterReads) -> None:
        assert (registers.version > RAW_VERSION).all(), "version 0 is what was received"
        await self._partitions.ensure(REGISTERS.name, months_of(REGISTERS.times(registers)))
        async with (
            self._connection.cursor() as cursor,
            cursor.copy(REGISTERS.statements.append) as copy,
        ):
            for part in REGISTERS.pack(registers):
                await copy.write(part)


def _places(intervals: Iterable[tuple[int, int]]) -> IntervalReads:
    """Return rows that hold channel and start and nothing else of use, sorted."""
    listed = np.array(sorted(intervals), np.int64).reshape(-1, 2)
    channel_id, start_s = listed.T
    return IntervalReads.raw(
        channel_id, start_s, np.zeros(len(listed), np.int64), recorded_us=0, source=Source.EDIT
    )


def _instants(registers: Iterable[tuple[int, int]]) -> RegisterReads:
    """Return rows that hold channel and instant and nothing else of use, sorted."""
    listed = np.array(sorted(registers), np.int64).reshape(-1, 2)
    channel_id, at_s = listed.T
    return RegisterReads.raw(
        channel_id, at_s, np.zeros(len(listed), np.int64), recorded_us=0, source=Source.EDIT
    )


def _edit(row: dict[str, Any]) -> Edit:
    decision = None
    if row["decided"] is not None:
        decision = EditDecision(
            EditState(row["decided"]), row["by"], row["role"], row["at"], row["decision_text"]
        )
    values = {name: row[name] for name in _AS_IT_IS} | {name: tuple(row[name]) for name in _LISTS}
    values |= {
        "operation": EditOperation(row["operation"]),
        "reason": EditReason(row["reason"]),
        "start_s": to_epoch_s(row["start_utc"]),
        "end_s": to_epoch_s(row["end_utc"]),
        "parameters": row["parameters"],
        "exception_id": row["vee_exception_id"],
    }
    return Edit(**values, decision=decision)
