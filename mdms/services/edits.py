"""
Edits: asked for by one person, agreed to by another where it matters, and only then versions.

An edit that needs nobody else is approved by its editor in the same transaction. What is approved
is judged again at once, so that estimates beside it and the queue follow.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.audit import AuditEntry
from mdms.domain.edits import (
    ALONE,
    Edit,
    EditDecision,
    EditNotAllowedError,
    EditOperation,
    EditState,
    four_eyes,
)
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import RAW_VERSION, IntervalReads, RegisterReads, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, local_day, to_epoch_s, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.channel_bench import Bench, of_channel, one_channel
from mdms.services.edit_draft import draft
from mdms.services.edit_values import EditRequest
from mdms.services.edit_views import edit_view
from mdms.services.vee_rulesets import editions
from vee.rules import RuleSet

Rejudge = Callable[[date, date, Sequence[int]], Awaitable[object]]
"""Judges local days that are over, of some channels, again."""

ANSWERS: Final = {EditOperation.ACCEPT: "accepted", EditOperation.REJECT: "rejected"}
"""What an edit answers to the exception it was made for; any other: edited."""


class EditService:
    """
    Takes edits and decisions about them.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        rules: The rule set that the installation ships with.
        zone: Where the utility's days begin.
        rejudge: Called after each approval.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        rules: RuleSet,
        zone: ZoneInfo,
        rejudge: Rejudge,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules
        self._zone = zone
        self._rejudge = rejudge

    async def ask(
        self, request: EditRequest, by: str, role: str, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """
        Ask for an edit; one that needs nobody else is approved at once.

        Args:
            request: What is wanted.
            by: Name of the token.
            role: In which role.
            dry_run: Only work out what it would do.

        Returns:
            The edit, as plain values.

        Raises:
            NotFoundError: There is no such meter.
            UsageError: The request makes no sense.
            EditNotAllowedError: The bracket would not add up, and nobody says why.
        """
        now = self._clock.now()
        if max(request.start, request.end or request.start) > now:
            raise UsageError("what lies ahead cannot be edited")
        async with self._unit_of_work() as work:
            found = await work.registry.channels_at(request.meter)
            table = one_channel(found, request.meter, request.reading_type)
            edit = await self._drafted(work, table, request, by, role)
            if not dry_run:
                await work.edits.add(edit)
                work.audit.note(_audited("asked", edit, table, (now, by, edit.text)))
                if not edit.four_eyes:
                    decision = EditDecision(EditState.APPROVED, by, role, now, edit.text)
                    edit = await self._apply(work, edit, table, decision)
        if edit.state is EditState.APPROVED:
            await self._judge_again(edit)
        return edit_view(edit, table)

    async def decide(
        self, edit_id: UUID, by: str, role: str, *, approve: bool, text: str = ""
    ) -> dict[str, Any]:
        """
        Approve an edit, or refuse it; who asked for it may only take it back.

        Raises:
            NotFoundError: There is no such edit.
            EditNotAllowedError: It was decided before, the editor may not approve it, or its
                values have changed since it was asked for.
        """
        async with self._unit_of_work() as work:
            edit = await work.edits.find(edit_id, lock=True)
            if edit is None:
                raise NotFoundError(f"no edit has the id {edit_id}")
            if edit.decision is not None:
                raise EditNotAllowedError(
                    f"the edit was {edit.state} by {edit.decision.by} before; a decision stays"
                )
            if approve and by == edit.editor:
                raise EditNotAllowedError(
                    f"{by} asked for it, so somebody else must approve it: "
                    f"{'; '.join(edit.four_eyes)}"
                )
            table = of_channel(await work.registry.channels(), edit.channel_id)
            state = EditState.APPROVED if approve else EditState.REFUSED
            decision = EditDecision(state, by, role, self._clock.now(), text)
            if approve:
                edit = await self._apply(work, edit, table, decision)
            else:
                edit = await _decided(work, edit, table, decision)
        if approve:
            await self._judge_again(edit)
        return edit_view(edit, table)

    async def some(
        self,
        *,
        state: EditState | None = None,
        meter: str | None = None,
        period: Period | None = None,
        before: tuple[datetime, UUID] | None = None,
        count_max: int = 200,
    ) -> list[dict[str, Any]]:
        """Return edits, the newest first, as plain values."""
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            channel_ids = None
            if meter is not None:
                mine = (table.badge == meter) | (table.usage_point_id == meter)
                channel_ids = sorted(set(table.channel_id[mine].tolist()))
            found = await work.edits.some(
                state=state,
                channel_ids=channel_ids,
                period=period,
                before=before,
                count_max=count_max,
            )
            return [edit_view(edit, of_channel(table, edit.channel_id)) for edit in found]

    async def show(self, edit_id: UUID) -> dict[str, Any]:
        """
        Return one edit, as plain values.

        Raises:
            NotFoundError: There is none.
        """
        async with self._unit_of_work() as work:
            edit = await work.edits.find(edit_id)
            if edit is None:
                raise NotFoundError(f"no edit has the id {edit_id}")
            return edit_view(edit, of_channel(await work.registry.channels(), edit.channel_id))

    async def _drafted(
        self, work: UnitOfWork, table: ChannelTable, request: EditRequest, by: str, role: str
    ) -> Edit:
        """Work an edit out on what is stored now."""
        start, end = request.start, request.end or request.start
        days = local_day(start, self._zone), local_day(end, self._zone)
        bench = await Bench.load(
            work,
            table,
            days,
            rules=(await editions(work, self._rules)).on(days[1]),
            zone=self._zone,
            today=local_day(self._clock.now(), self._zone),
        )
        made = draft(bench, request)
        lately = self._clock.now() - ALONE
        instants = Period(start, max(end, start + timedelta(seconds=1)))
        windows = await work.edits.frozen(instants, bench.channel_id)
        frozen = ", ".join(f"{first}..{last}" for first, last in windows)
        return Edit(
            edit_id=uuid4(),
            channel_id=bench.channel_id,
            operation=request.operation,
            start_s=to_epoch_s(start),
            end_s=to_epoch_s(end),
            parameters=request.parameters(),
            reason=request.reason,
            text=request.text,
            ticket=request.ticket,
            override_sum=request.override_sum,
            before=made.before,
            before_status=made.before_status,
            basis=made.basis,
            after=made.after,
            after_status=made.after_status,
            residual_before=made.residual_before,
            residual_after=made.residual_after,
            change=made.change,
            four_eyes=four_eyes(
                made.change,
                bench.kind,
                request.reason,
                frozen=frozen,
                compared=made.compared,
                alone=await work.edits.changed_alone(bench.channel_id, by, lately),
            ),
            editor=by,
            editor_role=role,
            asked_at=self._clock.now(),
            exception_id=request.exception_id,
        )

    async def _apply(
        self, work: UnitOfWork, edit: Edit, table: ChannelTable, decision: EditDecision
    ) -> Edit:
        """Append what an approved edit wants as versions, if nothing has changed since."""
        await work.vee.take_turn()  # a run at the same time would append the same versions
        if edit.operation is EditOperation.REGISTER:
            await _append_register(work, edit, decision.at)
        else:
            await _append_intervals(work, edit, table, decision.at)
        edit = await _decided(work, edit, table, decision)
        first, last = self._days(edit)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        await work.vee.touch((edit.channel_id, day) for day in days)
        if edit.exception_id is not None:
            answer = ANSWERS.get(edit.operation, "edited")
            await work.exceptions.answer(edit.exception_id, answer, edit.editor, decision.at)
        return edit

    async def _judge_again(self, edit: Edit) -> None:
        first, last = self._days(edit)
        yesterday = local_day(self._clock.now(), self._zone) - timedelta(days=1)
        if first <= yesterday:  # the open day waits for its night
            await self._rejudge(first, min(last, yesterday), [edit.channel_id])

    def _days(self, edit: Edit) -> tuple[date, date]:
        """Return the local days that an edit touches; a register at midnight closes a day too."""
        is_register = edit.operation is EditOperation.REGISTER
        first = from_epoch_s(edit.start_s) - timedelta(seconds=1 if is_register else 0)
        last = from_epoch_s(edit.end_s) - timedelta(seconds=0 if is_register else 1)
        return local_day(first, self._zone), local_day(last, self._zone)


async def _append_intervals(
    work: UnitOfWork, edit: Edit, table: ChannelTable, at: datetime
) -> None:
    period = Period(from_epoch_s(edit.start_s), from_epoch_s(edit.end_s))
    length = READING_TYPES[str(table.reading_type[0])].interval_s
    reads = await work.readings.intervals(period, channel_ids=[edit.channel_id])
    current = reads.current()
    count = len(edit.before)
    row = np.full(count, -1)
    row[(current.start_s - edit.start_s) // length] = np.arange(len(current))
    version = np.where(row >= 0, np.append(current.version, -1)[row], -1)
    _check_basis(edit, version.tolist())
    touched = np.array(edit.touched)
    kept = row[touched]
    values = [edit.after[i] for i in edit.touched]
    assert None not in values, "what is touched has a value"
    trust = not edit.operation.changes_values
    await work.readings.append_versions(
        IntervalReads(
            channel_id=np.full(len(touched), edit.channel_id, np.int32),
            start_s=edit.start_s + touched.astype(np.int64) * length,
            version=np.maximum(version[touched] + 1, RAW_VERSION + 1).astype(np.int16),
            value=np.array(values, np.int64),
            status=np.frombuffer(edit.after_status.encode(), np.uint8)[touched],
            method=current.method[kept] if trust else np.zeros(len(touched), np.int16),
            flags=current.flags[kept] if trust else np.zeros(len(touched), np.int64),
            recorded_us=np.full(len(touched), to_epoch_us(at), np.int64),
            source=np.full(len(touched), Source.EDIT, np.int16),
        )
    )


async def _append_register(work: UnitOfWork, edit: Edit, at: datetime) -> None:
    instant = from_epoch_s(edit.start_s)
    reads = await work.readings.registers(
        Period(instant, instant + timedelta(seconds=1)), channel_ids=[edit.channel_id]
    )
    here = reads.take(reads.at_s == edit.start_s).current()
    version = int(here.version[0]) if len(here) else -1
    _check_basis(edit, [version])
    (value,) = edit.after
    assert value is not None, "a register edit has a value"
    await work.edits.append_registers(
        RegisterReads(
            channel_id=np.array([edit.channel_id], np.int32),
            at_s=np.array([edit.start_s], np.int64),
            version=np.array([max(version + 1, RAW_VERSION + 1)], np.int16),
            value=np.array([value], np.int64),
            status=np.frombuffer(edit.after_status.encode(), np.uint8),
            recorded_us=np.array([to_epoch_us(at)], np.int64),
            source=np.array([Source.EDIT], np.int16),
        )
    )


def _check_basis(edit: Edit, versions: list[int]) -> None:
    if versions != list(edit.basis):
        raise EditNotAllowedError(
            "the values have changed since the edit was asked for: refuse it, look at the day "
            "again, and ask anew"
        )


async def _decided(
    work: UnitOfWork, edit: Edit, table: ChannelTable, decision: EditDecision
) -> Edit:
    await work.edits.decide(edit.edit_id, decision)
    said = (decision.at, decision.by, decision.text)
    work.audit.note(_audited(decision.state.value, edit, table, said))
    return replace(edit, decision=decision)


def _audited(
    step: str, edit: Edit, table: ChannelTable, said: tuple[datetime, str, str]
) -> AuditEntry:
    """Return a step of an edit for the audit; `said` is when, by whom and in which words."""
    view = edit_view(edit, table)
    told = {
        name: view[name]
        for name in (
            "edit_id", "reading_type", "operation", "from", "to", "parameters", "reason", "ticket",
            "override_sum", "before", "before_status", "after", "after_status",
            "residual_before", "residual_after", "change", "four_eyes", "editor",
        )
    }  # fmt: skip
    at, by, text = said
    return AuditEntry(at, f"edit.{step}", str(table.badge[0]), by, told | {"text": text})
