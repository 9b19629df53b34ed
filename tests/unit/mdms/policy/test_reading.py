"""When a meter is read, what stands in for a read, and what an estimate rests on."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.window import SERVICE_DAYS_MAX, SERVICE_DAYS_MIN
from mdms.policy import estimate_basis, reading
from mdms.policy.decision import Verdict
from mdms.policy.estimate_basis import Basis, DailyUsage
from mdms.policy.reading import ESTIMATE_CODES, EstimateReason
from tests.editions import CUSTOMER_RULES

RULES = CUSTOMER_RULES.reading
ESTIMATE = CUSTOMER_RULES.estimate
READ_DAY = date(2026, 12, 5)


def test_bills_and_rules_call_the_same_periods_regular():
    assert (RULES.period_days_min, RULES.period_days_max) == (SERVICE_DAYS_MIN, SERVICE_DAYS_MAX)


@pytest.mark.parametrize(
    ("offsets", "taken", "code"),
    [
        ([0, -1], 0, "READ_OK"),
        ([-1, 1], -1, "READ_NEAR"),
        ([3, -4], 3, "READ_NEAR"),
        ([-3], -3, "READ_NEAR"),
    ],
)
def test_the_nearest_register_within_three_days_is_taken_the_earlier_of_two(offsets, taken, code):
    days = [READ_DAY + timedelta(days=offset) for offset in offsets]

    chosen = reading.choose_read_day(READ_DAY, days, RULES)

    assert chosen.decision.code == code
    assert chosen.read_on == READ_DAY + timedelta(days=taken)


@given(st.lists(st.dates(date(2026, 11, 20), date(2026, 12, 20))))
def test_no_register_further_off_than_three_days_is_ever_taken(days):
    chosen = reading.choose_read_day(READ_DAY, days, RULES)

    if chosen.read_on is None:
        assert all(abs((day - READ_DAY).days) > 3 for day in days)
        assert (chosen.decision.verdict, chosen.decision.code) == (Verdict.PENDING, "READ_NONE")
    else:
        assert abs((chosen.read_on - READ_DAY).days) == min(abs((d - READ_DAY).days) for d in days)


@pytest.mark.parametrize("reason", EstimateReason)
def test_each_reason_has_its_code_and_the_second_estimate_in_a_row_sends_a_person(reason):
    first = reading.judge_estimate(reason, 0, RULES)
    second = reading.judge_estimate(reason, 1, RULES)

    assert first.code == second.code == ESTIMATE_CODES[reason]
    assert bool(first.follow_ups) == (reason is EstimateReason.METER)
    assert second.follow_ups == ("field order",)


def test_nothing_is_estimated_without_a_reason():
    decision = reading.judge_estimate(None, 0, RULES)

    assert (decision.verdict, decision.codes) == (Verdict.REFER, ("EST_REASON",))


@pytest.mark.parametrize(
    ("actual", "adjustment", "spread"), [(540, -80, False), (720, 100, False), (745, 125, True)]
)
def test_what_an_estimate_missed_is_billed_and_spread_when_it_is_much(actual, adjustment, spread):
    decision = reading.true_up(Decimal(620), Decimal(actual), Decimal(600), RULES)

    assert decision.figures[0].value == adjustment
    assert bool(decision.follow_ups) == spread


def known(
    prior: str | None = None, last_year: str | None = None, prior_last_year: str | None = None
) -> DailyUsage:
    def amount(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return DailyUsage(
        prior=amount(prior),
        last_year=amount(last_year),
        prior_last_year=amount(prior_last_year),
        customer_class=Decimal(16),
        season=Decimal("1.1"),
    )


@pytest.mark.parametrize(
    ("history", "basis", "usage"),
    [
        (known("12", "20", "10"), Basis.LAST_YEAR_TREND, "720.00"),
        (known("30", "20", "10"), Basis.LAST_YEAR_TREND, "1200.00"),
        (known("4", "20", "10"), Basis.LAST_YEAR_TREND, "300.00"),
        (known("10", "20", "30"), Basis.LAST_YEAR_TREND, "300.00"),
        (known("10", "20"), Basis.LAST_YEAR_AND_PRIOR, "450.00"),
        (known("10", "20", "0"), Basis.LAST_YEAR_AND_PRIOR, "450.00"),
        (known(None, "20", "10"), Basis.LAST_YEAR, "600.00"),
        (known("10"), Basis.PRIOR, "330.00"),
        (known(), Basis.CLASS, "480.00"),
        (known("1", "20.004", "1"), Basis.LAST_YEAR_TREND, "600.00"),
    ],
)
def test_an_estimate_rests_on_the_best_history_there_is(history, basis, usage):
    found = estimate_basis.estimate(history, 30, ESTIMATE)

    assert (found.basis, found.usage) == (basis, Decimal(usage))
    assert found.needs_review == (basis is Basis.CLASS)


@pytest.mark.parametrize(
    ("last", "usage", "multiplier", "expected"),
    [(100, "50.99", 1, 150), (100, "50.99", 40, 101), (999_990, "20", 1, 10)],
)
def test_an_estimated_register_is_cut_to_whole_units_and_wraps(last, usage, multiplier, expected):
    register = estimate_basis.estimated_register(
        last, Decimal(usage), multiplier=multiplier, modulus=1_000_000
    )

    assert register == expected


DAILY = st.none() | st.decimals(0, 500, places=3)


@given(DAILY, DAILY, DAILY, st.integers(1, 62))
def test_an_estimate_stays_within_the_trend_that_is_believed(prior, last_year, earlier, days):
    history = DailyUsage(
        prior=prior, last_year=last_year, prior_last_year=earlier, customer_class=Decimal(16)
    )

    found = estimate_basis.estimate(history, days, ESTIMATE)

    assert found.usage >= 0
    if found.basis is Basis.LAST_YEAR_TREND:
        assert last_year is not None
        slack = Decimal("0.01") * (days + 1)
        assert last_year * days / 2 - slack <= found.usage <= last_year * days * 2 + slack
