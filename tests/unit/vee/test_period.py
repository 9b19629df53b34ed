"""What is checked before a window is frozen, with the acceptance cases by their numbers."""

import numpy as np
import pytest

from tests.unit.vee.build import RULES
from vee import period
from vee.kernels.clock import clock_severity
from vee.kernels.validate_registers import buckets_differ, demand_differs
from vee.marks import Severity
from vee.period import PeriodFinding, Reference

KWH = 1000


def rules_of(found: list[PeriodFinding]) -> list[tuple[int, Severity]]:
    return [(each.rule, each.severity) for each in found]


@pytest.mark.parametrize(
    ("daily", "year_before", "expected"),
    [
        pytest.param(62.0, 30.0, [(51, Severity.HOLD)], id="case-30"),
        pytest.param(4.2, 2.0, [], id="case-31"),
        pytest.param(16.0, 30.0, [], id="within the ratio"),
        pytest.param(14.0, 30.0, [(51, Severity.HOLD)], id="too little"),
    ],
)
def test_a_bill_is_compared_with_the_year_before(daily, year_before, expected):
    found = period.compare(
        30 * daily * KWH,
        30,
        year_before=Reference(30 * year_before * KWH, 30, 30),
        before=None,
        rules=RULES.electric,
        period=RULES.period,
    )

    assert rules_of(found) == expected


def test_a_year_before_with_few_valid_days_gives_way_to_the_previous_period():
    def compared(valid_days: int, *, irregular: bool = False) -> list[PeriodFinding]:
        return period.compare(
            30 * 62.0 * KWH,
            30,
            year_before=Reference(30 * 60.0 * KWH, 30, valid_days),
            before=Reference(30 * 20.0 * KWH, 30, 30),
            rules=RULES.electric,
            period=RULES.period,
            irregular=irregular,
        )

    assert compared(20) == []
    assert rules_of(compared(19)) == [(51, Severity.HOLD)]
    assert compared(19, irregular=True) == []


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(33, [], id="case-65-33"),
        pytest.param(34, [(55, Severity.WARN)], id="case-65-34"),
        pytest.param(26, [(55, Severity.WARN)], id="case-65-26"),
    ],
)
def test_a_window_of_unusual_length_is_prorated(days, expected):
    assert rules_of(period.service_days(days, RULES.period)) == expected


@pytest.mark.parametrize(
    ("offset_s", "interval_s", "expected"),
    [
        pytest.param(120, 900, None, id="case-29-120"),
        pytest.param(200, 900, Severity.WARN, id="case-29-200"),
        pytest.param(1000, 3600, Severity.HOLD, id="case-29-1000-hourly"),
        pytest.param(-1000, 900, Severity.FAIL, id="case-29-1000"),
    ],
)
def test_a_clock_that_is_off_is_warned_of_held_or_fails(offset_s, interval_s, expected):
    assert clock_severity(offset_s, interval_s=interval_s, rules=RULES.clock) is expected


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.10, {"peak": 0.05}, []),
        (0.10, {"peak": 0.11}, [(53, Severity.WARN)]),
        (0.26, {"peak": 0.9}, [(53, Severity.WARN)]),
        (0.51, {}, [(53, Severity.HOLD)]),
    ],
)
def test_much_estimated_energy_is_warned_of_and_more_is_held(share, buckets, expected):
    assert rules_of(period.estimated_share(share, buckets, RULES.period)) == expected


@pytest.mark.parametrize(("days", "bills", "expected"), [(31, 1, []), (32, 1, [54]), (10, 2, [54])])
def test_estimates_that_go_on_and_on_are_held(days, bills, expected):
    found = period.prolonged_estimate(days, bills, RULES.period)

    assert [each.rule for each in found] == expected


@pytest.mark.parametrize(
    ("demand_w", "expected"), [(2_000, []), (100, [52]), (50_000, [52]), (0, [])]
)
def test_a_load_factor_that_cannot_be_is_held(demand_w, expected):
    found = period.load_factor(480 * KWH, demand_w, 30, RULES.period)

    assert [each.rule for each in found] == expected


def test_buckets_and_factors_must_hold_together():
    assert period.buckets_add_up([102, 210, 88], 400) == []
    assert rules_of(period.buckets_add_up([101, 210, 88], 400)) == [(57, Severity.FAIL)]
    assert period.gas_factors(1.0, 1.03, RULES.period) == []
    assert rules_of(period.gas_factors(1.0, 1.3, RULES.period)) == [(58, Severity.FAIL)]
    assert rules_of(period.gas_factors(None, 1.0, RULES.period)) == [(58, Severity.FAIL)]


def test_a_register_that_moves_much_faster_than_before_is_warned_of():
    assert period.registers_apart(10.0, 10.0, RULES.electric) == []
    assert rules_of(period.registers_apart(30.0, 10.0, RULES.electric)) == [(44, Severity.WARN)]


def test_a_day_far_from_its_like_is_shown():
    usage = np.array([10.0, 11.0, 9.0, 100.0, 10.0])
    valid = np.array([True, True, True, True, False])

    beyond = period.days_beyond(usage, valid, np.zeros(5, np.int64), RULES.electric)

    assert beyond.tolist() == [False, False, False, True, False]


def test_registers_of_demand_and_of_buckets_must_fit_the_intervals():
    differs = demand_differs(
        np.array([8_000, 8_000]),
        np.array([10, 10]),
        np.array([1_990, 1_900]),
        interval_s=900,
        per_cent_max=RULES.demand.per_cent_max,
    )
    apart = buckets_differ(
        np.array([[100, 200], [100, 203]]), np.array([301, 300]), np.array([2_000, 2_000])
    )

    assert differs.tolist() == [False, True]
    assert apart.tolist() == [False, True]
