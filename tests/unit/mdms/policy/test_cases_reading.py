"""The cases E01 to E25 of policy.md 4: reading, estimating, units, corrections, leak credits."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from mdms.billing.units import whole_units
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.registry import Commodity
from mdms.policy import adjustments, bill_dates, leak_credit, reading
from mdms.policy.adjustments import Undercharge, WrongBill
from mdms.policy.case import Case
from mdms.policy.decision import Decision, Verdict
from mdms.policy.leak_credit import LeakBill, LeakCredit, LeakRequest, Repair
from mdms.policy.leak_excess import WaterPeriod
from mdms.policy.reading import EstimateReason
from tests.editions import CALENDAR, CUSTOMER_RULES, ZONE, local

READING = CUSTOMER_RULES.reading
ADJUSTMENT = CUSTOMER_RULES.adjustment
LEAK = CUSTOMER_RULES.leak_credit
FOUND_ON = date(2026, 11, 3)


def figures(decision: Decision) -> dict[str, Decimal]:
    return {figure.name: figure.value for figure in decision.figures}


PERIODS = {
    "E01": (date(2026, 11, 2), date(2026, 12, 5), 33, "READ_OK"),
    "E02": (date(2026, 11, 2), date(2026, 12, 6), 34, "READ_WINDOW"),
    "E03": (date(2026, 11, 2), date(2026, 11, 28), 26, "READ_WINDOW"),
}


@pytest.mark.parametrize(("start", "end", "days", "code"), PERIODS.values(), ids=PERIODS)
def test_a_period_outside_of_27_to_33_days_is_flagged_and_prorated(start, end, days, code):
    decision = reading.judge_period(start, end, READING)

    assert (decision.verdict, decision.code) == (Verdict.ALLOW, code)
    assert figures(decision) == {"service_days": Decimal(days)}
    prorated = ("prorate by days", "flag the period")
    assert decision.follow_ups == (prorated if code == "READ_WINDOW" else ())


CLOCK_CHANGES = {
    "E04": (date(2026, 11, 1), 100),
    "E05": (date(2027, 3, 14), 92),
}


@pytest.mark.parametrize(("day", "interval_count"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES)
def test_a_day_of_25_or_23_hours_counts_as_one(day, interval_count):
    window = BillWindow(date(day.year, day.month, 1), date(day.year, day.month, 30))
    that_day = BillWindow(day, date.fromordinal(day.toordinal() + 1)).period(ZONE)

    decision = reading.judge_period(window.start, window.end, READING)

    assert decision.code == "READ_OK"
    assert figures(decision) == {"service_days": Decimal(29)}
    assert window.service_days == 29
    assert (that_day.end_s - that_day.start_s) // 900 == interval_count


def test_e06_a_register_two_days_earlier_stands_for_the_read_day():
    chosen = reading.choose_read_day(
        date(2026, 12, 5), [date(2026, 11, 2), date(2026, 12, 3), date(2026, 12, 8)], READING
    )

    assert (chosen.decision.verdict, chosen.decision.code) == (Verdict.ALLOW, "READ_NEAR")
    assert chosen.read_on == date(2026, 12, 3)
    assert chosen.decision.follow_ups == ("prorate to 2026-12-03",)


def test_e07_without_a_register_for_ten_days_the_period_is_estimated_and_a_person_sent():
    chosen = reading.choose_read_day(date(2026, 12, 5), [date(2026, 11, 25)], READING)
    decision = reading.judge_estimate(EstimateReason.METER, 0, READING)

    assert chosen.read_on is None
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, "EST_METER")
    assert decision.follow_ups == ("field order",)


def test_e08_an_estimate_that_was_too_high_is_credited_on_the_next_bill():
    decision = reading.true_up(Decimal(620), Decimal(540), Decimal(600), READING)

    assert (decision.verdict, decision.code) == (Verdict.ALLOW, "EST_TRUEUP")
    assert figures(decision) == {"adjustment": Decimal(-80)}
    assert decision.follow_ups == ()


UNITS = {
    "E09": (reading_type(Commodity.ELECTRIC, 0, 900), 12_981_490 - 12_345_500, 636),
    "E10": (reading_type(Commodity.WATER, 0, 3600), 108_392, 14),
}


@pytest.mark.parametrize(("kind", "quanta", "expected"), UNITS.values(), ids=UNITS)
def test_a_period_is_rounded_once_to_whole_billing_units(kind, quanta, expected):
    assert whole_units(quanta, kind) == expected


def test_e11_a_meter_at_the_limit_is_good():
    ruling = adjustments.judge_meter_test(
        Commodity.ELECTRIC, Decimal("0.020"), FOUND_ON, date(2021, 11, 3), ADJUSTMENT
    )

    assert (ruling.decision.verdict, ruling.decision.code) == (Verdict.ALLOW, "TEST_OK")
    assert ruling.correct_from is None


FAST = {
    "E12": (Commodity.ELECTRIC, "0.021", date(2021, 11, 3), date(2023, 11, 3)),
    "E13": (Commodity.WATER, "0.016", date(2025, 9, 3), date(2025, 9, 3)),
}


@pytest.mark.parametrize(("commodity", "error", "since", "correct_from"), FAST.values(), ids=FAST)
def test_a_fast_meter_is_corrected_for_its_use_or_three_years(
    commodity, error, since, correct_from
):
    ruling = adjustments.judge_meter_test(commodity, Decimal(error), FOUND_ON, since, ADJUSTMENT)

    assert (ruling.decision.verdict, ruling.decision.code) == (Verdict.ALLOW, "TEST_FAST")
    assert ruling.correct_from == correct_from
    assert "waive late charges" in ruling.decision.follow_ups


def undercharged(*amounts: str, approved: bool | None = None) -> Undercharge:
    """One bill a year, the last one issued in the month before it was found."""
    bills = tuple(
        WrongBill(date(2026 - years, 10, 20), Decimal(amount))
        for years, amount in enumerate(amounts)
    )
    return Undercharge(
        found_on=FOUND_ON, bills=bills, metered=True, established=True, approved=approved
    )


def test_e14_a_slow_meter_is_billed_at_most_500_dollars_and_with_approval():
    ruling = adjustments.judge_meter_test(
        Commodity.GAS, Decimal("-0.025"), FOUND_ON, date(2024, 1, 1), ADJUSTMENT
    )
    asked = adjustments.back_bill(undercharged("400", "340"), ADJUSTMENT)
    approved = adjustments.back_bill(undercharged("400", "340", approved=True), ADJUSTMENT)

    assert (ruling.decision.verdict, ruling.decision.code) == (Verdict.REFER, "TEST_SLOW")
    assert asked.verdict is Verdict.REFER
    assert "BACKBILL_CAP" in asked.codes
    assert figures(asked)["back_bill"] == Decimal(500)
    assert approved.allowed
    assert figures(approved) == {"back_bill": Decimal(500), "waivable": Decimal(500)}


def test_e15_an_undercharge_of_four_years_is_billed_for_three():
    decision = adjustments.back_bill(undercharged("130", "130", "130", "130"), ADJUSTMENT)

    assert decision.verdict is Verdict.REFER
    assert "BACKBILL_3Y" in decision.codes
    assert "BACKBILL_CAP" not in decision.codes
    assert figures(decision)["back_bill"] == Decimal(390)


def test_e16_an_overcharge_of_four_years_is_returned_for_three_without_a_cap():
    bills = undercharged("900", "900", "900", "900").bills

    decision = adjustments.refund(bills, FOUND_ON, ADJUSTMENT)

    assert (decision.verdict, decision.code) == (Verdict.ALLOW, "REFUND_3Y")
    assert figures(decision) == {"refund": Decimal(2700)}


def test_e17_stolen_service_is_billed_in_full_and_due_at_once():
    decision = adjustments.theft(
        Decimal(6000), Decimal(0), started_on=date(2021, 11, 3), discovered_on=FOUND_ON
    )

    assert (decision.verdict, decision.code) == (Verdict.ALLOW, "THEFT")
    assert figures(decision) == {"theft": Decimal(6000)}
    assert decision.follow_ups == ("due at once",)


def a_leak(used: int, normal: int) -> LeakRequest:
    """A period of 30 days, the same one in three prior years, everything in order."""
    leak = WaterPeriod(date(2026, 9, 27), date(2026, 10, 27), Decimal(used))
    prior = tuple(
        WaterPeriod(date(year, 9, 27), date(year, 10, 27), Decimal(normal))
        for year in (2023, 2024, 2025)
    )
    return LeakRequest(
        asked_on=date(2026, 12, 10),
        bills=(LeakBill(date(2026, 11, 16), leak),),
        history=prior,
        last_credit_on=None,
        repair=Repair.REPAIRED,
        cause_determined=True,
        lost_ccf=None,
        tier1_rate=Decimal("7.00"),
        approved=True,
    )


E18 = a_leak(used=60, normal=14)


def credited(request: LeakRequest) -> LeakCredit:
    return leak_credit.judge(Case(request, LEAK, local("2026-12-10T10:00"), CALENDAR))


CREDITS = {
    "E18": (E18, "LEAK_OK", "161.00"),
    "E19": (a_leak(used=1020, normal=20), "LEAK_CAP", "2500.00"),
    "E20": (replace(E18, asked_on=date(2027, 1, 15)), "LEAK_OK", "161.00"),
}


@pytest.mark.parametrize(("request_", "code", "credit"), CREDITS.values(), ids=CREDITS)
def test_half_of_the_use_above_normal_is_credited_up_to_the_cap(request_, code, credit):
    outcome = credited(request_)

    assert (outcome.decision.verdict, outcome.decision.codes) == (Verdict.ALLOW, (code,))
    assert outcome.credit_usd == Decimal(credit)
    assert outcome.flags == ()


DENIED = {
    "E21": (replace(E18, asked_on=date(2027, 1, 16)), "LEAK_LATE"),
    "E22": (replace(E18, repair=Repair.SHUT_OFF), "LEAK_NOT_REPAIRED"),
    "E23": (replace(E18, last_credit_on=date(2024, 6, 10)), "LEAK_36M"),
}


@pytest.mark.parametrize(("request_", "code"), DENIED.values(), ids=DENIED)
def test_a_leak_that_fails_a_condition_is_not_credited(request_, code):
    outcome = credited(request_)

    assert outcome.decision.verdict is Verdict.DENY
    assert code in outcome.decision.codes
    assert outcome.credit_usd == 0


def test_e24_a_customer_is_told_of_a_reading_error_within_30_days():
    decision = bill_dates.error_notice(FOUND_ON, CUSTOMER_RULES.bill, CALENDAR)

    assert decision.code == "ERR_NOTICE"
    assert decision.follow_ups == ("tell the customer by 2026-12-03",)
    assert decision.deadline == local("2026-12-04T00:00")


def test_e25_the_late_charge_posts_on_the_day_after_the_25th():
    def judged(at: str) -> Decision:
        return bill_dates.late_charge(date(2026, 10, 20), local(at), CUSTOMER_RULES.bill, CALENDAR)

    assert bill_dates.due_on(date(2026, 10, 20), CUSTOMER_RULES.bill) == date(2026, 11, 9)
    early, late = judged("2026-11-14T23:59:59"), judged("2026-11-15T00:00")

    assert (early.verdict, early.code) == (Verdict.DENY, "LATE_FEE")
    assert early.next_possible_at == local("2026-11-15T00:00")
    assert (late.verdict, late.code) == (Verdict.ALLOW, "LATE_FEE")
