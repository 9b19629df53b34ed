"""Opt-outs from a meter's radio: on file first, then the radio may be switched off."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from mdms.domain.controls import Optout, Refusal, new_id
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.domain.registry import Commodity
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

_WATER = Refusal(
    "OO_WATER", "OO-III", "none: water meters stand in the right of way and take part always"
)

log = structlog.get_logger()


class OptoutService:
    """
    Who opted out.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times requests.
        on_radio: Told after a radio came back: who keeps the channel table reads it again.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        on_radio: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._on_radio = on_radio

    async def enrol(
        self, meter: str, by: str, *, from_at: datetime | None, reason: str
    ) -> dict[str, Any]:
        """
        Put an opt-out on file; the radio is silenced by a command of its own.

        Args:
            meter: Badge or usage point.
            by: Who asks.
            from_at: From when on it is in force; None means now.
            reason: For the record.

        Raises:
            NotFoundError: No meter is called that.
            OperatorError: One is in force already.
            PolicyRefusedError: This meter may not opt out.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            badge = await self._eligible(work, meter, now)
            await work.controls.lock_meter(badge)
            if await work.optouts.in_force(badge) is not None:
                raise OperatorError(f"{badge} has opted out already; see `mdms optout ls`")
            optout = Optout(new_id(now), badge, from_at or now, reason, by, now)
            await work.optouts.add(optout)
        log.info("optout.enrolled")
        return view(optout)

    async def end(self, optout_id: UUID, by: str, *, field_order: str = "") -> dict[str, Any]:
        """
        End an opt-out; the radio comes back by a command of its own, or by a field order.

        Args:
            optout_id: Which one.
            by: Who ends it.
            field_order: The order by which someone switched the radio on at the meter, as a
                battery meter needs it; empty while the radio is still off.

        Raises:
            NotFoundError: There is none with this id.
            OperatorError: It has ended already.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            optout = await work.optouts.find(optout_id)
            if optout is None:
                raise NotFoundError(f"there is no opt-out {optout_id}; see `mdms optout ls`")
            if optout.ended_at is not None:
                raise OperatorError(f"it ended at {optout.ended_at.isoformat()}")
            ended = replace(
                optout, ended_at=now, ended_by=f"{by}, {field_order}" if field_order else by
            )
            await work.optouts.end(optout_id, now, ended.ended_by)
            if field_order:
                await work.optouts.unsilence(optout.badge, now)
        log.info("optout.ended")
        if field_order and self._on_radio is not None:
            await self._on_radio()
        return view(ended)

    async def every(self) -> list[dict[str, Any]]:
        """Return all of them, oldest first."""
        async with self._unit_of_work() as work:
            return [view(optout) for optout in await work.optouts.every()]

    async def _eligible(self, work: UnitOfWork, meter: str, now: datetime) -> str:
        place = await work.registry.place(meter, now)
        if place is None:
            raise NotFoundError(
                f"no meter or usage point {meter!r} is in place; `mdms meter ls` lists them"
            )
        if place.commodity is Commodity.WATER:
            raise PolicyRefusedError([_WATER])
        return place.meter.badge


def view(optout: Optout) -> dict[str, Any]:
    """Return an opt-out as plain values; instants in ISO 8601, UTC."""
    return {
        "optout_id": str(optout.optout_id),
        "meter": optout.badge,
        "from": optout.from_at.isoformat(),
        "reason": optout.reason,
        "requested_by": optout.requested_by,
        "requested_at": optout.requested_at.isoformat(),
        "ended_at": None if optout.ended_at is None else optout.ended_at.isoformat(),
        "ended_by": optout.ended_by,
    }
