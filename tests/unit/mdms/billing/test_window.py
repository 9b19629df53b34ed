"""A bill window runs from read date to read date and counts civil days."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from mdms.billing.window import BillWindow

PACIFIC = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("start", "end", "days", "regular"),
    [
        pytest.param("2026-01-05", "2026-02-07", 33, True, id="vee case 65, 33 days"),
        pytest.param("2026-01-05", "2026-02-08", 34, False, id="vee case 65, 34 days"),
        pytest.param("2026-01-05", "2026-01-31", 26, False, id="vee case 65, 26 days"),
        pytest.param("2026-11-02", "2026-12-05", 33, True, id="policy E01"),
        pytest.param("2026-11-02", "2026-12-06", 34, False, id="policy E02"),
        pytest.param("2026-11-02", "2026-11-28", 26, False, id="policy E03"),
    ],
)
def test_a_window_of_27_to_33_days_is_regular(start, end, days, regular):
    window = BillWindow(date.fromisoformat(start), date.fromisoformat(end))

    assert (window.service_days, window.is_regular) == (days, regular)


@pytest.mark.parametrize(
    ("start", "end", "intervals"),
    [
        pytest.param("2026-11-01", "2026-11-02", 100, id="policy E04, 25 hours"),
        pytest.param("2027-03-14", "2027-03-15", 92, id="policy E05, 23 hours"),
    ],
)
def test_a_day_of_any_length_counts_as_one(start, end, intervals):
    window = BillWindow(date.fromisoformat(start), date.fromisoformat(end))
    period = window.period(PACIFIC)

    assert window.service_days == 1
    assert (period.end_s - period.start_s) // 900 == intervals


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="must end after it starts"):
        BillWindow(date(2026, 12, 3), date(2026, 11, 3))
