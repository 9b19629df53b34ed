"""Leaks as people see them: lists, one with all of its steps, what is due to customers, answers."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from mdms.domain.audit import AuditEntry, Value
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.leaks import LeakCase, LeakStep, parse_leak_id
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.time import to_epoch_s
from mdms.policy.alerts import Alert, send_at
from mdms.ports.clock import Clock
from mdms.ports.leaks import Packed
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.leak_night import WATER_LAYOUT
from mdms.services.leak_records import step_of
from vee.leaks import continuous
from vee.leaks.memory import ROW, Memory
from vee.leaks.meters import GALLONS_PER_QUANTUM
from vee.leaks.rules import LeakRules
from vee.leaks.states import Signal, State, after
from vee.leaks.thresholds import call_normal

ACK_NORMAL: Final = State.ACK_NORMAL.name
_URGENT: Final = frozenset({"burst", "safety_check", "dispatch"})


class LeakService:
    """
    Stored leaks.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what is long ago.
        rules: How long a cleared leak stays on lists, and what an answer does.
        book: When customers may be told.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, rules: LeakRules, book: CustomerBook
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules
        self._book = book

    async def cases(self, *, meter: str | None = None) -> list[dict[str, Any]]:
        """Return open leaks and those that ended lately, the newest first, as plain values."""
        since = self._clock.now() - timedelta(days=self._rules.clearing.shown_days)
        async with self._unit_of_work() as work:
            badge = None if meter is None else await self._badge(work, meter)
            return [_plain(case) for case in await work.leaks.cases(badge=badge, ended_since=since)]

    async def case(self, leak_id: str) -> dict[str, Any]:
        """
        Return one leak with all of its steps.

        Raises:
            NotFoundError: There is none of that name.
        """
        async with self._unit_of_work() as work:
            case = await found(work, leak_id)
            steps = await work.leaks.steps(case.channel_id, case.episode)
        return _plain(case) | {"steps": [self._plain_step(step) for step in steps]}

    async def notices(self, since: datetime) -> list[dict[str, Any]]:
        """Return what customers are to be told, with when: nobody is called at night for a drip."""
        async with self._unit_of_work() as work:
            due = await work.leaks.notices(since)
        return [{"leak": name} | self._plain_step(step) for name, step in due]

    async def acknowledge(self, leak_id: str, *, by: str, reason: str) -> dict[str, Any]:
        """
        Take a customer's word that a flow is normal: only one half more counts, for half a year.

        Raises:
            NotFoundError: There is no such leak.
            UsageError: It has ended, or is gas, which nobody may wave away.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            case = await found(work, leak_id)
            if case.ended_at is not None:
                raise UsageError(f"leak {leak_id} is {case.state} already")
            row = await self._memory(work, case.channel_id)
            if row is None or case.unit != "gal":
                raise UsageError(f"leak {leak_id} is gas: only a visit ends it")
            row["state"] = after(row["state"], Signal.ACK)
            until = now + timedelta(days=self._rules.acknowledged.days)
            call_normal(row, to_epoch_s(now), to_epoch_s(until), self._rules)
            continuous.forget(row, np.ones(1, np.bool_))
            await work.leaks.remember([_packed(case.channel_id, row)])
            ended = replace(case, state=ACK_NORMAL, ended_at=now, updated_at=now)
            step = step_of(ended, now, Signal.ACK.name, self._rules.hash, by=by, reason=reason)
            await work.leaks.write([ended], [step])
            work.audit.note(AuditEntry(now, "leak.acknowledged", case.badge, by, {"leak": leak_id}))
        return _plain(ended)

    async def tell(
        self, meter: str, *, by: str, pool_fill: bool, normal_gal_h: float | None
    ) -> dict[str, Any]:
        """
        Take what a customer says of the water ahead: a pool is filled, or a flow is normal.

        Raises:
            NotFoundError: There is no such meter, or nothing of it was looked at yet.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            badge = await self._badge(work, meter)
            channel_id, unit = await self._water_channel(work, badge)
            row = await self._memory(work, channel_id)
            if row is None:
                raise NotFoundError(f"nothing of meter {badge} was looked at for leaks yet")
            told: dict[str, Value] = {"meter": badge}
            if pool_fill:
                until = now + timedelta(hours=self._rules.guards.pool_fill_h)
                row["pool_until_s"] = to_epoch_s(until)
                told["pool_fill_until"] = until.isoformat()
            if normal_gal_h is not None:
                row["declared"] = normal_gal_h / GALLONS_PER_QUANTUM[unit]
                told["normal_gal_h"] = f"{normal_gal_h:g}"
            await work.leaks.remember([_packed(channel_id, row)])
            work.audit.note(AuditEntry(now, "leak.told", badge, by, told))
        return dict(told)

    async def _badge(self, work: UnitOfWork, meter: str) -> str:
        place = await work.registry.place(meter, self._clock.now())
        if place is None:
            raise NotFoundError(f"no meter or usage point is called {meter!r}")
        return place.meter.badge

    async def _water_channel(self, work: UnitOfWork, badge: str) -> tuple[int, str]:
        registry = await work.registry.channels_of([badge])
        mine = registry.take(registry.commodity == "water")
        if not len(mine):
            raise NotFoundError(f"meter {badge} is no water meter")
        return int(mine.channel_id[0]), READING_TYPES[str(mine.reading_type[0])].unit

    async def _memory(self, work: UnitOfWork, channel_id: int) -> Memory | None:
        known = await work.leaks.memories([channel_id])
        packed = known.get(channel_id)
        if packed is None or packed.layout != WATER_LAYOUT:
            return None
        return np.frombuffer(packed.packed, ROW).copy()

    def _plain_step(self, step: LeakStep) -> dict[str, Any]:
        plain = asdict(step) | {"at": step.at.isoformat()}
        plain["recorded_at"] = step.recorded_at.isoformat()
        for name in ("channel_id", "episode", "rules_hash"):
            del plain[name]
        plain["rate"], plain["lost"] = round(step.rate, 2), round(step.lost, 1)
        plain["send_at"] = self._send_at(step) if step.notice else None
        return plain

    def _send_at(self, step: LeakStep) -> str:
        alert = Alert.BURST if step.notice in _URGENT else Alert.LEAK
        rules = self._book.at(step.recorded_at).alert
        return send_at(alert, step.recorded_at, rules, self._book.calendar).isoformat()


async def found(work: UnitOfWork, name: str) -> LeakCase:
    """
    Return the case of a name, kept from others until the transaction ends.

    Raises:
        NotFoundError: There is none.
    """
    parsed = parse_leak_id(name)
    case = None if parsed is None else await work.leaks.case(*parsed)
    if case is None:
        raise NotFoundError(f"no leak is called {name!r}; see `mdms leak ls`")
    return case


def _packed(channel_id: int, row: Memory) -> Packed:
    return Packed(channel_id, WATER_LAYOUT, row.tobytes())


def _plain(case: LeakCase) -> dict[str, Any]:
    return {
        "leak": case.leak_id,
        "meter": case.badge,
        "state": case.state,
        "kind": case.kind,
        "severity": case.severity,
        "rate": round(case.rate, 2),
        "rate_error": round(case.rate_error, 2),
        "lost": round(case.lost, 1),
        "unit": case.unit,
        "began_at": case.began_at.isoformat(),
        "raised_at": case.raised_at.isoformat(),
        "confirmed_at": None if case.confirmed_at is None else case.confirmed_at.isoformat(),
        "ended_at": None if case.ended_at is None else case.ended_at.isoformat(),
        "updated_at": case.updated_at.isoformat(),
    }
