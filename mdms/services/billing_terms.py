"""By what each service is billed: rate schedules and factors, as they were stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from mdms.billing.channels import ServicePeriod
from mdms.billing.service_parts import Terms
from mdms.domain.tariff import TariffRules, TouCalendar
from mdms.domain.time import local_day
from mdms.policy.facts import read_value
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.customer_rules import CustomerBook

RATE_SCHEDULE: Final = "rate_schedule"
PRESSURE_FACTOR: Final = "pressure_factor"


@dataclass(frozen=True, slots=True)
class BillingTerms:
    """
    What was stated of every usage point, with the rules that hold where nothing was.

    Attributes:
        stated: Values by fact and usage point, each with the first day it holds, in their order.
    """

    tariff: TariffRules
    stated: Mapping[tuple[str, str], Sequence[tuple[date, object]]]

    @classmethod
    async def load(
        cls, work: UnitOfWork, book: CustomerBook, tariff: TariffRules, as_of: datetime
    ) -> "BillingTerms":
        """Read what was stated by an instant; of two statements from one day the later holds."""
        stated: dict[tuple[str, str], dict[date, object]] = {}
        for fact in await work.facts.stated({RATE_SCHEDULE, PRESSURE_FACTOR}, as_of):
            days = stated.setdefault((fact.fact, fact.subject_id), {})
            days[local_day(fact.effective_at, book.zone)] = read_value(fact, book.zone)
        return cls(tariff, {key: sorted(days.items()) for key, days in stated.items()})

    def of(self, period: ServicePeriod) -> Terms | None:
        """Return the terms of a period; None where a rate schedule is none that is known."""
        last_day = date.fromordinal(period.to_on.toordinal() - 1)
        schedules = self._schedules(period)
        if any(name not in self.tariff.schedules for _, name in schedules):
            return None
        pressure = self._on(PRESSURE_FACTOR, period.usage_point_id, last_day)
        return Terms(
            schedules=schedules,
            pressure=pressure if isinstance(pressure, Decimal) else self.tariff.gas.pressure,
            therm=self.tariff.gas.therm_on(last_day),
        )

    def calendar(self, usage_point_id: str, commodity: str, day: date) -> TouCalendar | None:
        """Return by which hours a usage point is billed on a day; None where all cost the same."""
        stated = self._on(RATE_SCHEDULE, usage_point_id, day)
        schedule = self.tariff.schedules.get(str(stated or self.tariff.default[commodity]))
        if schedule is None or schedule.tou is None:
            return None
        return self.tariff.tou[schedule.tou]

    def _schedules(self, period: ServicePeriod) -> tuple[tuple[date, str], ...]:
        stated = self.stated.get((RATE_SCHEDULE, period.usage_point_id), ())
        first = self._on(RATE_SCHEDULE, period.usage_point_id, period.from_on)
        found = [(period.from_on, str(first or self.tariff.default[period.commodity]))]
        for day, name in stated:
            if period.from_on < day < period.to_on and name != found[-1][1]:
                found.append((day, str(name)))
        return tuple(found)

    def _on(self, fact: str, usage_point_id: str, day: date) -> object | None:
        values = [
            value for first, value in self.stated.get((fact, usage_point_id), ()) if first <= day
        ]
        return values[-1] if values else None
