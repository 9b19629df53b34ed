"""
One meter takes the place of another: what two rows of `meters.csv` and two registers say, in one.

The old meter ends at its removal and the new one begins at its installation, each with the register
that the person on the ladder saw; bills then have a part of either (`mdms.billing.edges`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Channel, Meter, MeterPlace, Registry
from mdms.domain.time import local_day, to_epoch_s, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.acting import Act
from mdms.services.exchange_plan import ExchangeAsked, channels_of, pair, quanta_of, stored_channels
from mdms.services.import_intake import Batch
from mdms.services.import_store import ImportedReads
from mdms.services.registry import judge_again


class MeterExchanges:
    """
    Exchanges meters.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        zone: Where the utility's days begin.
        on_change: Told after a commit: who keeps a copy of the registry reads it again.
        within: What a change of the registry happens within, such as the pilot's limit.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        zone: ZoneInfo,
        on_change: Callable[[], Awaitable[None]] | None = None,
        *,
        within: Callable[[UnitOfWork], AbstractAsyncContextManager[None]] | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._on_change = on_change
        self._within = within or (lambda _work: nullcontext())

    async def exchange(self, asked: ExchangeAsked, by: str, *, dry_run: bool) -> dict[str, Any]:
        """
        Put one meter in the place of another and return what both are then.

        Args:
            asked: Who, where, when.
            by: Name of the token.
            dry_run: Check everything, and change nothing.

        Raises:
            NotFoundError: No meter in place is called that.
            UsageError: The request contradicts itself.
            OperatorError: The new meter, or its radio, is somewhere else at that time, or a read
                that is stored contradicts a register.
            PolicyRefusedError: It would bring the pilot more meters than have room.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            place = await self._place(work, asked, now)
            old, new = await pair(work, place, asked)
            channels = await channels_of(work, place, new, asked.reading_types)
            opening = quanta_of(asked.initial, channels, new)
            closing = quanta_of(asked.final, await stored_channels(work, old.badge), old)
            if not dry_run:
                async with self._within(work):
                    await work.registry.merge(Registry(meters=(old, new), channels=channels))
                reads = ImportedReads(work, self._zone, now)
                assert old.removed_at is not None, "it was taken out"
                await _store(work, reads, old.badge, closing, at=old.removed_at, now=now)
                await _store(work, reads, new.badge, opening, at=new.installed_at, now=now)
                await judge_again(work, [place.meter], [old])
                await reads.touch(await work.vee.horizon())
                Act(work, by, now, local_day(now, self._zone)).note(
                    "meter.exchanged",
                    old.badge,
                    new=new.badge,
                    usage_point=old.usage_point_id,
                    removed_at=old.removed_at.isoformat(),
                    installed_at=new.installed_at.isoformat(),
                    radio_id=new.radio_id,
                    final={name: str(value) for name, value in asked.final.items()},
                    initial={name: str(value) for name, value in asked.initial.items()},
                    reason=asked.reason,
                )
        if self._on_change is not None and not dry_run:
            await self._on_change()
        return _view(old, new, channels, asked, done=not dry_run)

    async def _place(self, work: UnitOfWork, asked: ExchangeAsked, now: datetime) -> MeterPlace:
        """Return the old meter where it sat until now."""
        installed_at = asked.installed_at or asked.removed_at
        if installed_at < asked.removed_at:
            raise UsageError("the new meter cannot be put in before the old one is taken out")
        if installed_at > now:
            raise UsageError(f"{installed_at.isoformat()} lies ahead: nobody has read a register")
        place = await work.registry.place(asked.meter, asked.removed_at)
        if place is None:
            raise NotFoundError(
                f"no meter {asked.meter!r} is in place at {asked.removed_at.isoformat()}; "
                "`mdms meter show` tells what was where when"
            )
        meter = place.meter
        if meter.removed_at is not None:
            raise OperatorError(f"{meter.badge} was taken out at {meter.removed_at.isoformat()}")
        if meter.installed_at == asked.removed_at:
            raise UsageError(f"{meter.badge} was put in at that very instant")
        if asked.radio is None and await work.optouts.silent(meter.badge):
            raise OperatorError(
                f"the radio of {meter.badge} is silent for an opt-out: say with --radio whether "
                "the new one transmits"
            )
        return place


async def _store(
    work: UnitOfWork,
    reads: ImportedReads,
    badge: str,
    registers: Mapping[str, int],
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Keep what registers showed as reads of that instant."""
    if not registers:
        return
    table = await work.registry.channels_of([badge])
    ids = dict(zip(table.reading_type.tolist(), table.channel_id.tolist(), strict=True))
    at_s = np.full(len(registers), to_epoch_s(at), np.int64)
    told = RegisterReads.raw(
        np.array([ids[name] for name in registers]),
        at_s,
        np.array(list(registers.values())),
        recorded_us=to_epoch_us(now),
        source=Source.FILE,
    )
    new_before = reads.counts["new_count"]
    await reads.store(Batch(IntervalReads.empty(), told))
    if reads.counts["new_count"] - new_before < len(told):
        raise OperatorError(
            f"a register of {badge} is stored for {at.isoformat()} already: leave ours out"
        )


def _view(
    old: Meter, new: Meter, channels: Sequence[Channel], asked: ExchangeAsked, *, done: bool
) -> dict[str, Any]:
    def row(meter: Meter, shown: Mapping[str, Decimal]) -> dict[str, Any]:
        return {
            "meter": meter.badge,
            "usage_point": meter.usage_point_id,
            "radio_id": meter.radio_id,
            "radio": meter.radio.value,
            "installed_at": meter.installed_at.isoformat(),
            "removed_at": None if meter.removed_at is None else meter.removed_at.isoformat(),
            "registers": {name: str(value) for name, value in shown.items()},
        }

    return {
        "done": done,
        "old": row(old, asked.final),
        "new": row(new, asked.initial) | {"channels": [each.reading_type for each in channels]},
    }
