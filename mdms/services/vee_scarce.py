"""
What helps where a meter's own reads hardly tell anything: the year before, and others of its class.

Looked up only for channels with a gap that have not been heard for eight days around it: whoever
has a week of reads is estimated from them (H1, H2).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import FLAG_POWER_FAIL, Bool, Int32, Int64, Status
from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from vee.block import DAY_S, Block, SlotTable
from vee.context import Quantity
from vee.evidence import ClassProfile, Evidence, LastYear
from vee.kernels.gaps import Float
from vee.kernels.references import WEEKEND
from vee.layout import Layout
from vee.rules import RuleSet

HEARD_DAYS: Final = 8
"""With fewer days of reads, not every day of the week was seen."""
WEEKS: Final = (52, 53, 51)
"""The same calendar week a year before, and those beside it."""
PEERS_MAX: Final = 30
"""So many others speak for a class, spread evenly over its channels."""
CLASS_DAYS: Final = 28
"""What they did in so many days before the gap's week makes the profile: it fits the season."""

_ACTUAL = [Status.RAW.code, Status.VALIDATED.code, Status.ACCEPTED.code]


@dataclass(frozen=True, slots=True)
class ScarceLoader:
    """
    Looks up, within one transaction, what H3 and C1 need.

    Attributes:
        work: The transaction.
        rules: Holidays, which are no weekdays.
        zone: Where the utility's days begin.
        table: Every channel of the blocks' interval length.
        as_of: Only what was known then; None: now.
    """

    work: UnitOfWork
    rules: RuleSet
    zone: ZoneInfo
    table: ChannelTable
    as_of: datetime | None = None

    async def add(self, block: Block, evidence: Evidence, target: Bool) -> Evidence:
        """
        Return the evidence of a block with the year before and the class where they help.

        Args:
            block: Reads of the channels.
            evidence: What is known already.
            target: Channel-days that are judged, shape (channels, days).
        """
        a_day = DAY_S // block.slots.interval_s
        gaps = block.expected & ~block.present & np.take(target, block.slots.day, axis=1)
        scarce = gaps.any(axis=1)
        scarce &= np.count_nonzero(block.present, axis=1) < HEARD_DAYS * a_day
        rows = np.flatnonzero(scarce & block.context.measures(Quantity.DELIVERED))
        if not len(rows):
            return evidence
        return replace(
            evidence,
            last_year=await self._last_year(block, rows),
            of_class=await self._of_class(block, rows, gaps[rows].argmax(axis=1)),
        )

    async def _last_year(self, block: Block, rows: Int64) -> LastYear | None:
        days = block.slots.days
        most, least = timedelta(weeks=max(WEEKS)), timedelta(weeks=min(WEEKS))
        slots, value, valid = await self._actual(
            block.channel_id[rows], days[0] - most, days[-1] - least, block.slots.interval_s
        )
        if not valid.any():
            return None
        shape = (len(WEEKS), *block.value.shape)
        before = LastYear(np.zeros(shape, np.int64), np.zeros(shape, np.bool_))
        for number, weeks in enumerate(WEEKS):
            then = block.slots.day + 7 * (max(WEEKS) - weeks)
            slot = slots.at[then, block.slots.wall]
            before.value[number, rows] = value[:, slot]
            before.valid[number, rows] = valid[:, slot] & (slot >= 0)
        return before

    async def _of_class(
        self, block: Block, rows: Int64, gap: npt.NDArray[np.intp]
    ) -> ClassProfile | None:
        """Return how the classes of some channels use a day, around the slots of their gaps."""
        share = np.full(block.value.shape, np.nan)
        daily = np.full(len(block.value), np.nan)
        kinds = _kinds(self.table)
        kind_of = dict(zip(self.table.channel_id.tolist(), kinds, strict=True))
        installed = self.table.removed_s == STILL_INSTALLED_S
        asked: dict[tuple[tuple[str, int], date], list[int]] = {}
        for row, slot in zip(rows.tolist(), gap.tolist(), strict=True):
            day = block.slots.days[block.slots.day[slot]]
            monday = day - timedelta(days=day.weekday())
            asked.setdefault((kind_of[int(block.channel_id[row])], monday), []).append(row)
        for (kind, monday), alike in sorted(asked.items()):
            same = installed & np.array([each == kind for each in kinds])
            peers = np.setdiff1d(self.table.channel_id[same], block.channel_id[alike])
            if len(peers):
                few = np.unique(np.linspace(0, len(peers) - 1, PEERS_MAX).astype(np.int64))
                by_slot, each_day = await self._profile(block, peers[few], monday)
                share[alike], daily[alike] = by_slot, each_day
        return None if np.isnan(daily).all() else ClassProfile(share, daily)

    async def _profile(self, block: Block, peers: Int32, before: date) -> tuple[Float, float]:
        """Return the share of a day that falls into each slot, and what a day holds."""
        days, interval_s = block.slots.days, block.slots.interval_s
        first, last = (before - timedelta(days=each) for each in (CLASS_DAYS, 1))
        slots, value, valid = await self._actual(peers, first, last, interval_s)
        a_day = DAY_S // interval_s
        plain = np.flatnonzero((slots.at >= 0).all(axis=1) & (np.diff(slots.first) == a_day))
        shown, sound = value[:, slots.at[plain]], valid[:, slots.at[plain]].all(axis=2)
        if not sound.any():
            return np.full(len(block.slots), np.nan), np.nan
        rest = np.array([self._resting(slots.days[day]) for day in plain])
        shares = np.empty((2, a_day))
        for resting in (False, True):
            like = sound & (rest == resting)
            used = shown[like if like.any() else sound].sum(axis=0)
            shares[int(resting)] = used / max(int(used.sum()), 1)
        now = np.array([int(self._resting(day)) for day in days])
        by_slot = shares[now[block.slots.day], block.slots.wall]
        return by_slot, float(shown[sound].sum(axis=1).mean())

    def _resting(self, day: date) -> bool:
        return day.weekday() >= WEEKEND or day in self.rules.holidays

    async def _actual(
        self, channel_id: Int32, first: date, last: date, interval_s: int
    ) -> tuple[SlotTable, Int64, Bool]:
        """Return the slots of some days, what channels measured, and where that is sound."""
        slots = SlotTable.of_days(first, last, interval_s=interval_s, zone=self.zone)
        period = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
        ids = channel_id.tolist()
        reads = await self.work.readings.intervals(period, channel_ids=ids, as_of=self.as_of)
        newest = Layout.of(slots, channel_id, reads).newest()
        actual = np.isin(newest.reads.status, _ACTUAL)
        actual &= (newest.reads.flags & FLAG_POWER_FAIL) == 0
        return slots, newest.grid(newest.reads.value, 0), newest.grid(actual, 0)


def _kinds(table: ChannelTable) -> list[tuple[str, int]]:
    """Return what makes channels alike: their class, and what they measure."""
    return list(zip(table.service_class.tolist(), table.wire_channel.tolist(), strict=True))
