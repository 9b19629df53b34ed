"""The queue of exceptions: what waits, who looks into it, and the answers people may give."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mdms.domain.audit import AuditEntry, Value
from mdms.domain.edits import EditNotAllowedError, EditOperation, EditReason
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.readings import Status
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, local_day
from mdms.ports.clock import Clock
from mdms.ports.exceptions import QueuedException
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.ports.vee import BILL_RULES
from mdms.services.channel_bench import Bench, of_channel
from mdms.services.day_view import day_view
from mdms.services.edit_values import EditRequest
from mdms.services.edit_views import edit_view
from mdms.services.edits import EditService
from mdms.services.vee_rulesets import editions
from vee.rules import RuleSet

NOBODY = "-"
"""Stands for nobody where a person is asked for."""


class ExceptionService:
    """
    Lists, assigns and answers exceptions.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        rules: The rule set that the installation ships with.
        zone: Where the utility's days begin.
        edits: Does what an answer changes.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        rules: RuleSet,
        zone: ZoneInfo,
        edits: EditService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules
        self._zone = zone
        self._edits = edits

    async def some(
        self,
        *,
        meter: str | None = None,
        rule: str | None = None,
        severity: str | None = None,
        assigned_to: str | None = None,
        older_than_days: int = 0,
        answered: bool = False,
        after: tuple[datetime, int] | None = None,
        count_max: int = 500,
    ) -> list[dict[str, Any]]:
        """
        Return exceptions, the oldest first, as plain values.

        Args:
            meter: Badge or usage point.
            rule: Such as V24.
            severity: FAIL, HOLD, WARN.
            assigned_to: A person; NOBODY for those that nobody looks into.
            older_than_days: Opened at least so long ago.
            answered: Those that are closed, too.
            after: Those after the one that was opened then and has this number.
            count_max: How many at most.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            channel_ids = None
            if meter is not None:
                mine = (table.badge == meter) | (table.usage_point_id == meter)
                if not mine.any():
                    raise NotFoundError(f"no meter or usage point is called {meter!r}")
                channel_ids = sorted(set(table.channel_id[mine].tolist()))
            found = await work.exceptions.some(
                channel_ids=channel_ids,
                rule=rule,
                severity=severity,
                assigned_to="" if assigned_to == NOBODY else assigned_to,
                opened_by=now - timedelta(days=older_than_days) if older_than_days else None,
                open_only=not answered,
                after=after,
                count_max=count_max,
            )
        names = {
            channel_id: (badge, kind)
            for channel_id, badge, kind in zip(
                table.channel_id.tolist(), table.badge, table.reading_type, strict=True
            )
        }
        return [_view(each, *names[each.channel_id], now) for each in found]

    async def show(self, exception_id: int) -> dict[str, Any]:
        """
        Return an exception with its day: values, reference days, registers, edits.

        Raises:
            NotFoundError: There is none.
        """
        async with self._unit_of_work() as work:
            found, table = await _find(work, exception_id)
            day = found.local_day
            bench = await Bench.load(
                work,
                table,
                (day, day),
                rules=(await editions(work, self._rules)).on(day),
                zone=self._zone,
                today=local_day(self._clock.now(), self._zone),
            )
            period = Period.of_days(day, day, self._zone)
            edits = await work.edits.some(channel_ids=[found.channel_id], period=period)
        return {
            "exception": _view(found, bench.badge, bench.kind.name, self._clock.now()),
            "day": day_view(bench, day, self._zone),
            "edits": [edit_view(edit, table) for edit in edits],
        }

    async def assign(self, exception_id: int, to: str, by: str) -> dict[str, Any]:
        """
        Give an exception to a person, or back to everybody.

        Args:
            exception_id: Of the queue.
            to: Name of a person; NOBODY takes it from whom it was given to.
            by: Who does.

        Raises:
            NotFoundError: There is none.
            EditNotAllowedError: It is closed.
        """
        now, name = self._clock.now(), "" if to == NOBODY else to
        async with self._unit_of_work() as work:
            found, table = await _find_open(work, exception_id)
            await work.exceptions.assign(exception_id, name)
            work.audit.note(_audited("assigned", found, table, (now, by), to=name))
            after, _ = await _find(work, exception_id)
        return _view(after, str(table.badge[0]), str(table.reading_type[0]), now)

    async def answer(
        self,
        exception_id: int,
        operation: EditOperation,
        by: str,
        role: str,
        *,
        reason: EditReason,
        text: str = "",
        ticket: str = "",
    ) -> dict[str, Any]:
        """
        Accept or reject the values of an exception's day.

        Accepting makes its suspect values valid (S to A); where it has none, the exception is
        acknowledged and closed. A finding about a bill is acknowledged: the bill is frozen the next
        time, unless its figures change. Rejecting makes its valid actual values suspect (V to S).

        Returns:
            The edit, or the exception where no value changes, as plain values.

        Raises:
            NotFoundError: There is none.
            UsageError: There is nothing to reject, or OTHER comes without a text.
            EditNotAllowedError: It is closed.
        """
        async with self._unit_of_work() as work:
            found, table = await _find_open(work, exception_id)
        about_bill = found.rule in BILL_RULES
        if about_bill and operation is not EditOperation.ACCEPT:
            raise UsageError(f"{found.rule} is about a bill: accept it, or edit the bill's reads")
        period = Period.of_days(found.local_day, found.local_day, self._zone)
        request = EditRequest(
            meter=str(table.badge[0]),
            reading_type=str(table.reading_type[0]),
            operation=operation,
            start=period.start_utc,
            end=period.end_utc,
            reason=reason,
            text=text,
            ticket=ticket,
            exception_id=exception_id,
        )
        if about_bill or (
            operation is EditOperation.ACCEPT and not await self._is_suspect(table, period)
        ):
            return await self._acknowledge(found, table, request, by)
        return await self._edits.ask(request, by, role)

    async def request(self, exception_id: int, request: EditRequest) -> EditRequest:
        """
        Return a request as one about an exception: its meter, its channel.

        Raises:
            NotFoundError: There is none.
            EditNotAllowedError: It is closed.
        """
        async with self._unit_of_work() as work:
            _, table = await _find_open(work, exception_id)
        return replace(
            request,
            meter=str(table.badge[0]),
            reading_type=str(table.reading_type[0]),
            exception_id=exception_id,
        )

    async def _is_suspect(self, table: ChannelTable, period: Period) -> bool:
        """Return whether any current value of a period is held."""
        async with self._unit_of_work() as work:
            reads = await work.readings.intervals(period, channel_ids=[int(table.channel_id[0])])
        return bool((reads.current().status == Status.SUSPECT.code).any())

    async def _acknowledge(
        self, found: QueuedException, table: ChannelTable, request: EditRequest, by: str
    ) -> dict[str, Any]:
        if request.reason is EditReason.OTHER and not request.text:
            raise UsageError("reason OTHER needs a text that says what")
        now = self._clock.now()
        async with self._unit_of_work() as work:
            await work.exceptions.answer(found.exception_id, "acknowledged", by, now)
            said: dict[str, Value] = {
                "answer": "acknowledged",
                "reason": request.reason.value,
                "text": request.text,
                "ticket": request.ticket,
            }
            work.audit.note(_audited("answered", found, table, (now, by), **said))
            after, _ = await _find(work, found.exception_id)
        return _view(after, str(table.badge[0]), str(table.reading_type[0]), now)


async def _find(work: UnitOfWork, exception_id: int) -> tuple[QueuedException, ChannelTable]:
    found = await work.exceptions.find(exception_id)
    if found is None:
        raise NotFoundError(f"no exception has the number {exception_id}")
    return found, of_channel(await work.registry.channels(), found.channel_id)


async def _find_open(work: UnitOfWork, exception_id: int) -> tuple[QueuedException, ChannelTable]:
    found, table = await _find(work, exception_id)
    if found.closed_at is not None:
        how = f"{found.answer} by {found.answered_by}" if found.answer else "no longer found"
        raise EditNotAllowedError(f"exception {exception_id} is closed: {how}")
    return found, table


def _view(found: QueuedException, badge: str, reading_type: str, now: datetime) -> dict[str, Any]:
    return {
        "exception_id": found.exception_id,
        "meter": str(badge),
        "reading_type": str(reading_type),
        "day": found.local_day.isoformat(),
        "rule": found.rule,
        "severity": found.severity,
        "age_days": (now - found.opened_at).days,
        "assigned_to": found.assigned_to,
        "detail": found.detail,
        "opened_at": found.opened_at.isoformat(),
        "closed_at": found.closed_at.isoformat() if found.closed_at else None,
        "answer": found.answer,
        "answered_by": found.answered_by,
    }


def _audited(
    step: str,
    found: QueuedException,
    table: ChannelTable,
    said: tuple[datetime, str],
    **told: Value,
) -> AuditEntry:
    at, by = said
    about: dict[str, Value] = {
        "exception_id": found.exception_id,
        "reading_type": str(table.reading_type[0]),
        "day": found.local_day.isoformat(),
        "rule": found.rule,
    }
    return AuditEntry(at, f"exception.{step}", str(table.badge[0]), by, about | told)
