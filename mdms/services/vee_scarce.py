"""
What helps where a meter's own reads hardly tell anything: the year before, and others of its class.

Looked up only for days around which a channel was heard for less than eight days: whoever has a
week of reads is estimated from them (H1, H2). Each day is asked for itself, so that what helps it
does not hang on what else is missing.
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
from mdms.services.vee_kinds import Kinds
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
        kinds: Which channels are alike.
        as_of: Only what was known then; None: now.
    """

    work: UnitOfWork
    rules: RuleSet
    zone: ZoneInfo
    table: ChannelTable
    kinds: Kinds
    as_of: datetime | None = None

    async def add(self, block: Block, evidence: Evidence, target: Bool) -> Evidence:
        """
        Return the evidence of a block with the year before and the class where they help.

        Args:
            block: Reads of the channels.
            evidence: What is known already.
            target: Channel-days that are judged, shape (channels, days).
        """
        due = np.logical_or.reduceat(block.expected, block.slots.first[:-1], axis=1)
        due &= block.context.measures(Quantity.DELIVERED)[:, None]
        # what was received may fail, and who knows only once it is examined
        scarce = due & self._hardly_heard(block)
        if not scarce.any():
            return evidence
        scarce &= _together(block, target)
        rows = np.flatnonzero(scarce.any(axis=1))
        if not len(rows):
            return evidence
        elsewhere = Elsewhere(self.work, self.zone, self.as_of)
        of_class = ClassLoader(elsewhere, self.rules, self.kinds)
        return replace(
            evidence,
            last_year=await self._last_year(elsewhere, block, rows),
            of_class=await of_class.load(block, rows, scarce[rows]),
        )

    def _hardly_heard(self, block: Block) -> Bool:
        """
        Return the days with little around them, shape (channels, days).

        Looked at is as much as a profile is made from, however much more the block holds, and of
        the same people.
        """
        first, days = block.slots.first[:-1], np.arange(len(block.slots.days))
        since = block.context.since
        heard = np.add.reduceat(block.present, first, axis=1, dtype=np.int64)
        total = np.cumsum(np.pad(heard, ((0, 0), (1, 0))), axis=1)
        reach = self.rules.estimate.profile_days
        begin = np.broadcast_to(np.maximum(days - reach, 0), heard.shape)
        end = np.broadcast_to(np.minimum(days + reach + 1, len(days)), heard.shape)
        if since is not None:
            begin, end = np.maximum(begin, since), np.minimum(end, until(since))
        row, a_day = np.arange(len(heard))[:, None], DAY_S // block.slots.interval_s
        little: Bool = total[row, end] - total[row, begin] < HEARD_DAYS * a_day
        return little

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


def _together(block: Block, target: Bool) -> Bool:
    """
    Return the days that may be estimated together with some others, shape (channels, days).

    Two registers tie the days between them together, whichever of these are judged. Which pairs
    will count is not known before they are examined, but none reaches beyond the outermost.

    Args:
        block: Reads of the channels.
        target: Channel-days that are judged, shape (channels, days).
    """
    count, days = target.shape
    reads, beside = block.registers, np.pad(block.slots.day, 1, constant_values=(-1, days))
    first, last = np.full((count, 1), days), np.full((count, 1), -1)
    np.minimum.at(first[:, 0], reads.channel, beside[reads.boundary + 1])
    np.maximum.at(last[:, 0], reads.channel, beside[reads.boundary])
    between = (np.arange(days) >= first) & (np.arange(days) <= last)
    between &= (between & target).any(axis=1, keepdims=True)
    together: Bool = target | between
    return together
