"""A service whose schedule changes within its period."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.schedules import split_by_days
from mdms.billing.service_parts import Flag
from mdms.billing.window import BillWindow
from tests.unit.mdms.billing.services import MONTH, Service, at, period


def test_a_rate_change_is_split_by_days_not_by_what_was_used_when():
    """case-66: 31 days, new rate after day 10, 310 units are 100 and 210."""
    window = BillWindow(date(2026, 11, 3), date(2026, 12, 4))
    value = np.zeros(31 * 96, np.int64)
    value[-1] = 310_000
    service = Service(window)
    service.add(value)

    bill = service.bill(
        (window.start, "E-1"), (date(2026, 11, 13), "E-4"), of=period(to_on=window.end)
    )

    one, other = bill.detail["schedules"]
    assert one == {"schedule": "E-1", "from_on": "2026-11-03", "days": 10, "delivered_kwh": 100}
    assert (other["schedule"], other["days"], other["delivered_kwh"]) == ("E-4", 21, 210)
    assert Flag.SCHEDULE_CHANGED in bill.flags


@pytest.mark.parametrize(
    ("schedules", "kilowatts"),
    [(("E-4", "E-1"), [20, None]), (("E-1", "E-4"), [None, 1])],
    ids=["demand first", "demand last"],
)
def test_demand_is_taken_from_the_days_of_the_schedule_that_asks_for_it(schedules, kilowatts):
    value = np.full(2_880, 250, np.int64)
    value[at(5, 12)] = 5_000
    service = Service()
    service.add(value)
    first, second = schedules

    bill = service.bill((MONTH.start, first), (date(2026, 11, 25), second))

    assert [row.get("demand_kw") for row in bill.detail["schedules"]] == kilowatts
    assert bill.quantities["demand_kw"] == max(filter(None, kilowatts))


def test_buckets_are_those_of_the_days_of_the_schedule_that_has_them():
    value = np.zeros(2_880, np.int64)
    value[at(4, 16)], value[at(4, 3)] = 200_000, 90_000
    value[at(30, 17)] = 10_000  # a Monday, under the other schedule
    service = Service()
    service.add(value)

    bill = service.bill((MONTH.start, "E-1-TOU"), (date(2026, 11, 30), "E-1"))

    one, other = bill.detail["schedules"]
    assert (one["days"], one["delivered_kwh"], other["delivered_kwh"]) == (27, 270, 30)
    assert one["tou"]["delivered"]["on_peak"]["quanta"] == 200_000
    assert (one["delivered_on_peak_kwh"], one["delivered_off_peak_kwh"]) == (186, 84)
    assert "tou" not in other
    assert bill.quantities["delivered_on_peak_kwh"] == 186


def test_buckets_of_two_calendars_add_up_to_the_total():
    service = Service()
    service.add(100)

    bill = service.bill((MONTH.start, "E-1-TOU"), (date(2026, 11, 20), "E-7-TOU"))

    names = [name for name in bill.quantities if name.endswith("_peak_kwh")]
    assert sum(bill.quantities[name] for name in names) == bill.quantities["delivered_kwh"] == 288
    assert [row["tou"]["calendar"] for row in bill.detail["schedules"]] == ["E-1-TOU", "E-7-TOU"]


@given(st.integers(0, 2_000), st.integers(0, 2_000), st.integers(1, 29))
def test_what_is_net_under_each_schedule_is_the_difference_of_its_two_sides(
    delivered, received, days
):
    totals = {
        "delivered_kwh": delivered, "received_kwh": received, "net_kwh": delivered - received,
    }  # fmt: skip

    rows = split_by_days(totals, [days, 30 - days])

    assert all(row["net_kwh"] == row["delivered_kwh"] - row["received_kwh"] for row in rows)
    assert {name: sum(row[name] for row in rows) for name in totals} == totals
