"""What a block's channels are and what went before: from the stores to the engine's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int32, Int64
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.circumstances import Circumstances, CircumstanceStore
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.vee_clocks import clocks
from mdms.services.vee_people import arrivals
from vee.block import Block, SlotTable
from vee.context import ELECTRIC, UNKNOWN, Conflicts, Context, History, Openings, Quantity
from vee.kernels import screen
from vee.rules import RuleSet

STILL_OPEN_S = 2**62
_CHANNEL_BITS = 4
"""The FNB1 channel byte holds the commodity above these bits and the quantity in them."""


@dataclass(frozen=True, slots=True)
class ContextLoader:
    """
    Looks up, within one transaction, what validation may know.

    Attributes:
        work: The transaction.
        rules: By which the block is judged.
        zone: Where the utility's days begin.
        as_of: Only what was known then; None: now.
    """

    work: UnitOfWork
    rules: RuleSet
    zone: ZoneInfo
    as_of: datetime | None = None

    @property
    def _told(self) -> CircumstanceStore:
        told = self.work.circumstances
        return told if self.as_of is None else told.as_known(self.as_of)

    async def load(self, block: Block, table: ChannelTable, target: Bool) -> Context:
        """
        Return the context of a block.

        Args:
            block: Reads of the channels.
            table: Their installations.
            target: Channel-days that are judged, shape (channels, days).
        """
        slots = block.slots
        found = await self._told.of(
            block.channel_id.tolist(),
            Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s)),
            slots.days[0],
            slots.days[-1],
        )
        began = arrivals(block.channel_id, table, found.moves, slots.days, self.zone)
        context = replace(_context(block, table, found), since=_since(began))
        history = await self._history(replace(block, known=context), found, target)
        return replace(context, history=history, lone=await self._lone(block, context, target))

    async def _lone(self, block: Block, context: Context, target: Bool) -> Bool | None:
        """Ask of silent days whether the meter sent channels that lie in other blocks (V32)."""
        slots, first = block.slots, block.slots.first[:-1]
        silent = target & (context.commodity == ELECTRIC)[:, None]
        silent &= np.logical_or.reduceat(block.expected, first, axis=1)
        silent &= ~np.logical_or.reduceat(block.present, first, axis=1)
        if not silent.any():
            return None
        bounds_s = np.append(slots.start_s[first], slots.end_s).tolist()
        spans = [
            Period(from_epoch_s(begin), from_epoch_s(end)) for begin, end in pairwise(bounds_s)
        ]
        row, day = (axis.tolist() for axis in np.nonzero(silent))
        heard = await self._told.siblings_heard(
            [
                (int(block.channel_id[channel]), slots.days[at], spans[at])
                for channel, at in zip(row, day, strict=True)
            ]
        )
        lone = np.zeros(silent.shape, np.bool_)
        for channel, on in heard:
            lone[np.searchsorted(block.channel_id, channel), (on - slots.days[0]).days] = True
        return lone

    async def _history(self, block: Block, found: Circumstances, target: Bool) -> History:
        """Look back from where today could not be told from the days before otherwise."""
        days, ids = block.slots.days, block.channel_id
        first = int(np.flatnonzero(target.any(axis=0))[0])
        row = {channel: number for number, channel in enumerate(ids.tolist())}
        history = replace(History.none(len(ids), len(days)), first_judged=first)
        day_max = screen.day_extremes(block.value, block.slots)
        for past in await self._told.peaks(
            await self._surprising(block, day_max, target, first),
            before=days[first],
            days=self.rules.history.days,
        ):
            at = row[past.channel_id], (past.local_day - days[0]).days
            history.peak[at], history.valid_days[at] = past.peak, past.valid_days
        idle = ids[target[:, first] & (day_max[:, first] == 0) & block.present.any(axis=1)]
        longest = max(
            rules.zero_days_summer
            for rules in (self.rules.electric, self.rules.water, self.rules.gas)
        )
        run = await self._told.idle_days(idle.tolist(), before=days[first], days_max=longest)
        _fill(history.zero_days, row, run)
        since = [(channel, begin) for channel, begin, _ in found.inactive if begin < days[first]]
        if since:
            used = await self._told.used(since, before=days[first])
            _fill(history.inactive_quanta, row, used)
        return history

    async def _surprising(
        self, block: Block, day_max: Int64, target: Bool, first: int
    ) -> list[tuple[int, date]]:
        """
        Return the target days that exceed the stored ones of this block by as much as V22 allows.

        The largest value of all days before is no smaller than that of the few that lie here, so
        most days need no look further back.
        """
        days, ids = block.slots.days, block.channel_id
        stored = np.zeros(len(ids), np.int64)
        if first > 0:
            known = await self.work.vee.days(
                days[0], days[first - 1], channel_ids=ids.tolist(), as_of=self.as_of
            )
            sound = [day for day in known if day.peak is not None]
            rows = np.searchsorted(ids, [day.channel_id for day in sound])
            np.maximum.at(stored, rows, np.array([day.peak for day in sound], np.int64))
        limit = stored[:, None] * self.rules.history.max_per_cent
        surprising = target & ((day_max < 0) | (day_max * 100 > limit))
        return [
            (int(ids[channel]), days[day])
            for channel, day in zip(
                *(axis.tolist() for axis in np.nonzero(surprising)), strict=True
            )
        ]


def _fill(column: Int64, row: Mapping[int, int], values: Mapping[int, int]) -> None:
    for channel, value in values.items():
        column[row[channel]] = value


def _context(block: Block, table: ChannelTable, found: Circumstances) -> Context:
    """Return everything but the history."""
    ids, slots = block.channel_id, block.slots
    order = np.lexsort((table.installed_s, table.channel_id))
    newest = order[np.searchsorted(table.channel_id[order], ids, side="right") - 1]
    wire, badge = table.wire_channel[newest], table.badge[newest]
    quantity = wire & ((1 << _CHANNEL_BITS) - 1)
    delivering = np.flatnonzero(quantity == Quantity.DELIVERED)
    main = dict(zip(badge[delivering], delivering.tolist(), strict=True))
    return Context(
        commodity=(wire >> _CHANNEL_BITS).astype(np.uint8),
        quantity=quantity.astype(np.uint8),
        irregular=np.isin(ids, list(found.irregular)),
        net_metering=np.isin(ids, list(found.generating)),
        delivered=np.array([main.get(name, UNKNOWN) for name in badge], np.int64),
        inactive=_inactive(ids, slots, found),
        history=History.none(len(ids), len(slots.days)),
        openings=_openings(ids, found),
        conflicts=_conflicts(ids, slots, found),
        clocks=clocks(found.clocks, ids, slots),
    )


def _since(began: Bool) -> Int64 | None:
    """Return since which day the same people were there; None where nobody moved."""
    if not began[:, 1:].any():
        return None
    since: Int64 = np.maximum.accumulate(began * np.arange(began.shape[1]), axis=1)
    return since


def _inactive(ids: Int32, slots: SlotTable, found: Circumstances) -> Bool:
    inactive = np.zeros((len(ids), len(slots.days)), np.bool_)
    for channel, first, end in found.inactive:
        days = slice(max(0, (first - slots.days[0]).days), (end - slots.days[0]).days)
        inactive[np.searchsorted(ids, channel), days] = True
    return inactive


def _openings(ids: Int32, found: Circumstances) -> Openings:
    return Openings(
        np.searchsorted(ids, [channel for channel, _, _ in found.openings]),
        np.array([to_epoch_s(opened) for _, opened, _ in found.openings], np.int64),
        np.array(
            [STILL_OPEN_S if end is None else to_epoch_s(end) for _, _, end in found.openings],
            np.int64,
        ),
    )


def _conflicts(ids: Int32, slots: SlotTable, found: Circumstances) -> Conflicts:
    start_s = np.array([to_epoch_s(start) for _, start, _ in found.conflicts], np.int64)
    return Conflicts(
        np.searchsorted(ids, [channel for channel, _, _ in found.conflicts]),
        np.searchsorted(slots.start_s, start_s),
        np.array([value for _, _, value in found.conflicts], np.int64),
    )
