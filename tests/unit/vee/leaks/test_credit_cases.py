"""Acceptance cases 79 to 83 of the VEE specification, by their numbers: leak credits, Rule 11.L."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from mdms.policy import bill_dates, leak_credit
from mdms.policy.case import Case
from mdms.policy.leak_credit import LeakBill, LeakCredit, LeakRequest, Repair
from mdms.policy.leak_excess import WaterPeriod
from tests.editions import CALENDAR, CUSTOMER_RULES, local

RULES = CUSTOMER_RULES.leak_credit


def period(year: int, used: str, days: int) -> WaterPeriod:
    start = date(year, 9, 27)
    return WaterPeriod(start, start + timedelta(days=days), Decimal(used))


HISTORY = (period(2025, "10", 30), period(2024, "11", 33), period(2023, "14", 28))


def request(used: str) -> LeakRequest:
    return LeakRequest(
        asked_on=date(2026, 12, 10),
        bills=(LeakBill(date(2026, 11, 16), period(2026, used, 31)),),
        history=HISTORY,
        last_credit_on=None,
        repair=Repair.REPAIRED,
        cause_determined=True,
        lost_ccf=None,
        tier1_rate=Decimal("7.00"),
        approved=True,
    )


def credited(asked: LeakRequest) -> LeakCredit:
    return leak_credit.judge(Case(asked, RULES, local("2026-12-10 10:00"), CALENDAR))


@pytest.mark.parametrize(
    ("used", "above", "volume", "usd"),
    [
        pytest.param("40", "27.94", "13.97", "97.79", id="case-79"),
        pytest.param("912.056", "900.00", "450.00", "2500.00", id="case-80"),
        pytest.param("12", "0.00", "0.00", "0.00", id="case-81"),
    ],
)
def test_half_of_what_is_above_normal_is_credited_up_to_the_cap(used, above, volume, usd):
    credit = credited(request(used))

    assert credit.normal_ccf == Decimal("12.06")  # 12.056
    assert credit.above_ccf == Decimal(above)
    assert credit.credited_ccf == Decimal(volume)
    assert credit.credit_usd == Decimal(usd)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-82")])
def test_a_credit_may_be_asked_for_60_days_after_the_bill_was_due(case):
    due_on = bill_dates.due_on(date(2026, 3, 2), CUSTOMER_RULES.bill)

    assert due_on == date(2026, 3, 22)
    assert leak_credit.last_day_to_ask(due_on, RULES) == date(2026, 5, 21)


@pytest.mark.parametrize(
    ("asked_on", "codes"),
    [
        pytest.param(date(2026, 12, 20), ("LEAK_36M",), id="case-83-refused"),
        pytest.param(date(2027, 1, 15), ("LEAK_OK",), id="case-83-allowed"),
    ],
)
def test_a_leak_is_credited_once_in_36_months(asked_on, codes):
    asked = replace(request("40"), asked_on=asked_on, last_credit_on=date(2024, 1, 15))

    assert credited(asked).decision.codes == codes
