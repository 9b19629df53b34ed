"""What further registers of a meter say of its bill: their sum (V37), and the demand (V36)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from mdms.billing.registers import Quality
from mdms.domain.dials import DEMAND, DialRead
from mdms.domain.readings import Status
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, to_epoch_s
from mdms.ports.billing import BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.bills import measured
from vee.kernels.validate_registers import buckets_differ, demand_differs, tolerance_milli
from vee.marks import Severity
from vee.period import PeriodFinding
from vee.rules import RuleSet

_ACTUAL = [Status.RAW.code, Status.VALIDATED.code, Status.ACCEPTED.code, Status.DERIVED.code]


@dataclass(frozen=True, slots=True)
class BillDials:
    """
    Compares bills with the dials that were read at their edges.

    Attributes:
        rules: Tolerances.
        table: Channels with the sizes of their registers.
    """

    rules: RuleSet
    table: ChannelTable

    async def of(
        self, work: UnitOfWork, judged: Sequence[BillingDeterminant]
    ) -> Mapping[tuple[int, int], Sequence[PeriodFinding]]:
        """Return what bills break of V36 and V37, by measured() of each."""
        align = timedelta(seconds=self.rules.bookend.align_s)
        period = Period(
            min(each.read_start_utc for each in judged) - align,
            max(each.read_end_utc for each in judged) + align,
        )
        reads: dict[int, list[DialRead]] = {}
        for read in await work.dials.of([each.channel_id for each in judged], period):
            reads.setdefault(read.channel_id, []).append(read)
        found: dict[tuple[int, int], Sequence[PeriodFinding]] = {}
        for each in judged:
            mine = reads.get(each.channel_id)
            if mine:
                buckets = [read for read in mine if read.dial != DEMAND]
                demand = [read for read in mine if read.dial == DEMAND]
                findings = self._buckets(each, buckets) + await self._demand(work, each, demand)
                found[measured(each)] = findings
        return found

    def _buckets(self, bill: BillingDeterminant, reads: Sequence[DialRead]) -> list[PeriodFinding]:
        """Compare the sum of the buckets with the register, if all were read with it (V37)."""
        opened = self._shown(reads, to_epoch_s(bill.read_start_utc))
        closed = self._shown(reads, to_epoch_s(bill.read_end_utc))
        if not opened or opened.keys() != closed.keys():
            return []
        row = self._row(bill)
        modulus, multiplier = (
            int(column[row]) for column in (self.table.register_modulus, self.table.multiplier)
        )
        used = [(closed[dial] - opened[dial]) % modulus * multiplier for dial in opened]
        total = np.array([bill.usage_quanta], np.int64)
        how = self.rules.sum_check
        tolerance = tolerance_milli(
            total,
            self.table.register_resolution[[row]] * multiplier,
            resolutions=how.resolutions,
            usage_per_mille=how.usage_per_mille,
        )
        if not buckets_differ(np.array([used], np.int64), total, tolerance)[0]:
            return []
        detail = f"time-of-use registers counted {sum(used)}, their total {bill.usage_quanta}"
        return [PeriodFinding(37, Severity.HOLD, detail)]

    def _shown(self, reads: Sequence[DialRead], at_s: int) -> dict[str, int]:
        """Return what each dial showed at an instant."""
        align_s = self.rules.bookend.align_s
        return {each.dial: each.value for each in reads if abs(each.at_s - at_s) <= align_s}

    async def _demand(
        self, work: UnitOfWork, bill: BillingDeterminant, reads: Sequence[DialRead]
    ) -> list[PeriodFinding]:
        """
        Compare the demand that was read with the bill, and then reset, with its intervals (V36).

        Intervals that the bill's own two registers bear out are real, so it is the dial that is
        wrong and the bill may go; vee.md 3.4.
        """
        shown = self._shown(reads, to_epoch_s(bill.read_end_utc)).get(DEMAND)
        if shown is None:
            return []
        period = Period(bill.read_start_utc, bill.read_end_utc)
        intervals = await work.readings.intervals(period, channel_ids=[bill.channel_id])
        current = intervals.current()
        actual = current.value[np.isin(current.status, _ACTUAL)]
        if not len(actual):
            return []
        row = self._row(bill)
        interval_s = int(self.table.interval_s[row])
        quantum = self.table.register_resolution[[row]] * self.table.multiplier[[row]]
        largest = actual.max(keepdims=True)
        if not demand_differs(
            np.array([shown], np.int64),
            quantum * 3600 // interval_s,
            largest,
            interval_s=interval_s,
            per_cent_max=self.rules.demand.per_cent_max,
        )[0]:
            return []
        severity = Severity.HOLD if bill.quality == Quality.ESTIMATED else Severity.WARN
        most = int(largest[0]) * 3600 // interval_s
        return [
            PeriodFinding(36, severity, f"the demand register shows {shown} W, intervals {most} W")
        ]

    def _row(self, bill: BillingDeterminant) -> int:
        """Return the installation that a bill was measured in."""
        rows = np.flatnonzero(
            (self.table.channel_id == bill.channel_id)
            & (self.table.installed_s < to_epoch_s(bill.read_end_utc))
        )
        return int(rows[self.table.installed_s[rows].argmax()])
