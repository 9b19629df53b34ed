"""Acceptance cases 68 to 78 and 95 of the VEE specification, by their numbers."""

from collections.abc import Iterable

import numpy as np
import pytest

from mdms.domain.readings import Int64
from tests.unit.vee.leaks.build import GAL, RULES, TEXT, days, home, hour_of, watch
from vee.leaks import daily, gas
from vee.leaks.journal import LeakEvent, Notice
from vee.leaks.meters import Meters
from vee.leaks.rules import LeakRules, window_h
from vee.leaks.states import Kind, Signal, State
from vee.rules_file import RuleSetError


def gallons(*flow: float) -> Int64:
    return np.rint(np.array(flow, np.float64) * GAL).astype(np.int64)


def signals(events: Iterable[LeakEvent]) -> list[tuple[int, Signal]]:
    return [(hour_of(each), each.signal) for each in events if each.signal is not None]


LEAKY_DAY = gallons(*[1.6, 9, 14, 3, 2, 2] * 2, *[1.5] * 6, *[4, 3, 2, 2, 7, 3])


@pytest.mark.parametrize("case", [pytest.param(None, id="case-68")])
def test_a_day_without_a_still_hour_is_a_possible_leak(case):
    assert LEAKY_DAY.min() >= 1.3 * GAL

    _memory, (raised,) = watch(days(LEAKY_DAY))

    assert (hour_of(raised), raised.state) == (24, State.POSSIBLE)
    assert raised.rate_gal_h == pytest.approx(1.5)
    assert raised.error_gal_h == pytest.approx(1 / 6)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-69")])
def test_one_hour_below_the_threshold_starts_the_run_anew(case):
    flow = LEAKY_DAY.copy()
    flow[19] = 0.4 * GAL

    memory, events = watch(days(flow))

    assert events == []
    assert memory["run"][0, 0] == 4


@pytest.mark.parametrize("case", [pytest.param(None, id="case-70a")])
def test_a_missing_hour_that_registers_tell_counts(case):
    flow = LEAKY_DAY.copy()
    flow[19] = 2 * GAL  # status D: the one hour between two register reads

    _memory, (raised,) = watch(days(flow))

    assert hour_of(raised) == 24


@pytest.mark.parametrize("case", [pytest.param(None, id="case-70b")])
def test_a_missing_hour_that_nothing_tells_freezes_the_run(case):
    flow = np.concatenate([LEAKY_DAY, LEAKY_DAY])
    valid = np.ones(48, np.bool_)
    valid[19] = False

    _memory, events = watch(days(flow, valid))

    assert (hour_of(events[0]), events[0].state) == (25, State.POSSIBLE)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-71")])
def test_registers_that_show_less_than_a_leak_reset_the_run(case):
    flow = np.tile(gallons(2), 24)
    valid = np.ones(24, np.bool_)
    valid[10:15] = False
    before, held = 1000, 2 * GAL
    registers = {9: before, 15: before + held + 2 * GAL}

    memory, events = watch(days(flow, valid, registers))

    assert events == []
    assert memory["run"][0, 0] == 24 - 15

    memory, _events = watch(days(flow, valid, {9: before, 15: before + 4 * GAL + 2 * GAL}))
    assert memory["run"][0, 0] == 24 - 5, "4 gallons are not less than 5 x 1 - 1"


@pytest.mark.parametrize("case", [pytest.param(None, id="case-72")])
def test_a_fast_leak_is_confirmed_after_a_day(case):
    flow = gallons(*[3.2, 5, 8] * 8)

    _memory, events = watch(days(flow))

    confirmed = events[-1]
    assert (hour_of(confirmed), confirmed.state, confirmed.severity) == (24, State.CONFIRMED, 2)
    assert confirmed.notice is Notice.CONFIRMED


@pytest.mark.parametrize("case", [pytest.param(None, id="case-73")])
def test_a_slow_leak_is_confirmed_after_two_days(case):
    _memory, events = watch(days(np.tile(gallons(1), 48)))

    assert signals(events) == [(24, Signal.RAISE), (48, Signal.CONFIRM)]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-74")])
def test_a_leak_that_comes_back_within_two_days_is_the_same(case):
    flow = np.tile(gallons(1), 72)
    flow[50] = 0

    memory, events = watch(days(flow))

    assert signals(events)[2:] == [(51, Signal.LOW), (63, Signal.AGAIN)]
    assert {each.episode for each in events} == {1}
    assert memory["state"][0] == State.CONFIRMED


@pytest.mark.parametrize("case", [pytest.param(None, id="case-75")])
def test_two_days_with_still_hours_clear_a_leak(case):
    flow = np.tile(gallons(1), 96)
    flow[[48, 49, 50, 72, 73, 74]] = 0
    flow[60:70:2] = 0  # no run of 12 hours in between
    flow[84:94:2] = 0

    memory, events = watch(days(flow))

    assert signals(events)[2:] == [(49, Signal.LOW), (96, Signal.CLEAR)]
    assert memory["state"][0] == State.CLEARED


@pytest.mark.parametrize("case", [pytest.param(None, id="case-76")])
def test_a_register_too_coarse_for_a_threshold_is_refused(case):
    coarse = TEXT.replace("resolution_gal_max = 1.0", "resolution_gal_max = 7.48052", 1)

    assert (window_h(7.48052, 1.0), window_h(7.48052, 3.0)) == (8, 3)
    with pytest.raises(RuleSetError, match=r"moves once in 8 hours, and 3 are allowed"):
        LeakRules.parse(coarse, name="leaks.toml")
    at_three = coarse.replace("gal_h = 1.0, hours", "gal_h = 3.0, hours")
    assert LeakRules.parse(at_three, name="leaks.toml").grade("single_family", 7.48)


@pytest.mark.parametrize(
    ("moving", "kind"),
    [(49, None), (60, Kind.INTERMITTENT), (96, Kind.CONTINUOUS)],
    ids=["case-77-none", "case-77-intermittent", "case-77-continuous"],
)
def test_quarter_hours_with_water_moving_tell_a_flapper(moving, kind):
    flow = np.zeros(24, np.int64)
    flow[: -(-moving // 4)] = 2 * GAL  # the quarters fill so many hours
    meters = Meters.of([home(hourly=False)], RULES)

    _memory, events = watch(days(flow, moving=moving), meters)

    assert [each.kind for each in events] == ([] if kind is None else [kind])
    assert daily.sticks(np.array([moving]), 96, 50)[0] == (kind is Kind.INTERMITTENT)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-78")])
def test_an_hour_of_250_gallons_at_a_home_is_a_burst(case):
    flow = np.zeros(24, np.int64)
    flow[14] = 250 * GAL

    _memory, events = watch(days(flow))

    burst = events[0]
    assert (hour_of(burst), burst.signal, burst.notice) == (15, Signal.BURST, Notice.BURST)
    assert (burst.severity, burst.rate_gal_h) == (5, 250)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-95")])
def test_gas_near_the_badge_capacity_asks_for_a_safety_check(case):
    meters = gas.GasMeters(np.ones(1), np.array([250.0]), np.zeros(1, np.bool_))
    flow = np.zeros(24, np.int64)
    flow[7] = 230

    (day,) = days(flow)
    _memory, (found,) = gas.advance(gas.fresh(1), day, meters, np.nan, RULES)

    assert (found.check, found.is_open, found.flow_cf_h) == (gas.Check.CAPACITY, True, 230)
    assert gas.at_capacity(np.array([224, 225]), np.full(2, 250.0), RULES.gas).tolist() == [
        False,
        True,
    ]
