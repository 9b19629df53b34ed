"""When customers are told, and when they are left alone."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.policy import alerts
from mdms.policy.alerts import FROM_INTERVALS, URGENT, Alert, Planned
from mdms.policy.decision import Verdict
from tests.editions import CALENDAR, CUSTOMER_RULES, ZONE, local

RULES = CUSTOMER_RULES.alert


def test_a_customers_own_reading_is_asked_for_before_the_cut_off_and_missed_after():
    planned = alerts.self_read_alerts(date(2026, 11, 3), RULES, CALENDAR)

    assert planned == (
        Planned(Alert.SELF_READ_DUE, local("2026-10-29 09:00")),
        Planned(Alert.SELF_READ_MISSING, local("2026-11-04 09:00")),
    )


@pytest.mark.parametrize(
    ("ready", "sent"),
    [
        ("2026-12-10 08:00", "2026-12-10 08:00"),
        ("2026-12-10 20:59:59", "2026-12-10 20:59:59"),
        ("2026-12-10 21:00", "2026-12-11 08:00"),
        ("2026-12-11 00:30", "2026-12-11 08:00"),
        ("2027-03-13 22:00", "2027-03-14 08:00"),
    ],
)
def test_what_can_wait_waits_until_the_quiet_hours_are_over(ready, sent):
    assert alerts.send_at(Alert.LEAK, local(ready), RULES, CALENDAR) == local(sent)
    assert alerts.send_at(Alert.BURST, local(ready), RULES, CALENDAR) == local(ready)


@given(st.sampled_from(Alert), st.integers(0, 400 * 24 * 60))
def test_nothing_is_sent_early_nor_in_the_quiet_hours_unless_urgent(alert, minute):
    ready = local("2026-01-01 00:00") + timedelta(minutes=minute)

    sent = alerts.send_at(alert, ready, RULES, CALENDAR)

    assert ready <= sent <= ready + timedelta(hours=12)
    assert alert in URGENT or 8 <= sent.astimezone(ZONE).hour < 21


@pytest.mark.parametrize("alert", Alert)
def test_of_a_meter_that_opted_out_nothing_is_inferred(alert):
    decision = alerts.judge(alert, opted_out=True)

    assert (decision.verdict is Verdict.DENY) == (alert in FROM_INTERVALS)
    assert alerts.judge(alert, opted_out=False).allowed
