"""Corrections: a customer owes at most what the limits leave, and gets back all they reach."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.registry import Commodity
from mdms.domain.time import months_after
from mdms.policy import adjustments
from mdms.policy.adjustments import Undercharge, WrongBill
from mdms.policy.bill_dates import dispute_answered_by
from mdms.policy.decision import Decision, Verdict
from tests.editions import CALENDAR, CUSTOMER_RULES

RULES = CUSTOMER_RULES.adjustment
FOUND_ON = date(2026, 11, 3)
TERM_FROM = date(2023, 11, 3)

UNDERCHARGE = Undercharge(
    found_on=FOUND_ON,
    bills=(WrongBill(date(2026, 10, 20), Decimal(100)),),
    metered=True,
    established=True,
    approved=True,
)


def figure(decision: Decision, name: str) -> Decimal:
    (value,) = (each.value for each in decision.figures if each.name == name)
    return value


@pytest.mark.parametrize(
    ("changes", "verdict", "codes", "owed"),
    [
        ({}, Verdict.ALLOW, ("BACKBILL_OK",), 100),
        ({"approved": None}, Verdict.REFER, ("BACKBILL_APPROVAL",), 100),
        ({"approved": False}, Verdict.DENY, ("BACKBILL_WAIVED",), 0),
        ({"established": None}, Verdict.REFER, ("BACKBILL_CAUSE",), 100),
        ({"established": False}, Verdict.DENY, ("BACKBILL_CAUSE",), 0),
    ],
)
def test_each_condition_of_a_back_bill_has_its_code(changes, verdict, codes, owed):
    decision = adjustments.back_bill(replace(UNDERCHARGE, **changes), RULES)

    assert (decision.verdict, decision.codes) == (verdict, codes)
    assert figure(decision, "back_bill") == owed


def test_unmetered_service_has_a_term_but_no_cap():
    bills = (WrongBill(TERM_FROM, Decimal(900)), WrongBill(date(2023, 11, 2), Decimal(900)))

    decision = adjustments.back_bill(replace(UNDERCHARGE, metered=False, bills=bills), RULES)

    assert figure(decision, "back_bill") == 900


BILLS = st.lists(
    st.builds(WrongBill, st.dates(date(2021, 1, 1), FOUND_ON), st.decimals(0, 2000, places=2)),
    max_size=10,
)


@given(BILLS, st.booleans(), st.sampled_from([None, True, False]))
def test_a_back_bill_stays_within_term_and_cap(bills, metered, approved):
    undercharge = replace(UNDERCHARGE, bills=tuple(bills), metered=metered, approved=approved)

    decision = adjustments.back_bill(undercharge, RULES)

    owed = figure(decision, "back_bill")
    in_term = sum(bill.amount_usd for bill in bills if bill.issued_on >= TERM_FROM)
    assert 0 <= figure(decision, "waivable") <= owed <= in_term
    assert owed <= 500 or not metered
    assert decision.allowed == (approved is True)


@given(BILLS)
def test_a_refund_returns_all_that_the_term_reaches(bills):
    decision = adjustments.refund(bills, FOUND_ON, RULES)

    in_term = sum(bill.amount_usd for bill in bills if bill.issued_on >= TERM_FROM)
    assert figure(decision, "refund") == in_term
    assert decision.code == (
        "REFUND_OK" if in_term == sum(bill.amount_usd for bill in bills) else "REFUND_3Y"
    )


@pytest.mark.parametrize(
    ("commodity", "error", "code"),
    [
        (Commodity.ELECTRIC, "0.02", "TEST_OK"),
        (Commodity.ELECTRIC, "-0.02", "TEST_OK"),
        (Commodity.GAS, "0.0201", "TEST_FAST"),
        (Commodity.WATER, "0.015", "TEST_OK"),
        (Commodity.WATER, "0.0151", "TEST_FAST"),
        (Commodity.WATER, "-0.0151", "TEST_SLOW"),
        (Commodity.ELECTRIC, None, "TEST_DEAD"),
    ],
)
def test_only_more_than_the_limit_is_a_fault(commodity, error, code):
    share = None if error is None else Decimal(error)

    ruling = adjustments.judge_meter_test(commodity, share, FOUND_ON, date(2020, 1, 1), RULES)

    assert ruling.decision.code == code
    assert ruling.correct_from == (None if code == "TEST_OK" else TERM_FROM)


@given(st.dates(date(2015, 1, 1), FOUND_ON))
def test_bills_are_corrected_for_the_time_in_use_and_three_years_at_most(in_use_since):
    ruling = adjustments.judge_meter_test(
        Commodity.WATER, Decimal("0.1"), FOUND_ON, in_use_since, RULES
    )

    assert ruling.correct_from == max(in_use_since, months_after(FOUND_ON, -36))


@pytest.mark.parametrize("started_on", [None, date(2026, 11, 4)])
def test_theft_without_an_established_start_is_referred(started_on):
    decision = adjustments.theft(
        Decimal("6000.00"), Decimal("120.50"), started_on=started_on, discovered_on=FOUND_ON
    )

    assert (decision.verdict, decision.codes) == (Verdict.REFER, ("THEFT_START",))
    assert figure(decision, "theft") == Decimal("6120.50")


def test_a_hearing_on_theft_has_its_days():
    assert adjustments.hearing_requested_by(FOUND_ON, RULES) == date(2026, 12, 3)
    # Veterans Day, Thanksgiving and the day after it do not count.
    held_by = adjustments.hearing_held_by(date(2026, 11, 10), RULES, CALENDAR)
    assert held_by == date(2026, 11, 25)
    held_by = adjustments.hearing_held_by(date(2026, 11, 20), RULES, CALENDAR)
    assert held_by == date(2026, 12, 8)


def test_a_dispute_is_answered_within_30_days():
    assert dispute_answered_by(FOUND_ON, CUSTOMER_RULES.bill) == date(2026, 12, 3)


@pytest.mark.parametrize(
    ("billed", "error", "expected"),
    [
        pytest.param("960", "-0.04", "1000", id="case-94"),
        pytest.param("1021", "0.021", "1000", id="fast"),
        pytest.param("500", "0", "500", id="good"),
    ],
)
def test_corrected_usage_is_what_a_good_meter_would_have_shown(billed, error, expected):
    assert adjustments.corrected_usage(Decimal(billed), Decimal(error)) == Decimal(expected)
