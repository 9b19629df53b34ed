"""A week of one electric channel with a gap, a service that edits it, and people who may."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.edits import EditOperation, EditReason
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.edit_values import EditRequest
from mdms.services.edits import EditService
from mdms.services.exceptions import ExceptionService
from mdms.services.vee_run import VeeService
from mdms.settings import config_dir
from tests.fakes import FakeClock
from tests.integration.storage.registries import SMALL_TOWN
from vee.rules import RuleSet

PACIFIC = ZoneInfo("America/Los_Angeles")
FIRST, LAST = date(2026, 11, 3), date(2026, 11, 9)
WEEK = Period.of_days(FIRST, LAST, PACIFIC)
NOW = datetime(2026, 11, 10, 13, tzinfo=UTC)
STARTS = np.arange(WEEK.start_s, WEEK.end_s, 900)
VALUE = 100 + STARTS // 900 % 96
RULES = RuleSet.load(config_dir() / "vee" / "residential.toml")
METER = "E100"


def at(slot: int) -> datetime:
    """Return when an interval of the week starts."""
    return from_epoch_s(WEEK.start_s + 900 * slot)


@dataclass
class Desk:
    """Everything that a test of editing asks."""

    store: UnitOfWorkFactory
    channel_id: int
    clock: FakeClock

    @property
    def vee(self) -> VeeService:
        return VeeService(self.store, self.clock, RULES, PACIFIC)

    @property
    def edits(self) -> EditService:
        return EditService(self.store, self.clock, RULES, PACIFIC, self._rejudge)

    @property
    def exceptions(self) -> ExceptionService:
        return ExceptionService(self.store, self.clock, RULES, PACIFIC, self.edits)

    async def judge(self, first: date, last: date) -> None:
        """Judge local days again; nothing is known of the meter's other channel."""
        await self.vee.run(first, last, channel_ids=[self.channel_id])

    async def _rejudge(self, first: date, last: date, channel_ids: Sequence[int]) -> None:
        await self.vee.run(first, last, channel_ids=channel_ids)

    async def ask(
        self,
        operation: EditOperation,
        first: int,
        last: int,
        *,
        by: str = "ann",
        dry_run: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """Ask for an edit of slots first..last-1."""
        request = EditRequest(
            meter=METER,
            operation=operation,
            start=at(first),
            end=at(last),
            **({"reason": EditReason.METER_FAULT} | more),
        )
        return await self.edits.ask(request, by, "vee", dry_run=dry_run)

    async def current(self, first: int, last: int) -> list[tuple[int, str]]:
        """Return value and stored status of slots first..last-1."""
        async with self.store() as work:
            reads = await work.readings.intervals(
                Period(at(first), at(last)), channel_ids=[self.channel_id]
            )
        now = reads.current()
        return list(zip(now.value.tolist(), map(chr, now.status.tolist()), strict=True))

    async def queue(self) -> list[dict[str, Any]]:
        return await self.exceptions.some()


async def a_desk(
    store: UnitOfWorkFactory,
    *,
    heard: slice | None = None,
    off: int = 0,
    registers: bool = True,
) -> Desk:
    """
    Fill the store with the week.

    Args:
        store: Empty, migrated.
        heard: Slots that were not received.
        off: By how much the register at each midnight counts more than the intervals [Wh].
        registers: The register was read at each midnight.
    """
    there = np.ones(len(STARTS), np.bool_)
    if heard is not None:
        there[heard] = False
    register = np.append(0, np.cumsum(VALUE)) + off * np.arange(len(VALUE) + 1) // 96
    every_day = slice(None, None, 96) if registers else slice(0)
    at_s = np.append(STARTS, WEEK.end_s)[every_day]
    async with store() as work:
        meters = tuple(replace(meter, multiplier=1) for meter in SMALL_TOWN.meters)
        await work.registry.merge(replace(SMALL_TOWN, meters=meters))
        table = await work.registry.channels()
        mine = (table.badge == METER) & (table.wire_channel == 0x10)
        channel_id = int(table.channel_id[mine][0])
        await work.readings.append_raw(
            IntervalReads.raw(
                np.full(there.sum(), channel_id), STARTS[there], VALUE[there],
                recorded_us=0, source=Source.UPLINK,
            ),
            RegisterReads.raw(
                np.full(len(at_s), channel_id), at_s, register[every_day],
                recorded_us=0, source=Source.UPLINK,
            ),
            sure=True,
        )  # fmt: skip
    desk = Desk(store, channel_id, FakeClock(NOW))
    await desk.judge(FIRST, LAST)
    return desk
