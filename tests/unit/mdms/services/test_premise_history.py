"""What bills of a premises tell of a period there that could not be read."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from mdms.billing.window import BillWindow
from mdms.domain.errors import OperatorError
from mdms.policy.estimate_basis import Basis, estimated_register
from mdms.ports.billing import BilledService
from mdms.services.premise_history import PremiseHistory, newest
from tests.editions import CUSTOMER_RULES

WINDOW = BillWindow(date(2026, 11, 3), date(2026, 12, 4))
RULES = CUSTOMER_RULES.estimate
NAME = "delivered_kwh"


def billed(start: date, daily: str, *, days: int = 31, quality: str = "ACTUAL") -> BilledService:
    """Return a bill of so much a day."""
    return BilledService(
        window_start=start,
        window_end=start + timedelta(days=days),
        usage_point_id="U1",
        period=1,
        revision=1,
        premise_id="P1",
        account_id="A1",
        commodity="electric",
        from_on=start,
        to_on=start + timedelta(days=days),
        opened_by="PERIODIC",
        closed_by="PERIODIC",
        service_days=days,
        quality=quality,
        estimated_share=Decimal(0),
        quantities={NAME: 0},
        flags=(),
        detail={"exact": {NAME: str(Decimal(daily) * days)}},
        rules={},
        parts=(),
        content_hash=f"{start}",
    )


LAST_YEAR = billed(date(2025, 11, 3), "13.00")
PRIOR = billed(date(2026, 10, 3), "15.00")
PRIOR_LAST_YEAR = billed(date(2025, 10, 3), "12.00")


def test_last_years_use_is_bent_by_this_years_trend():
    """case-60: 13.00 and 15.00 over 12.00 are 16.25 a day, 503.75 in 31 days, register 45,713."""
    history = PremiseHistory(WINDOW, [LAST_YEAR, PRIOR, PRIOR_LAST_YEAR], [])

    found = history.estimate(NAME, 31, RULES)

    assert (found.basis, found.usage) == (Basis.LAST_YEAR_TREND, Decimal("503.75"))
    assert estimated_register(45_210, found.usage, multiplier=1, modulus=10**5) == 45_713


@pytest.mark.parametrize(
    ("past", "basis", "daily"),
    [
        ([LAST_YEAR, PRIOR], Basis.LAST_YEAR_AND_PRIOR, "14.00"),
        ([PRIOR], Basis.PRIOR, "15.00"),
        ([LAST_YEAR], Basis.LAST_YEAR, "13.00"),
    ],
)
def test_a_shorter_past_tells_less(past, basis, daily):
    found = PremiseHistory(WINDOW, past, []).estimate(NAME, 31, RULES)

    assert (found.basis, found.usage) == (basis, Decimal(daily) * 31)


def test_without_a_past_others_of_the_class_tell_and_somebody_reviews():
    alike = [billed(WINDOW.start, "10.00"), billed(WINDOW.start, "20.00")]

    found = PremiseHistory(WINDOW, [], alike).estimate(NAME, 31, RULES)

    assert (found.basis, found.usage, found.needs_review) == (Basis.CLASS, Decimal("465.00"), True)


def test_without_anything_nobody_guesses():
    with pytest.raises(OperatorError, match="nothing is known"):
        PremiseHistory(WINDOW, [], []).estimate(NAME, 31, RULES)


def test_a_bill_of_another_season_stands_for_nothing():
    with pytest.raises(OperatorError, match="nothing is known"):
        PremiseHistory(WINDOW, [billed(date(2026, 6, 1), "9.00")], []).estimate(NAME, 31, RULES)


def test_estimated_bills_before_are_counted_as_long_as_they_follow_each_other():
    october = replace(PRIOR, quality="ESTIMATED")
    september = billed(date(2026, 9, 2), "1.00", quality="ESTIMATED")

    assert PremiseHistory(WINDOW, [october, september], []).estimated_running == 2
    assert PremiseHistory(WINDOW, [PRIOR, september], []).estimated_running == 0


def test_a_corrected_bill_counts_as_corrected():
    corrected = replace(PRIOR, revision=2, quality="EDITED")

    assert newest([PRIOR, LAST_YEAR, corrected]) == [corrected, LAST_YEAR]
