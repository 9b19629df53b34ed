"""Credits for leaks: what is normal, what is above it, and every reason against a credit."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.policy import leak_credit
from mdms.policy.case import Case
from mdms.policy.decision import Verdict
from mdms.policy.leak_credit import LeakBill, LeakCredit, LeakRequest, Repair, last_day_to_ask
from mdms.policy.leak_excess import WaterPeriod, excess
from tests.editions import CALENDAR, CUSTOMER_RULES, local

RULES = CUSTOMER_RULES.leak_credit


def period(year: int, used: str, *, days: int = 30, shift: int = 0) -> WaterPeriod:
    start = date(year, 9, 27) + timedelta(days=shift)
    return WaterPeriod(start, start + timedelta(days=days), Decimal(used))


LEAK = period(2026, "60")
PRIOR = (period(2025, "14"), period(2024, "13"), period(2023, "15"))
GOOD = LeakRequest(
    asked_on=date(2026, 12, 10),
    bills=(LeakBill(date(2026, 11, 16), LEAK),),
    history=PRIOR,
    last_credit_on=None,
    repair=Repair.REPAIRED,
    cause_determined=True,
    lost_ccf=Decimal(40),
    tier1_rate=Decimal("7.00"),
    approved=True,
)


def credited(request: LeakRequest) -> LeakCredit:
    return leak_credit.judge(Case(request, RULES, local("2026-12-10 10:00"), CALENDAR))


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        ({}, Verdict.ALLOW, "LEAK_OK"),
        ({"asked_on": date(2027, 1, 16)}, Verdict.DENY, "LEAK_LATE"),
        ({"last_credit_on": date(2023, 12, 11)}, Verdict.DENY, "LEAK_36M"),
        ({"last_credit_on": date(2023, 12, 10)}, Verdict.ALLOW, "LEAK_OK"),
        ({"history": (period(2025, "60"),)}, Verdict.DENY, "LEAK_NOT_HIGH"),
        ({"history": ()}, Verdict.REFER, "LEAK_NO_HISTORY"),
        ({"repair": Repair.NOT_REPAIRED}, Verdict.DENY, "LEAK_NOT_REPAIRED"),
        ({"repair": None}, Verdict.REFER, "LEAK_NOT_REPAIRED"),
        ({"cause_determined": False}, Verdict.DENY, "LEAK_UNDETERMINED"),
        ({"cause_determined": None}, Verdict.REFER, "LEAK_UNDETERMINED"),
        ({"lost_ccf": Decimal("22.99")}, Verdict.REFER, "LEAK_UNDETERMINED"),
        ({"lost_ccf": Decimal("23.00")}, Verdict.ALLOW, "LEAK_OK"),
        ({"approved": None}, Verdict.REFER, "LEAK_APPROVAL"),
        ({"approved": False}, Verdict.DENY, "LEAK_REFUSED"),
    ],
)
def test_each_condition_has_its_code(changes, verdict, code):
    outcome = credited(replace(GOOD, **changes))

    assert (outcome.decision.verdict, outcome.decision.codes) == (verdict, (code,))
    assert (outcome.credit_usd == 0) == (verdict is Verdict.DENY or code == "LEAK_NO_HISTORY")


def test_the_evidence_says_what_the_credit_rests_on():
    outcome = credited(GOOD)

    assert outcome.normal_ccf == Decimal("14.00")
    assert outcome.above_ccf == Decimal("46.00")
    assert outcome.credited_ccf == Decimal("23.00")
    assert outcome.wastewater_ccf == Decimal("37.00")
    assert outcome.credit_usd == Decimal("161.00")
    assert outcome.flags == ()


def test_whoever_approves_is_told_what_is_weak():
    irregular = replace(PRIOR[0], irregular=True)
    late = LeakBill(date(2026, 9, 1), period(2026, "90", shift=-30))
    weak = replace(
        GOOD, bills=(late, *GOOD.bills), history=(irregular,), lost_ccf=Decimal(1), approved=None
    )

    assert credited(weak).flags == (
        "late_bills",
        "short_history",
        "irregular_history",
        "leak_explains_less_than_half",
    )


def test_a_bill_that_is_asked_for_too_late_does_not_count():
    late = LeakBill(date(2026, 9, 1), period(2026, "90", shift=-30))

    assert credited(replace(GOOD, bills=(late, *GOOD.bills))).above_ccf == Decimal(46)


def test_several_bills_are_one_application_with_one_cap():
    second = LeakBill(date(2026, 12, 16), period(2026, "900", shift=30))
    history = (*PRIOR, *(period(year, "14", shift=30) for year in (2023, 2024, 2025)))

    both = credited(replace(GOOD, bills=(*GOOD.bills, second), history=history, lost_ccf=None))

    assert both.above_ccf == Decimal(46 + 886)
    assert both.credit_usd == Decimal(2500)
    assert both.decision.code == "LEAK_CAP"


def test_a_bill_below_normal_is_not_set_off_against_the_leak():
    low = LeakBill(date(2026, 12, 16), period(2026, "4", shift=30))
    history = (*PRIOR, *(period(year, "14", shift=30) for year in (2023, 2024, 2025)))

    assert credited(replace(GOOD, bills=(*GOOD.bills, low), history=history)).above_ccf == 46


@pytest.mark.parametrize(("shift", "years"), [(20, 3), (21, 0), (-20, 3), (-21, 0)])
def test_a_prior_period_counts_when_its_middle_lies_within_20_days(shift, years):
    history = [
        WaterPeriod(
            LEAK.start_on - timedelta(days=365 * years - shift),
            LEAK.end_on - timedelta(days=365 * years - shift),
            Decimal(14),
        )
        for years in (1, 2, 3)
    ]
    found = excess(LEAK, history, normal_multiple=Decimal(1), midpoint_days=20)

    assert found.years == years


def test_normal_is_the_average_per_day_not_per_period():
    history = [period(2025, "31", days=31), period(2024, "58", days=29)]

    found = excess(LEAK, history, normal_multiple=Decimal(1), midpoint_days=20)

    assert found.normal == Fraction(30) * (1 + 2) / 2
    assert found.years == 2


def test_another_multiple_of_normal_needs_only_another_edition():
    doubled = replace(RULES, normal_multiple=Decimal(2))

    outcome = leak_credit.judge(Case(GOOD, doubled, local("2026-12-10 10:00"), CALENDAR))

    assert outcome.above_ccf == Decimal(60 - 28)


def test_a_request_is_in_time_on_the_60th_day():
    assert last_day_to_ask(date(2026, 11, 16), RULES) == date(2027, 1, 15)


VOLUMES = st.decimals(0, 5000, places=2)


@given(
    st.lists(st.tuples(VOLUMES, st.integers(20, 40)), min_size=1, max_size=3),
    st.lists(st.tuples(VOLUMES, st.integers(25, 35), st.integers(-40, 40)), max_size=8),
    st.decimals(0, 50, places=2),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, *Repair]),
)
def test_a_credit_is_never_negative_nor_above_the_cap_nor_above_half_the_excess(
    bills, prior, rate, approved, repair
):
    request = replace(
        GOOD,
        bills=tuple(
            LeakBill(date(2026, 11, 16), period(2026, str(used), days=days, shift=-40 * number))
            for number, (used, days) in enumerate(bills)
        ),
        history=tuple(
            period(2025 - number % 3, str(used), days=days, shift=shift)
            for number, (used, days, shift) in enumerate(prior)
        ),
        lost_ccf=None,
        tier1_rate=rate,
        approved=approved,
        repair=repair,
    )

    outcome = credited(request)

    assert Decimal(0) <= outcome.credit_usd <= Decimal(2500)
    assert outcome.credit_usd <= outcome.above_ccf * rate / 2 + Decimal("0.01") * (1 + rate)
    assert outcome.decision.verdict is not Verdict.DENY or outcome.credit_usd == 0
    assert outcome.wastewater_ccf >= 0
