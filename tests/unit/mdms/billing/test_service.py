"""What a bill has lines for: whole units of a service, over all its meters, by its schedule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from mdms.billing.channels import ReadReason
from mdms.billing.service import ServiceBiller
from mdms.billing.service_parts import Flag, Part, content_hash
from mdms.domain.registry import Commodity
from tests.editions import ZONE
from tests.unit.mdms.billing.services import MONTH, RULES, TARIFF, Service, at, period, terms


def test_a_plain_service_has_its_total_and_nothing_else():
    service = Service()
    service.add(150)

    bill = service.bill()

    assert bill.quantities == {"delivered_kwh": 432}
    assert bill.detail["exact"] == {"delivered_kwh": "432.000"}
    assert (bill.flags, bill.quality, bill.service_days) == ((), "ACTUAL", 30)
    assert bill.parts == tuple(part.determinant.content_hash for part in service.parts())


def test_meters_that_follow_each_other_are_rounded_together_once():
    service = Service()
    middle_s = service.days.start_s + 10 * 86_400
    old = np.zeros(960, np.int64)
    new = np.zeros(1_920, np.int64)
    old[0], new[0] = 100_400, 200_400
    service.add(old, read_end_s=middle_s, removed_s=middle_s, closed_by=ReadReason.EXCHANGE)
    service.add(new, read_start_s=middle_s, installed_s=middle_s, opened_by=ReadReason.EXCHANGE)

    bill = service.bill()

    assert [part.determinant.usage_units for part in service.parts()] == [100, 200]
    assert bill.quantities == {"delivered_kwh": 301}
    assert bill.flags == (Flag.EXCHANGED,)


def test_net_metering_reports_both_directions_and_their_difference():
    """case-67: delivered 500, received 620."""
    service = Service()
    delivered, received = np.zeros(2_880, np.int64), np.zeros(2_880, np.int64)
    delivered[at(4, 18)], received[at(4, 12)] = 500_000, 620_000
    service.add(delivered)
    service.add(received, direction=1)

    bill = service.bill()

    assert bill.quantities == {"delivered_kwh": 500, "received_kwh": 620, "net_kwh": -120}


def test_reactive_energy_is_a_line_of_its_own():
    service = Service()
    service.add(100)
    service.add(30, direction=3)

    assert service.bill().quantities == {"delivered_kwh": 288, "reactive_kvarh": 86}


@pytest.mark.parametrize(("to_on", "proration"), [(14, "11/30"), (30, None)])
def test_a_period_outside_of_27_to_33_days_is_prorated(to_on, proration):
    service = Service()
    service.add(10)

    bill = service.bill(of=period(to_on=date(2026, 11, to_on)))

    assert bill.detail.get("proration") == proration
    assert (Flag.PRORATED in bill.flags) == (proration is not None)


def test_gas_is_billed_in_therms_rounded_last():
    service = Service(interval_s=3_600)
    value = np.zeros(720, np.int64)
    value[5] = 4_854  # 48.54 ccf, times 1.03 is 49.996
    service.add(value, commodity=Commodity.GAS)

    bill = service.bill(of=period(Commodity.GAS))

    assert bill.quantities == {"delivered_ccf": 49, "delivered_therm": 50}
    assert bill.detail["gas"] == {"pressure": "1.0", "therm": "1.03"}


def test_gas_without_a_factor_has_no_therms():
    service = Service(interval_s=3_600)
    service.add(1, commodity=Commodity.GAS)

    assert service.bill(of=period(Commodity.GAS), therm=None).quantities == {"delivered_ccf": 7}


def test_what_nobody_pays_says_so():
    service = Service()
    service.add(1)

    assert Flag.VACANT in service.bill(of=period(account_id="")).flags


def reordered(parts: Sequence[Part]) -> list[Part]:
    return list(reversed(parts))


def test_equal_content_has_equal_hashes_whatever_the_order_and_the_revision():
    service = Service()
    service.add(100)
    service.add(30, direction=1)
    biller = ServiceBiller(MONTH, ZONE, TARIFF, RULES)
    current = service.intervals.current()

    one = biller.bill(period(), terms(), service.parts(), current)
    other = biller.bill(period(), terms(), reordered(service.parts()), current, revision=3)

    assert other == replace(one, revision=3)
    assert content_hash(one) == one.content_hash
    assert content_hash(replace(one, account_id="A2")) != one.content_hash
