"""
Nights after which so many meters are silent that it is one incident: vee.md 4.6.

What is missing then is no work for hundreds of people and no reason to guess: it waits until
registers come back, until fewer meters are silent, or until bills close.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from mdms.domain.mass_events import MassEvent, Silence, fallen_silent
from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWork
from mdms.telemetry import metrics
from vee.rule_tables import MassEventRules

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MassEvents:
    """
    Looks for mass events, within one transaction.

    Attributes:
        work: The transaction.
        rules: What makes one.
        zone: Where the utility's days begin.
    """

    work: UnitOfWork
    rules: MassEventRules
    zone: ZoneInfo

    async def look(self, days: Iterable[date], now: datetime) -> frozenset[date]:
        """
        Count the silent meters of new days, and those of whom older events still miss something.

        When these are few, the event is over, and what is missing goes back to validation.

        Returns:
            Days whose event goes on.
        """
        known = {each.local_day: each for each in await self.work.mass_events.open()}
        for day, event in sorted(known.items()):
            known[day] = await self._count_again(event, now)
        for day in sorted(set(days) - known.keys()):
            period = Period.of_days(day, day, self.zone)
            silence = await self.work.mass_events.silence(period, silent_s=self._silent_s)
            if self._is_one(silence):
                event = MassEvent(day, *silence, found_at=now, counted_at=now, ended_at=None)
                known[day] = event
                await self._keep(event)
        waiting = [each for each in known.values() if each.ended_at is None]
        metrics.VEE_MASS_EVENT_METERS.set(max((each.silent for each in waiting), default=0))
        return frozenset(each.local_day for each in waiting)

    async def waiting(self) -> frozenset[date]:
        """Return the days whose event goes on, as counted last."""
        return frozenset(each.local_day for each in await self.work.mass_events.open())

    async def _count_again(self, event: MassEvent, now: datetime) -> MassEvent:
        """Count of whom something is missing still; end the event when these are few."""
        day = event.local_day
        missing = await self.work.mass_events.missing(day, silent_s=self._silent_s)
        goes_on = self._is_one(Silence(event.due, missing))
        event = replace(event, silent=missing, counted_at=now, ended_at=None if goes_on else now)
        await self._keep(event)
        if not goes_on:
            await self._send_back(day)
        return event

    async def _keep(self, event: MassEvent) -> None:
        await self.work.mass_events.keep(event)
        log.info(
            "vee.mass_event.counted",
            day=str(event.local_day),
            due_count=event.due,
            silent_count=event.silent,
            collectors=await silent_collectors(self.work, event.local_day, self.zone),
            is_over=event.ended_at is not None,
        )

    @property
    def _silent_s(self) -> int:
        return round(self.rules.silent_h * 3600)

    def _is_one(self, silence: Silence) -> bool:
        many = silence.silent * 100 > self.rules.meters_per_cent_max * silence.due
        return many and silence.silent >= self.rules.meters_min

    async def _send_back(self, day: date) -> None:
        outcomes = await self.work.vee.days(day, day)
        await self.work.vee.touch((each.channel_id, day) for each in outcomes if each.missing)


async def silent_days(
    work: UnitOfWork, first: date, last: date, known_at: datetime
) -> frozenset[date]:
    """Return the days of a span whose event went on at an instant."""
    return frozenset(
        each.local_day
        for each in await work.mass_events.within(first, last)
        if each.found_at <= known_at and (each.ended_at is None or each.ended_at > known_at)
    )


async def silent_collectors(work: UnitOfWork, day: date, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the collectors that brought less than half of what they did before, as known now."""
    return fallen_silent(await work.mass_events.brought(Period.of_days(day, day, zone)))


async def view(work: UnitOfWork, event: MassEvent, zone: ZoneInfo) -> dict[str, Any]:
    """Return an event as plain values, and which collectors are silent that day."""
    return {
        "day": event.local_day.isoformat(),
        "state": "waiting" if event.ended_at is None else "over",
        "meters_due": event.due,
        "meters_silent": event.silent,
        "collectors_silent": list(await silent_collectors(work, event.local_day, zone)),
        "found_at": event.found_at.isoformat(),
        "counted_at": event.counted_at.isoformat(),
        "ended_at": None if event.ended_at is None else event.ended_at.isoformat(),
    }
