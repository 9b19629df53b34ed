"""Which readings of a customer count, and what missing ones lead to."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.policy import self_read
from mdms.policy.decision import Verdict
from mdms.policy.self_read import Month, Reading
from tests.editions import CUSTOMER_RULES

RULES = CUSTOMER_RULES.self_read
M, A, I = Month.MISSING, Month.ACCEPTED, Month.IMPLAUSIBLE  # noqa: E741
USAGE = st.decimals(-10_000, 10_000, places=2)


@pytest.mark.parametrize(
    ("register", "normal", "verdict"),
    [
        ("1500", "500", Verdict.ALLOW),
        ("2500", "500", Verdict.ALLOW),
        ("2500.01", "500", Verdict.REFER),
        ("1000", "500", Verdict.ALLOW),
        ("999.99", "500", Verdict.REFER),
        ("1500", None, Verdict.REFER),
    ],
)
def test_a_reading_below_the_last_or_far_above_normal_is_asked_for_again(register, normal, verdict):
    reading = Reading(
        register=Decimal(register),
        previous=Decimal(1000),
        normal_usage=None if normal is None else Decimal(normal),
    )

    decision = self_read.judge_reading(reading, RULES)

    assert decision.verdict is verdict
    assert decision.code == ("CROM_OK" if verdict is Verdict.ALLOW else "CROM_CHECK")
    assert decision.figures[0].value == Decimal(register) - 1000


@pytest.mark.parametrize(
    ("months", "codes"),
    [
        ([M], ("CROM_EST",)),
        ([I], ("CROM_EST",)),
        ([M, I], ("CROM_EST",)),
        ([M, I, M], ("CROM_2MISS",)),
        ([M, M], ("CROM_2MISS",)),
        ([M, M, M], ("CROM_2MISS", "CROM_REVOKE")),
        ([M, A, M, A, M, A, M], ("CROM_REVOKE",)),
        ([M, *[A] * 8, M, A, M, A, M], ("CROM_EST",)),
    ],
)
def test_missing_months_add_up_to_what_a_person_decides(months, codes):
    if months == [M, *[A] * 8, M, A, M, A, M]:
        assert len(months) > 12, "the first one is more than a year ago"

    assert self_read.judge_missing(months, RULES).codes == codes


@given(st.lists(st.sampled_from(Month)), st.integers(0, 20))
def test_an_accepted_reading_starts_the_count_anew(before, missing):
    months = [*before, Month.ACCEPTED, *[Month.MISSING] * missing]

    assert self_read.missing_in_a_row(months) == missing


@pytest.mark.parametrize(
    ("today", "verdict", "code"),
    [
        (date(2026, 12, 9), Verdict.ALLOW, "CROM_VERIFIED"),
        (date(2026, 12, 10), Verdict.PENDING, "CROM_VERIFY_DUE"),
    ],
)
def test_the_utility_reads_the_meter_itself_every_12_months(today, verdict, code):
    decision = self_read.judge_verification(date(2025, 12, 10), today, RULES)

    assert (decision.verdict, decision.code) == (verdict, code)


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        ("1000", "CROM_VERIFIED"),
        ("1004", "CROM_VERIFIED"),
        ("1005", "CROM_TRUE_UP"),
        ("995", "CROM_TRUE_UP"),
    ],
)
def test_readings_that_differ_by_more_than_a_hundredth_are_trued_up(chain, code):
    decision = self_read.judge_verified(Decimal(1000), Decimal(chain), Decimal(600), RULES)

    assert decision.code == code
    if code == "CROM_TRUE_UP":
        assert decision.figures[0].value == 1000 - Decimal(chain)


@given(USAGE, USAGE, USAGE)
def test_more_than_ten_units_are_always_trued_up(verified, chain, last_verified):
    decision = self_read.judge_verified(verified, chain, last_verified, RULES)

    assert abs(verified - chain) <= 10 or decision.code == "CROM_TRUE_UP"
    assert decision.allowed
