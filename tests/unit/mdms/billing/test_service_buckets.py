"""Usage by time of use: buckets that add up to the total, or a reason why not."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from mdms.billing.service import ServiceBiller
from mdms.billing.tou import UncountableError
from mdms.billing.window import BillWindow
from mdms.domain.errors import OperatorError
from mdms.domain.readings import Status
from tests.editions import ZONE
from tests.unit.mdms.billing.services import MONTH, RULES, TARIFF, Service, at, period, terms


def test_buckets_add_up_to_the_total_by_largest_remainder():
    """case-63: 101.4, 210.3 and 88.3 of 400 are 102, 210 and 88."""
    value = np.zeros(2_880, np.int64)
    value[at(4, 16)] = 101_400  # a Wednesday
    value[at(4, 3)] = 210_300
    value[at(7, 17)] = 88_300  # a Saturday
    service = Service()
    service.add(value)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.quantities == {
        "delivered_kwh": 400,
        "delivered_on_peak_kwh": 102,
        "delivered_mid_peak_kwh": 88,
        "delivered_off_peak_kwh": 210,
    }
    assert bill.detail["tou"]["delivered"]["on_peak"] == {"quanta": 101_400, "estimated": 0}


def test_a_holiday_has_no_peak_of_a_weekday():
    value = np.zeros(2_880, np.int64)
    value[at(26, 17)] = 7_000  # Thanksgiving, a Thursday
    service = Service()
    service.add(value)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert (
        bill.quantities["delivered_on_peak_kwh"],
        bill.quantities["delivered_mid_peak_kwh"],
    ) == (
        0,
        7,
    )


@pytest.mark.parametrize(
    ("day", "quarters", "off_peak"),
    [(date(2026, 11, 1), 100, 80), (date(2026, 3, 8), 92, 72)],
    ids=["autumn", "spring"],
)
def test_a_day_of_25_or_23_hours_has_a_longer_or_shorter_night_and_the_same_peak(
    day, quarters, off_peak
):
    service = Service(BillWindow(day, date.fromordinal(day.toordinal() + 1)))
    service.add(1_000)

    bill = service.bill(
        (day, "E-1-TOU"), of=period(from_on=day, to_on=date.fromordinal(day.toordinal() + 1))
    )

    assert bill.quantities["delivered_kwh"] == quarters
    assert bill.quantities["delivered_off_peak_kwh"] == off_peak
    assert bill.quantities["delivered_mid_peak_kwh"] == 20
    assert bill.service_days == 1


def test_net_metering_by_time_of_use_nets_each_bucket():
    service = Service()
    delivered, received = np.zeros(2_880, np.int64), np.zeros(2_880, np.int64)
    delivered[at(4, 18)], received[at(4, 12)] = 5_000, 6_000
    service.add(delivered)
    service.add(received, direction=1)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert (bill.quantities["net_on_peak_kwh"], bill.quantities["net_off_peak_kwh"]) == (5, -6)


def test_the_estimated_share_of_each_bucket_is_told():
    value = np.zeros(2_880, np.int64)
    value[at(4, 16)], value[at(5, 16)] = 3_000, 1_000
    service = Service()
    service.add(value, statuses={at(5, 16): Status.ESTIMATED})

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.detail["tou"]["delivered"]["on_peak"] == {"quanta": 4_000, "estimated": 1_000}
    assert bill.estimated_share == Decimal("0.250000")


REGISTERS: dict[str, Any] = {"intervals_expected": False, "estimated_because": "meter"}


@pytest.mark.parametrize("lost", [slice(0, 0), slice(100, 101)], ids=["all came", "one is lost"])
def test_buckets_of_a_meter_that_is_billed_by_registers_are_those_of_the_intervals_that_came(lost):
    expected = Service()
    expected.add(100)
    service = Service()
    service.add(100, **REGISTERS)
    service.lose(lost)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.quantities == expected.bill((MONTH.start, "E-1-TOU")).quantities
    buckets = bill.detail["tou"]["delivered"]
    lost_quanta = 100 * len(range(2_880)[lost])
    assert sum(each["quanta"] for each in buckets.values()) == 288_000
    assert sum(each["estimated"] for each in buckets.values()) == lost_quanta
    assert bill.detail["tou"].get("intervals_lacking", 0) == lost_quanta // 100


def test_intervals_that_are_held_say_nothing_of_buckets():
    service = Service()
    value = np.full(2_880, 100, np.int64)
    value[at(4, 12)] = 50_000
    service.add(value, statuses={at(4, 12): Status.SUSPECT}, **REGISTERS)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.detail["tou"]["intervals_lacking"] == 1
    assert bill.detail["tou"]["delivered"]["off_peak"]["estimated"] == 100


@pytest.mark.parametrize("came", [0, 48], ids=["none came", "none of the peak came"])
def test_a_bucket_that_nothing_is_known_of_waits(came):
    service = Service()
    service.add(100, **REGISTERS)
    service.lose(slice(came, None))

    with pytest.raises(UncountableError, match="billed by registers, and none of its 420 interv"):
        service.bill((MONTH.start, "E-1-TOU"))


def test_nothing_used_needs_no_interval_to_be_divided():
    service = Service()
    service.add(0, **REGISTERS)
    service.lose(slice(0, None))

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert set(bill.quantities.values()) == {0}


def test_usage_that_no_interval_saw_is_divided_by_nobody():
    service = Service()
    service.add(0)
    shown = service.registers.value + np.array([0, 900])
    service.registers = replace(service.registers, value=shown)
    service.channels = [replace(each, register_resolution=1_000) for each in service.channels]

    with pytest.raises(UncountableError, match="counted 1 kWh delivered, and its intervals none"):
        service.bill((MONTH.start, "E-1-TOU"))


def test_a_calendar_that_ends_before_the_window_bills_nobody_by_guess():
    service = Service(BillWindow(date(2028, 1, 3), date(2028, 2, 2)))
    service.add(1)

    with pytest.raises(OperatorError, match="lists holidays through 2027-12-31"):
        service.bill((date(2028, 1, 3), "E-1-TOU"))


def test_hours_that_change_within_an_interval_cannot_be_divided():
    service = Service(interval_s=3_600)
    service.add(1)
    hours = replace(TARIFF.tou["E-1-TOU"].hours[0], from_at=replace_minute(30))
    calendar = replace(TARIFF.tou["E-1-TOU"], hours=(hours,))
    tariff = replace(TARIFF, tou={"E-1-TOU": calendar})
    biller = ServiceBiller(MONTH, ZONE, tariff, RULES)

    with pytest.raises(OperatorError, match="minute 990 of the day, within an interval of 3600 s"):
        biller.bill(
            period(),
            terms((MONTH.start, "E-1-TOU")),
            service.parts(),
            service.intervals.current(),
        )


def replace_minute(minute: int) -> Any:
    return TARIFF.tou["E-1-TOU"].hours[0].from_at.replace(minute=minute)
