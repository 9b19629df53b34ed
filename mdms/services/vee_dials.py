"""Time-of-use registers of a meter, as bookends of their own for what is missing; vee.md 4.4."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cache

import numpy as np

from mdms.domain.dials import DEMAND, DialRead
from mdms.domain.registry import ChannelTable
from mdms.domain.tariff import TouCalendar
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.billing_terms import BillingTerms
from mdms.services.customer_rules import CustomerBook
from vee.block import Block, SlotTable
from vee.evidence import BucketRegisters, Evidence
from vee.rules import RuleSet

_MINUTE_S = 60
_NOBODY_KNOWS = -1


@dataclass(frozen=True, slots=True)
class DialLoader:
    """
    Looks up, within one transaction, what time-of-use registers were read to.

    Attributes:
        work: The transaction.
        rules: How far from a boundary a reading may be.
        book: Which hours count where; None: nobody said.
        known_at: As known then.
    """

    work: UnitOfWork
    rules: RuleSet
    book: CustomerBook | None
    known_at: datetime

    async def add(self, block: Block, table: ChannelTable, evidence: Evidence) -> Evidence:
        """Return the evidence of a block with the buckets of its channels, where any were read."""
        if self.book is None:
            return evidence
        slots = block.slots
        read = await self.work.dials.of(
            block.channel_id.tolist(),
            Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s)),
        )
        buckets = [each for each in read if each.dial != DEMAND]
        if not buckets:
            return evidence
        tariff = self.book.rulebook.customer_at(slots.days[-1]).tariff
        terms = await BillingTerms.load(self.work, self.book, tariff, self.known_at)
        return replace(evidence, buckets=self._registers(block, table, buckets, terms))

    def _registers(
        self,
        block: Block,
        table: ChannelTable,
        reads: Sequence[DialRead],
        terms: BillingTerms,
    ) -> BucketRegisters:
        slots = block.slots
        bucket = np.full(block.value.shape, _NOBODY_KNOWS, np.int16)
        columns: list[tuple[int, int, int, int]] = []
        place = dict(zip(table.channel_id.tolist(), table.usage_point_id, strict=True))
        kind = dict(zip(table.channel_id.tolist(), table.commodity, strict=True))
        for channel_id in sorted({each.channel_id for each in reads}):
            row = int(np.searchsorted(block.channel_id, channel_id))
            mine = [each for each in reads if each.channel_id == channel_id]
            number = {name: at for at, name in enumerate(sorted({each.dial for each in mine}))}
            calendars = {
                day: terms.calendar(str(place[channel_id]), str(kind[channel_id]), day)
                for day in slots.days
            }
            bucket[row] = _buckets(slots, calendars, number)
            for each in mine:
                boundary = round((each.at_s - int(slots.start_s[0])) / slots.interval_s)
                stands_s = int(slots.start_s[0]) + boundary * slots.interval_s
                if abs(each.at_s - stands_s) <= self.rules.bookend.align_s:
                    columns.append((row, number[each.dial], boundary, each.value))
        channel, of, boundary_of, value = np.array(columns, np.int64).reshape(-1, 4).T
        return BucketRegisters(bucket, channel, of, boundary_of, value)


def _buckets(
    slots: SlotTable,
    calendars: Mapping[date, TouCalendar | None],
    number: Mapping[str, int],
) -> list[int]:
    """Return the number of each slot's bucket; none where no calendar, or no dial, has it."""
    whole = {
        day: calendar
        for day, calendar in calendars.items()
        if calendar is not None
        and day <= calendar.holidays_through
        and not any(at * _MINUTE_S % slots.interval_s for at in calendar.grid_minutes)
    }

    @cache
    def of(day: date, wall: int) -> int:
        calendar = whole.get(day)
        if calendar is None:
            return _NOBODY_KNOWS
        hours, minutes = divmod(wall * slots.interval_s // _MINUTE_S, 60)
        return number.get(calendar.bucket_of(day, time(hours, minutes)), _NOBODY_KNOWS)

    return [
        of(slots.days[day], wall)
        for day, wall in zip(slots.day.tolist(), slots.wall.tolist(), strict=True)
    ]
