"""What channels measured on days far from the block that is judged: another year, other meters."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import FLAG_POWER_FAIL, Bool, Int32, Int64, Status
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from vee.block import SlotTable
from vee.layout import Layout

_ACTUAL: Final = [Status.RAW.code, Status.VALIDATED.code, Status.ACCEPTED.code]


@dataclass(frozen=True, slots=True)
class Measured:
    """
    Reads of some days.

    Attributes:
        slots: The columns.
        value: Quanta, shape (channels, slots).
        valid: Actual, and power did not fail, shape (channels, slots).
    """

    slots: SlotTable
    value: Int64
    valid: Bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """
    Looks up, within one transaction, what was measured on other days.

    Attributes:
        work: The transaction.
        zone: Where the utility's days begin.
        as_of: Only what was known then; None: now.
    """

    work: UnitOfWork
    zone: ZoneInfo
    as_of: datetime | None = None

    async def measured(
        self, channel_id: Int32, first: date, last: date, *, interval_s: int
    ) -> Measured:
        """Return what channels, in rising order, measured on the local days first..last."""
        slots = SlotTable.of_days(first, last, interval_s=interval_s, zone=self.zone)
        period = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
        ids = channel_id.tolist()
        reads = await self.work.readings.intervals(period, channel_ids=ids, as_of=self.as_of)
        newest = Layout.of(slots, channel_id, reads).newest()
        actual = np.isin(newest.reads.status, _ACTUAL)
        actual &= (newest.reads.flags & FLAG_POWER_FAIL) == 0
        return Measured(slots, newest.grid(newest.reads.value, 0), newest.grid(actual, 0))
