"""
The pilot of remote switching: a supervisor lets a meter join or leave, within the rules.

Enrolments take turns, so that two of them never share the last free place.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from mdms.domain.audit import AuditEntry
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.domain.pilot import PilotMeter, PilotPlace, PilotStep
from mdms.policy import pilot
from mdms.policy.case import deny
from mdms.policy.decision import Decision, decide
from mdms.policy.gate import GateRules
from mdms.policy.pilot import PilotFacts
from mdms.policy.refusals import PolicyRefusedError
from mdms.policy.tables import TableError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

GateRulesAt = Callable[[datetime], GateRules]
"""Returns what holds at an instant (TableError: nothing does)."""


class PilotService:
    """
    Who is in the pilot.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times what is decided.
        rules: What holds when.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, rules: GateRulesAt) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules

    async def enrol(self, meter: str, by: str, reason: str) -> dict[str, Any]:
        """
        Let the place of a meter join.

        Args:
            meter: Badge or usage point.
            by: Name of the supervisor's token.
            reason: Why this one, for the record.

        Raises:
            NotFoundError: No meter in place is called that.
            OperatorError: It has joined already.
            PolicyRefusedError: The rules forbid it.
        """
        now = self._clock.now()
        async with self._changing(meter, now) as (work, place):
            if place.enrolled:
                raise OperatorError(f"{place.badge} is in the pilot already")
            decision = self._judge(place, await work.pilot.count(now), now)
            step = PilotStep(
                usage_point_id=place.usage_point_id,
                enrolled=True,
                at=now,
                by=by,
                reason=reason,
            )
            return await _done(work, place, decision, step)

    async def leave(self, meter: str, by: str, reason: str) -> dict[str, Any]:
        """
        Take the place of a meter out; raises as `enrol`.

        What waits to be opened there is refused when it is judged next.
        """
        now = self._clock.now()
        async with self._changing(meter, now) as (work, place):
            if not place.enrolled:
                raise OperatorError(f"{place.badge} is not in the pilot")
            decision = pilot.leave(may_be_open=place.badge in await work.standing.open(now))
            step = PilotStep(
                usage_point_id=place.usage_point_id,
                enrolled=False,
                at=now,
                by=by,
                reason=reason,
            )
            return await _done(work, place, decision, step)

    async def meters(self) -> list[dict[str, Any]]:
        """Return the pilot, sorted by badge."""
        async with self._unit_of_work() as work:
            return [_view(meter) for meter in await work.pilot.meters(self._clock.now())]

    @asynccontextmanager
    async def within_limit(self, work: UnitOfWork) -> AsyncIterator[None]:
        """
        Watch over a change of the registry: it brings the pilot no more meters than have room.

        Raises:
            PolicyRefusedError: It did.
        """
        now = self._clock.now()
        await work.pilot.lock()
        before = await work.pilot.count(now)
        yield
        after = await work.pilot.count(now)
        if after <= before:
            return
        try:
            full = pilot.full(after, self._rules(now))
        except TableError:
            return  # without rules nothing is opened, and a registry comes before its rules
        if full is not None:
            raise PolicyRefusedError(decide([full], None).refusals)

    @asynccontextmanager
    async def _changing(
        self, meter: str, now: datetime
    ) -> AsyncIterator[tuple[UnitOfWork, PilotPlace]]:
        async with self._unit_of_work() as work:
            await work.pilot.lock()
            place = await work.pilot.place(meter, now)
            if place is None:
                raise NotFoundError(f"no meter in place is called {meter!r}; see `mdms meter ls`")
            yield work, place

    def _judge(self, place: PilotPlace, enrolled_count: int, now: datetime) -> Decision:
        try:
            rules = self._rules(now)
        except TableError as error:
            missing = deny("RULES_MISSING", "design D14", f"put an edition in force: {error}")
            return decide([missing], None)
        facts = PilotFacts(
            commodity=place.commodity,
            premise_kind=place.premise_kind,
            has_switch=place.has_switch,
            model=place.model,
            enrolled_count=enrolled_count,
        )
        return pilot.enrol(facts, rules)


async def _done(
    work: UnitOfWork, place: PilotPlace, decision: Decision, step: PilotStep
) -> dict[str, Any]:
    if not decision.allowed:
        raise PolicyRefusedError(decision.refusals)
    await work.pilot.add(step)
    kind = "pilot.enrolled" if step.enrolled else "pilot.left"
    told = {"usage_point": place.usage_point_id, "reason": step.reason, "code": decision.code}
    work.audit.note(AuditEntry(step.at, kind, place.badge, step.by, told))
    return _view(PilotMeter(place.badge, place.usage_point_id, place.has_switch, step))


def _view(meter: PilotMeter) -> dict[str, Any]:
    last = meter.last
    return {
        "meter": meter.badge,
        "usage_point": meter.usage_point_id,
        "in_pilot": last is None or last.enrolled,
        "has_switch": meter.has_switch,
        "since": None if last is None else last.at.isoformat(),
        "by": "registry" if last is None else last.by,
        "reason": "" if last is None else last.reason,
    }
