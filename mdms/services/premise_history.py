"""What was billed at a premises, as far as it tells what a period there would have come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import mean
from typing import Final

from mdms.billing.registers import Quality
from mdms.billing.window import BillWindow
from mdms.domain.errors import OperatorError
from mdms.policy.estimate_basis import DailyUsage, EstimateRules, PeriodEstimate, estimate
from mdms.ports.billing import BilledService

_YEAR: Final = timedelta(days=365)
_OFF_MAX: Final = timedelta(days=20)
"""How far the middle of a bill may lie off that of the period it stands for."""


@dataclass(frozen=True, slots=True)
class PremiseHistory:
    """
    What is known of the use at a premises, and of customers like them.

    Attributes:
        past: What was billed there, the newest revision of each period.
        alike: What others of the class are billed in the window.
    """

    window: BillWindow
    past: Sequence[BilledService]
    alike: Sequence[BilledService]

    @property
    def estimated_running(self) -> int:
        """How many bills in a row before this one were estimated."""
        by_end = {each.to_on: each for each in self.past}
        count, on = 0, self.window.start
        while (before := by_end.get(on)) is not None and before.quality == Quality.ESTIMATED:
            count, on = count + 1, before.from_on
        return count

    def estimate(self, name: str, days: int, rules: EstimateRules) -> PeriodEstimate:
        """
        Return what a quantity comes to in so many days.

        Raises:
            OperatorError: Nothing at all is known.
        """
        alike = [_daily(each, name) for each in self.alike if name in each.quantities]
        before = self.window.start - timedelta(days=self.window.service_days)
        usage = DailyUsage(
            prior=self._around(before, self.window.start, name),
            last_year=self._around(self.window.start - _YEAR, self.window.end - _YEAR, name),
            prior_last_year=self._around(before - _YEAR, self.window.start - _YEAR, name),
            customer_class=mean(alike) if alike else Decimal(0),
        )
        if not alike and usage.prior is None and usage.last_year is None:
            raise OperatorError(
                "nothing is known to estimate from: no bill of the premises, and none of such "
                "customers in this window; freeze the others first"
            )
        return estimate(usage, days, rules)

    def _around(self, start: date, end: date, name: str) -> Decimal | None:
        """Return daily use by the bill whose middle is nearest to that of some days."""
        middle = start + (end - start) / 2

        def off(each: BilledService) -> timedelta:
            return abs(each.from_on + (each.to_on - each.from_on) / 2 - middle)

        known = [each for each in self.past if name in each.quantities and off(each) <= _OFF_MAX]
        return _daily(min(known, key=off), name) if known else None


def _daily(service: BilledService, name: str) -> Decimal:
    return Decimal(service.detail["exact"][name]) / service.service_days


def newest(past: Sequence[BilledService]) -> list[BilledService]:
    """Return the last revision of each period."""
    newest = {(each.window_start, each.window_end, each.period): each for each in past}
    return list(newest.values())
