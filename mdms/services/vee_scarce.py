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

from mdms.domain.readings import Bool, Int32, Int64
from mdms.domain.registry import ChannelTable
from mdms.domain.time import days_between
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.vee_class import ClassLoader
from mdms.services.vee_elsewhere import Elsewhere
from mdms.services.vee_people import arrivals
from vee.block import DAY_S, Block
from vee.context import Quantity
from vee.evidence import Evidence, LastYear
from vee.kernels.references import until
from vee.rules import RuleSet

HEARD_DAYS: Final = 8
"""With fewer days of reads, not every day of the week was seen."""
WEEKS: Final = (52, 53, 51)
"""The same calendar week a year before, and those beside it."""


@dataclass(frozen=True, slots=True)
class ScarceLoader:
    """
    Looks up, within one transaction, what H3 and C1 need.

    Attributes:
        work: The transaction.
        rules: By which the block is judged.
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
        scarce = self._scarce(block) & target
        scarce &= block.context.measures(Quantity.DELIVERED)[:, None]
        rows = np.flatnonzero(scarce.any(axis=1))
        if not len(rows):
            return evidence
        elsewhere = Elsewhere(self.work, self.zone, self.as_of)
        of_class = ClassLoader(elsewhere, self.rules, self.table)
        return replace(
            evidence,
            last_year=await self._last_year(elsewhere, block, rows),
            of_class=await of_class.load(block, rows, scarce[rows]),
        )

    def _scarce(self, block: Block) -> Bool:
        """
        Return the days with a gap and little around it, shape (channels, days).

        Looked at is as much as a profile is made from, however much more the block holds, and of
        the same people.
        """
        first, days = block.slots.first[:-1], np.arange(len(block.slots.days))
        since = block.context.since
        gaps = np.logical_or.reduceat(block.expected & ~block.present, first, axis=1)
        heard = np.add.reduceat(block.present, first, axis=1, dtype=np.int64)
        total = np.cumsum(np.pad(heard, ((0, 0), (1, 0))), axis=1)
        reach = self.rules.estimate.profile_days
        begin = np.broadcast_to(np.maximum(days - reach, 0), gaps.shape)
        end = np.broadcast_to(np.minimum(days + reach + 1, len(days)), gaps.shape)
        if since is not None:
            begin, end = np.maximum(begin, since), np.minimum(end, until(since))
        row, a_day = np.arange(len(gaps))[:, None], DAY_S // block.slots.interval_s
        scarce: Bool = gaps & (total[row, end] - total[row, begin] < HEARD_DAYS * a_day)
        return scarce

    async def _last_year(self, elsewhere: Elsewhere, block: Block, rows: Int64) -> LastYear | None:
        slots, days, ids = block.slots, block.slots.days, block.channel_id[rows]
        most, least = timedelta(weeks=max(WEEKS)), timedelta(weeks=min(WEEKS))
        found = await elsewhere.measured(
            ids, days[0] - most, days[-1] - least, interval_s=slots.interval_s
        )
        if not found.valid.any():
            return None
        shape = (len(WEEKS), *block.value.shape)
        start_s = np.zeros((len(WEEKS), len(slots)), np.int64)
        before = LastYear(np.zeros(shape, np.int64), np.zeros(shape, np.bool_), start_s)
        turns = await self._turns(ids, days[0] - most, days[-1])
        now = slots.day + most.days
        for number, weeks in enumerate(WEEKS):
            then = slots.day + 7 * (max(WEEKS) - weeks)
            slot = found.slots.at[then, slots.wall]
            before.value[number, rows] = found.value[:, slot]
            same_people = turns[:, then] == turns[:, now]
            before.valid[number, rows] = found.valid[:, slot] & (slot >= 0) & same_people
            before.start_s[number] = found.slots.start_s[slot]
        return before

    async def _turns(self, ids: Int32, first: date, last: date) -> Int64:
        """Return how often people had changed by each day, shape (channels, days)."""
        moves = await self.work.circumstances.moves(ids.tolist(), first, last)
        days = tuple(days_between(first, last))
        began = arrivals(ids, self.table, moves, days, self.zone)
        return np.cumsum(began, axis=1, dtype=np.int64)
