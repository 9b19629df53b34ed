"""The highest demand of a service, and when it cannot be said."""

from dataclasses import replace

import numpy as np
import pytest

from mdms.billing.channels import ReadReason
from mdms.billing.service import ServiceBiller
from mdms.billing.service_parts import Flag
from mdms.billing.tou import UncountableError
from mdms.domain.readings import Status
from tests.editions import ZONE
from tests.unit.mdms.billing.services import MONTH, RULES, TARIFF, Service, at, period, terms


def test_demand_is_not_taken_from_an_estimate():
    """case-64: 1.875 kWh estimated, 1.60 actual in a quarter of an hour."""
    value = np.full(2_880, 250, np.int64)
    value[at(4, 18)], value[at(9, 7)] = 1_875, 1_600
    service = Service()
    service.add(value, statuses={at(4, 18): Status.ESTIMATED})

    bill = service.bill((MONTH.start, "E-4"))

    assert bill.quantities["demand_kw"] == 6
    assert bill.quantities["demand_estimated_candidate_kw"] == 8
    assert bill.flags == (Flag.DEMAND_ESTIMATED,)
    assert bill.detail["demand"] == {
        "watts": "6400",
        "at": "2026-11-09T15:00:00+00:00",
        "candidate_watts": "7500",
    }


def test_demand_with_many_estimates_is_settled_by_a_person():
    value = np.full(2_880, 250, np.int64)
    value[at(4, 18)] = 1_875
    service = Service()
    estimated = dict.fromkeys(range(at(4, 12), at(4, 12) + 60), Status.ESTIMATED)
    service.add(value, statuses=estimated)

    bill = service.bill((MONTH.start, "E-4"))

    assert Flag.DEMAND_INCOMPLETE in bill.flags


@pytest.mark.parametrize(("resolution", "expected"), [(20, 8), (21, 0)])
def test_a_derived_interval_is_demand_only_where_the_register_is_fine_enough(resolution, expected):
    value = np.zeros(2_880, np.int64)
    value[at(4, 18)] = 2_000
    service = Service()
    service.add(value, statuses={at(4, 18): Status.DERIVED}, register_resolution=resolution)

    assert service.bill((MONTH.start, "E-4")).quantities["demand_kw"] == expected


def test_an_estimate_below_the_peak_is_nobodys_concern():
    value = np.full(2_880, 250, np.int64)
    value[at(9, 7)] = 1_600
    service = Service()
    service.add(value, statuses={at(4, 18): Status.ESTIMATED})

    bill = service.bill((MONTH.start, "E-4"))

    assert (bill.quantities["demand_kw"], bill.flags) == (6, ())


def test_demand_over_intervals_that_do_not_make_it_up_cannot_be_counted():
    service = Service()
    service.add(100)
    schedule = replace(TARIFF.schedules["E-4"], demand_minutes=20)
    tariff = replace(TARIFF, schedules={**TARIFF.schedules, "E-20": schedule})
    biller = ServiceBiller(MONTH, ZONE, tariff, RULES)

    with pytest.raises(UncountableError, match="demand is taken over 1200 s"):
        biller.bill(
            period(), terms((MONTH.start, "E-20")), service.parts(), service.intervals.current()
        )


def test_a_meter_that_was_put_in_within_a_demand_interval_waits_for_the_next():
    service = Service()
    installed_s = service.days.start_s + 10 * 3_600 + 900
    value = np.full(2_880 - 41, 100, np.int64)
    first = at(8, 10, 30) - 41
    value[first : first + 2] = 5_000
    service.add(
        value,
        installed_s=installed_s,
        read_start_s=installed_s,
        opened_by=ReadReason.EXCHANGE,
    )
    schedule = replace(TARIFF.schedules["E-4"], demand_minutes=30)
    tariff = replace(TARIFF, schedules={**TARIFF.schedules, "E-30": schedule})

    bill = ServiceBiller(MONTH, ZONE, tariff, RULES).bill(
        period(), terms((MONTH.start, "E-30")), service.parts(), service.intervals.current()
    )

    assert bill.quantities["demand_kw"] == 20
