"""What earlier bills of gas would have been in the weather of the ones that are judged (V51)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.window import BillWindow
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import Bool
from mdms.domain.registry import Commodity
from mdms.domain.time import days_between
from mdms.ports.billing import BilledBefore, BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import VeeDay
from mdms.services.bills import Place, as_bill, measured, place_of
from mdms.services.outdoors import outdoor_means_f
from vee import bill
from vee.kernels.gaps import Float
from vee.period import Weather
from vee.rules import RuleSet

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BillWeather:
    """
    Looks up, within one transaction, how cold it was, and what the cold did.

    Attributes:
        window: Of the bills that are judged.
        rules: What a reference is, and how much must be known.
        zone: Where local days begin.
    """

    window: BillWindow
    rules: RuleSet
    zone: ZoneInfo

    async def of(
        self,
        work: UnitOfWork,
        judged: Sequence[BillingDeterminant],
        past: Mapping[Place, Sequence[BilledBefore]],
        known_at: datetime,
    ) -> Mapping[tuple[int, int], Weather]:
        """
        Return what the bills before would have been in this window's weather.

        Args:
            work: The transaction.
            judged: Bills that are not frozen yet.
            past: Frozen ones of the same places.
            known_at: When it is asked.

        Returns:
            By measured() of each bill; nothing of those whose days, or whose weather, are not
            known well enough, and of none but gas.
        """
        references = self._references(judged, past)
        means = await outdoor_means_f(work, self.zone, known_at) if references else {}
        if not means:
            return {}
        days: dict[int, dict[date, VeeDay]] = {}
        for each in await work.vee.days(
            min(one.window_start for one in references.values()),
            max(one.window_end for one in references.values()),
            channel_ids=sorted({one.channel_id for one in references.values()}),
        ):
            days.setdefault(each.channel_id, {})[each.local_day] = each
        here_f = _temperatures(means, days_between(self.window.start, self.window.last_day))
        found: dict[tuple[int, int], Weather] = {}
        for key, one in references.items():
            dates = list(days_between(one.window_start, one.window_end - _DAY))
            usage, valid = _usage(days.get(one.channel_id, {}), dates)
            weather = bill.in_weather(
                usage, valid, _temperatures(means, dates), here_f, self.rules.weather
            )
            if weather is not None:
                found[key] = weather
        return found

    def _references(
        self,
        judged: Sequence[BillingDeterminant],
        past: Mapping[Place, Sequence[BilledBefore]],
    ) -> Mapping[tuple[int, int], BilledBefore]:
        """Return what each bill of gas is compared with."""
        references: dict[tuple[int, int], BilledBefore] = {}
        for each in judged:
            if READING_TYPES[each.reading_type].commodity is not Commodity.GAS:
                continue
            before = past.get(place_of(each), ())
            bills = [as_bill(one, each) for one in before]
            chosen = bill.compared_with(as_bill(each, each), bills, self.rules)
            if chosen is not None:
                references[measured(each)] = before[bills.index(chosen)]
        return references


def _temperatures(means: Mapping[date, float], days: Iterable[date]) -> Float:
    return np.array([means.get(day, np.nan) for day in days], np.float64)


def _usage(known: Mapping[date, VeeDay], days: Sequence[date]) -> tuple[Float, Bool]:
    """Return what days used, and which of them are whole and sound."""
    outcomes = [known.get(day) for day in days]
    usage = [each.usage if each and each.usage is not None else np.nan for each in outcomes]
    column = np.array(usage, np.float64)
    return column, ~np.isnan(column)
