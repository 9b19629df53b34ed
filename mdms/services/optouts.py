"""
The opt-out programme as people use it: ask, return the form, decide, opt back in, revoke.

Every request is kept with what was decided for each service, whatever that was. What follows from
time alone is `mdms.services.optout_days`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import structlog

from mdms.domain.controls import Action, EndDeviceControl
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.facts import CisFact, Subject
from mdms.domain.programme import (
    ALIVE,
    UNDECIDED,
    Enrolment,
    EnrolmentState,
)
from mdms.domain.time import local_midnight
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services import optout_meters
from mdms.services.acting import Act
from mdms.services.customer_rules import CustomerBook
from mdms.services.enrolment import scene
from mdms.services.optout_asking import OptoutAsked, filed
from mdms.services.optout_views import enrolment_view, event_view, radio_view, task_view

log = structlog.get_logger()


async def _nobody_waits() -> None:
    """Tell nobody."""


class OptoutService:
    """
    Who opted out.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times requests.
        book: The rules of the programme.
        on_radio: Told after a radio came back: who keeps the channel table reads it again.
        on_change: Told after opt-outs began or ended: radios are to be switched.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        book: CustomerBook,
        *,
        on_radio: Callable[[], Awaitable[None]] | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._on_radio = on_radio or _nobody_waits
        self._on_change = on_change

    async def enrol(self, asked: OptoutAsked, by: str) -> dict[str, Any]:
        """
        File a request and decide it, as far as the rules and what is known can.

        Raises:
            NotFoundError: No account is called that, or it pays for no such service.
            OperatorError: One of the services has a request under way or has opted out.
            PolicyRefusedError: The rules forbid it for every service; the request is kept.
        """
        async with self._acting(by) as act:
            enrolment = await filed(act, asked)
            await act.work.programme.add(enrolment)
            if asked.form_on is not None:
                await self._state_form(act, enrolment, asked.form_on)
            enrolment = await self.decide(act, enrolment)
        return _unless_denied(enrolment)

    async def form(self, enrolment_id: UUID, received_on: date, by: str) -> dict[str, Any]:
        """
        Note that the signed form came back, and decide again.

        Raises:
            NotFoundError: There is no such request.
            OperatorError: It is decided already.
            UsageError: The day lies ahead.
        """
        async with self._acting(by) as act:
            enrolment = await _found(act, enrolment_id, UNDECIDED)
            await self._state_form(act, enrolment, received_on)
            enrolment = await self.decide(act, enrolment)
        return _unless_denied(enrolment)

    async def judge(self, enrolment_id: UUID, by: str) -> dict[str, Any]:
        """Decide again, by what has been stated since; raises as `form`."""
        async with self._acting(by) as act:
            enrolment = await self.decide(act, await _found(act, enrolment_id, UNDECIDED))
        return _unless_denied(enrolment)

    async def approve(self, enrolment_id: UUID, by: str, reason: str) -> dict[str, Any]:
        """
        Decide in the customer's favour what the rules refer to a person; denials stay.

        Raises:
            NotFoundError: There is no such request.
            OperatorError: Nothing is referred to anybody, or it was filed by the same person.
        """
        async with self._acting(by) as act:
            enrolment = await _found(act, enrolment_id, {EnrolmentState.REFERRED})
            if enrolment.requested_by == by:
                raise OperatorError(f"{by} filed this request: somebody else decides")
            act.note("optout.approved", str(enrolment_id), reason=reason)
            enrolment = await self.decide(act, replace(enrolment, approved_by=by))
        return _unless_denied(enrolment)

    async def end(self, enrolment_id: UUID, by: str, *, field_order: str = "") -> dict[str, Any]:
        """
        Let a customer opt back in, free of charge; the radios come back by commands.

        Args:
            enrolment_id: Which one; a request that is not decided yet is withdrawn.
            by: Who ends it.
            field_order: The order by which someone switched a battery meter's radio on; such a
                meter hears no command. May be named later, when the opt-out has ended.

        Raises:
            NotFoundError: There is none with this id.
            OperatorError: It has ended, and no field order speaks of its meters.
        """
        over = {EnrolmentState.ENDED, EnrolmentState.REVOKED} if field_order else set()
        async with self._acting(by) as act:
            enrolment = await _found(act, enrolment_id, ALIVE | over)
            if enrolment.state in UNDECIDED:
                enrolment = await _withdrawn(act, enrolment)
            elif enrolment.state is EnrolmentState.IN_FORCE:
                enrolment = await optout_meters.bring_back(
                    act, enrolment, EnrolmentState.ENDED, "OO_OPT_IN"
                )
            if field_order:
                await optout_meters.switched_on(act, enrolment, field_order)
        if field_order:
            await self._on_radio()
        return enrolment_view(enrolment)

    async def revoke(self, enrolment_id: UUID, by: str, reason: str) -> dict[str, Any]:
        """
        End an opt-out against the customer's will; a written notice goes out by other means.

        Raises:
            NotFoundError: There is none with this id.
            OperatorError: It is not in force.
        """
        async with self._acting(by) as act:
            enrolment = await _found(act, enrolment_id, {EnrolmentState.IN_FORCE})
            act.note("optout.revoked", str(enrolment_id), reason=reason)
            enrolment = await optout_meters.bring_back(
                act, enrolment, EnrolmentState.REVOKED, "OO_REVOKE"
            )
        return enrolment_view(enrolment)

    async def every(self) -> list[dict[str, Any]]:
        """Return all requests, oldest first."""
        async with self._unit_of_work() as work:
            return [
                enrolment_view(each) for each in await work.programme.every(list(EnrolmentState))
            ]

    async def show(self, enrolment_id: UUID) -> dict[str, Any]:
        """
        Return a request with the radio of each of its meters.

        `silent` says whether it is; `radios` has the last word of those that were told to be:
        when they were asked, what came of it, and why not.
        """
        async with self._unit_of_work() as work:
            enrolment = await work.programme.lock(enrolment_id)
            if enrolment is None:
                raise NotFoundError(f"there is no opt-out {enrolment_id}; see `mdms optout ls`")
            badges = [each.badge for each in enrolment.services]
            silent = {badge: await work.optouts.silent(badge) for badge in badges}
            asked = {badge: await _last_asked(work, badge) for badge in badges}
        radios = {badge: radio_view(last) for badge, last in asked.items() if last is not None}
        return enrolment_view(enrolment) | {"silent": silent, "radios": radios}

    async def tasks(self, *, open_only: bool) -> list[dict[str, Any]]:
        """Return what people decide or do for the programme, oldest first."""
        async with self._unit_of_work() as work:
            return [task_view(task) for task in await work.programme.tasks(open_only=open_only)]

    async def finish(self, number: int, by: str) -> dict[str, Any]:
        """
        Close a task.

        Raises:
            NotFoundError: None of this number is open.
        """
        async with self._acting(by) as act:
            task = await act.work.programme.finish(number, act.now, by)
            if task is None:
                raise NotFoundError(f"no task {number} is open; see `mdms optout tasks`")
            act.note("optout.task.done", task.subject, code=task.code, occasion=task.occasion)
        return task_view(task)

    async def events(self, first: date, last: date) -> list[dict[str, Any]]:
        """Return the sums due on the local days first..last, for the customer system to bill."""
        async with self._unit_of_work() as work:
            return [event_view(event) for event in await work.programme.charged(first, last)]

    async def decide(self, act: Act, enrolment: Enrolment) -> Enrolment:
        """Judge a request and carry out what that comes to, within a transaction."""
        account = await act.work.programme.lock_account(enrolment.account_id, act.today)
        assert account is not None, "accounts are never deleted"
        found = await scene(act.work, enrolment, account, self._book, act.now)
        if found is None:
            return await _withdrawn(act, enrolment)
        decided, fees = found.judged()
        if decided != enrolment:
            act.work.audit.note(found.entry(decided, act.by))
        if decided.state is EnrolmentState.IN_FORCE:
            decided = await optout_meters.put_in_force(act, decided, fees)
        await act.work.programme.update(decided)
        log.info("optout.decided", state=decided.state)
        return decided

    @asynccontextmanager
    async def _acting(self, by: str) -> AsyncIterator[Act]:
        """Open a transaction of somebody's; tell who waits for it after the commit."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            yield Act(work, by, now, self._book.today(now))
        self._on_change()

    async def _state_form(self, act: Act, enrolment: Enrolment, day: date) -> None:
        """Put the form on record as the customer system would."""
        if day > act.today:
            raise UsageError(f"{day} lies ahead")
        fact = CisFact(
            subject=Subject.ACCOUNT,
            subject_id=enrolment.account_id,
            fact="optout_form_on",
            value=day.isoformat(),
            effective_at=local_midnight(day, self._book.zone),
            known_at=act.now,
            evidence=str(enrolment.enrolment_id),
        )
        await act.work.facts.add([fact])
        act.note("optout.form", str(enrolment.enrolment_id), received_on=day.isoformat())


async def _found(act: Act, enrolment_id: UUID, states: AbstractSet[EnrolmentState]) -> Enrolment:
    enrolment = await act.work.programme.lock(enrolment_id)
    if enrolment is None:
        raise NotFoundError(f"there is no opt-out {enrolment_id}; see `mdms optout ls`")
    if enrolment.state not in states:
        raise OperatorError(f"this opt-out is {enrolment.state}, not {' or '.join(sorted(states))}")
    return enrolment


async def _withdrawn(act: Act, enrolment: Enrolment) -> Enrolment:
    gone = replace(enrolment, state=EnrolmentState.WITHDRAWN, closed_by=act.by)
    await act.work.programme.update(gone)
    act.note("optout.withdrawn", str(gone.enrolment_id), account=gone.account_id)
    return gone


def _unless_denied(enrolment: Enrolment) -> dict[str, Any]:
    if enrolment.state in {EnrolmentState.DENIED, EnrolmentState.LAPSED}:
        refusals = {
            refusal.code: refusal for service in enrolment.services for refusal in service.refusals
        }
        raise PolicyRefusedError(list(refusals.values()))
    return enrolment_view(enrolment)


async def _last_asked(work: UnitOfWork, badge: str) -> EndDeviceControl | None:
    """Return the last command that a meter's radio was to be silent by; None: there was none."""
    commands = await work.controls.of_meter(badge)
    return next((each for each in reversed(commands) if each.action is Action.RADIO_OFF), None)
