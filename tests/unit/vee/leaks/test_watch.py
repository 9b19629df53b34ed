"""What holds for every meter and every cut of time, and the guards."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdms.domain.readings import Int64
from tests.unit.vee.leaks.build import GAL, RULES, START_S, days, home, hour_of, watch
from vee.leaks import continuous, daily, gas
from vee.leaks.day import HOUR_S, LeakDay
from vee.leaks.journal import Notice
from vee.leaks.memory import ROW, Memory, fresh
from vee.leaks.meters import DAY_S, Meters, Registered, is_looked_at
from vee.leaks.states import TRANSITIONS, Kind, Signal, State, after
from vee.leaks.thresholds import call_normal

PLACES = ("single_family", "multi_unit", "commercial", "industrial", "irrigation")


def city(
    seed: int, count: int = 10, length_days: int = 9
) -> tuple[list[Registered], list[LeakDay]]:
    """Homes with still nights and leaks, gaps, registers now and then, and bursts."""
    rng = np.random.default_rng(seed)
    hours = 24 * length_days
    value = rng.poisson(rng.choice([2.0, 15.0, 40.0], (count, 1)), (count, hours))
    value *= rng.random((count, hours)) > rng.choice([0.0, 0.02, 0.4], (count, 1))
    value += rng.choice([0, 0, 35, 150], (count, 1)) * (np.arange(hours) > rng.integers(hours))
    value[rng.random((count, hours)) < 0.001] += 3000
    register = np.cumsum(value, axis=1) % 50_000
    valid = rng.random((count, hours)) > rng.choice([0.0, 0.05], (count, 1))
    valid[: count // 4, 100:110] = False
    read = dict.fromkeys(range(0, hours, 7))
    registers = {hour: register[:, hour] for hour in read}
    known = [
        home(place=PLACES[row % 5], resolution=(1, GAL, 75)[row % 3], modulus=50_000)
        for row in range(count)
    ]
    return known, list(days(value, valid, registers))


@pytest.mark.parametrize("seed", range(3))
def test_a_meter_fares_the_same_alone_and_among_others(seed):
    known, given_days = city(seed)
    memory, events = watch(given_days, Meters.of(known, RULES))

    for row in range(len(known)):
        rows = slice(row, row + 1)
        own = [
            replace(
                day,
                value=day.value[rows],
                valid=day.valid[rows],
                register=day.register[rows],
                moving=day.moving[rows],
            )
            for day in given_days
        ]
        alone, said = watch(own, Meters.of(known[rows], RULES))
        assert alone.tobytes() == memory[rows].tobytes()
        assert [replace(each, row=row) for each in said] == [e for e in events if e.row == row]


@given(seed=st.integers(0, 2**32), cut=st.integers(0, 9))
@settings(max_examples=8)
def test_every_night_a_day_ends_like_the_whole_past_at_once(seed, cut):
    known, given_days = city(seed, count=8)
    meters = Meters.of(known, RULES)
    whole, all_events = watch(given_days, meters)

    stored, events = watch(given_days[:cut], meters, memory=fresh(len(meters)))
    read = np.frombuffer(b"".join(row.tobytes() for row in stored), ROW)
    later, more = watch(given_days[cut:], meters, memory=read)

    assert later.tobytes() == whole.tobytes()
    assert events + more == all_events


def test_what_is_given_is_left_as_it_is():
    (day, *_) = days(np.full(24, 50))
    memory = fresh(1)

    watch([day], memory=memory)

    assert memory.tobytes() == fresh(1).tobytes()


def test_a_day_is_looked_at_once():
    (day,) = days(np.full(24, 50))
    memory, _ = watch([day])

    with pytest.raises(AssertionError, match="once"):
        watch([day], memory=memory)


@given(st.lists(st.sampled_from(Signal), max_size=30))
def test_states_leave_the_table_never(signals):
    state = np.array([State.NONE], np.uint8)
    for signal in signals:
        expected = TRANSITIONS.get((State(state[0]), signal), State(state[0]))
        state = after(state, signal)
        assert state[0] == expected


def test_values_that_are_missing_for_long_raise_and_clear_nothing():
    flow = np.full(24 * 5, 10)
    valid = np.ones(24 * 5, np.bool_)
    valid[60:70] = False

    memory, events = watch(days(flow, valid))

    assert [(hour_of(each), each.state) for each in events[2:4]] == [
        (67, State.UNKNOWN),
        (71, State.CONFIRMED),
    ]
    assert memory["state"][0] == State.CONFIRMED


def test_estimates_neither_set_nor_clear():
    flow = np.full(24 * 3, 10)
    valid = np.ones(24 * 3, np.bool_)
    flow[50:53], valid[50:53] = 0, False

    memory, _ = watch(days(flow, valid))
    assert memory["state"][0] == State.CONFIRMED

    nothing, events = watch(days(np.full(48, 10), np.zeros(48, np.bool_)))
    assert events == []
    assert nothing["state"][0] == State.UNKNOWN


def test_notices_go_out_on_days_3_and_7_and_weekly_and_when_the_rate_doubles():
    flow = np.full(24 * 26, 40)

    _, events = watch(days(flow))
    told = [(hour_of(each) // 24, each.notice) for each in events if each.notice]
    assert told == [
        (1, Notice.CONFIRMED),
        *((day, Notice.STILL) for day in (4, 8, 15, 22)),
    ]

    flow[24 * 5 :] = 100
    _, events = watch(days(flow))
    assert [hour_of(e) // 24 for e in events if e.notice is Notice.RATE] == [6]


def test_lost_water_is_the_rate_times_the_hours_since_the_onset():
    flow = np.zeros(24 * 3, np.int64)
    flow[10:] = 60

    _, events = watch(days(flow))

    confirmed = events[-1]
    assert (hour_of(confirmed), confirmed.began_s) == (34, START_S + 10 * 3600)
    assert confirmed.lost_gal == pytest.approx(24 * 6)


def test_ordinary_use_before_a_leak_does_not_lower_its_rate():
    flow = np.zeros(24 * 3, np.int64)
    flow[18:21] = 45, 40, 70  # somebody washes up; 10 gal/h begin to leak within the third hour
    flow[21:] = np.where(np.arange(24 * 3 - 21) % 8 < 4, 100, 160)

    _, events = watch(days(flow))

    confirmed = next(each for each in events if each.notice is Notice.CONFIRMED)
    assert hour_of(confirmed) == 42
    assert confirmed.rate_gal_h == pytest.approx(10, abs=1 / 6)


def test_nothing_is_raised_in_the_week_after_an_installation_and_while_a_pool_is_filled():
    meters = Meters.of([home(installed_s=START_S)], RULES)
    flow = np.full(24 * 9, 3000)

    _, events = watch(days(flow), meters)
    assert events[0].kind is Kind.CONTINUOUS, "in that week it was learnt to be usual in bursts"
    assert hour_of(events[0]) == 24 * 8

    memory = fresh(1)
    memory["pool_until_s"] = START_S + 72 * 3600
    _, events = watch(days(flow), memory=memory)
    assert hour_of(events[0]) == 72 + 24


def test_irrigation_at_its_usual_hour_is_no_burst():
    flow = np.zeros(24 * 7 * 6, np.int64)
    flow[5 :: 24 * 7] = 2500

    _, events = watch(days(flow))

    bursts = [hour_of(each) // 168 for each in events if each.signal is Signal.BURST]
    assert bursts == [0, 1], "from the third week on it is a habit"


def test_four_hours_of_60_gallons_burst_only_when_they_start_at_night():
    at_noon = np.zeros(24, np.int64)
    at_noon[12:16] = 650
    at_night = np.roll(at_noon, -9)

    assert watch(days(at_noon))[1] == []
    assert watch(days(at_night))[1][0].kind is Kind.BURST


def test_what_is_normal_for_a_customer_raises_nothing_below_one_and_a_half_times():
    memory, _ = watch(days(np.full(48, 20)))
    memory["state"] = after(memory["state"], Signal.ACK)
    memory["ack_theta"], memory["ack_until_s"] = 30, START_S + 30 * DAY_S

    same, events = watch(days(np.full(96, 20), start_s=START_S + 2 * DAY_S), memory=memory)
    assert events == []
    assert same["state"][0] == State.ACK_NORMAL

    _, events = watch(days(np.full(96, 31), start_s=START_S + 2 * DAY_S), memory=memory)
    assert events[0].state is State.POSSIBLE

    later, _ = watch(days(np.full(24, 0), start_s=START_S + 40 * DAY_S), memory=memory)
    assert later["state"][0] != State.ACK_NORMAL


def acknowledged(memory: Memory) -> Memory:
    """Return what is carried once somebody said that what was found is normal."""
    told, now_s = memory.copy(), int(memory["through_s"][0])
    told["state"] = after(told["state"], Signal.ACK)
    call_normal(told, now_s, now_s + 180 * DAY_S, RULES)
    continuous.forget(told, np.ones(len(told), np.bool_))
    return told


def coarse(gal_h: float, count: int) -> Int64:
    """Days of a steady flow through a register that moves by 75 gallons."""
    passed = np.cumsum(np.full(24 * count, gal_h * 10))
    return np.diff(np.floor(passed / 750) * 750, prepend=0).astype(np.int64)


def test_nights_that_a_customer_calls_normal_raise_nothing_more():
    meters = Meters.of([home(resolution=750)], RULES)  # 10 CF
    before, events = watch(days(coarse(20, 14)), meters)
    assert [each.signal for each in events] == [Signal.RAISE]
    assert events[0].rate_gal_h == pytest.approx(20, abs=75 / 16)
    told, later_s = acknowledged(before), START_S + 14 * DAY_S

    _, same = watch(days(coarse(20, 14), start_s=later_s), meters, memory=told)
    _, more = watch(days(coarse(40, 14), start_s=later_s), meters, memory=told)

    assert same == []
    assert [each.signal for each in more][:1] == [Signal.RAISE]


@pytest.mark.parametrize(("flow", "raised"), [(29, False), (30, True)])
def test_what_a_home_declared_as_normal_is_no_leak_and_one_more_gallon_is(flow, raised):
    told = fresh(1)
    told["declared"] = 20

    memory, events = watch(days(np.full(48, flow)), memory=told)

    assert [each.state for each in events] == [State.POSSIBLE, State.CONFIRMED] * raised
    assert memory["rate"][0] == pytest.approx(10 * raised, abs=0.5)


@pytest.mark.parametrize(
    "wall_h", [[0, 1, *range(3, 24)], [0, 1, 1, *range(2, 24)]], ids=["spring", "autumn"]
)
def test_a_night_on_which_clocks_change_is_as_long_as_any_other(wall_h):
    clock = np.array(wall_h)
    start_s = START_S + HOUR_S * np.arange(len(clock))
    flow, valid = np.full((1, len(clock)), 10), np.ones((1, len(clock)), np.bool_)
    day = LeakDay.hourly(start_s, clock, 6, flow, valid)
    memory = fresh(1)

    daily.night(memory, day, Meters.of([home()], RULES), np.array([np.inf]), RULES.night)

    assert memory["nights"][0, -1] == 4 * 10


def test_a_flapper_that_a_customer_calls_normal_raises_nothing_more():
    meters = Meters.of([home(hourly=False)], RULES)
    flow = np.tile([20] * 15 + [0] * 9, 1)
    before, events = watch(days(flow, moving=60), meters)
    assert [each.kind for each in events] == [Kind.INTERMITTENT]

    later_s = START_S + DAY_S
    _, same = watch(days(flow, moving=60, start_s=later_s), meters, memory=acknowledged(before))

    assert same == []


def test_a_filled_tub_that_a_customer_calls_normal_hides_no_leak():
    tub = np.zeros(24, np.int64)
    tub[14] = 2_500
    before, events = watch(days(tub))
    assert {each.kind for each in events} == {Kind.BURST}

    _, leak = watch(days(np.full(48, 40), start_s=START_S + DAY_S), memory=acknowledged(before))

    assert Signal.CONFIRM in [each.signal for each in leak]


def test_what_is_called_normal_above_what_was_normal_before_raises_nothing_more():
    before, _ = watch(days(np.full(48, 30)))
    told = acknowledged(before)
    rising, events = watch(days(np.full(48, 50), start_s=START_S + 2 * DAY_S), memory=told)
    assert [each.signal for each in events] == [Signal.RAISE, Signal.CONFIRM]
    assert events[-1].rate_gal_h == pytest.approx(2, abs=0.1)

    _, same = watch(days(np.full(96, 50), start_s=START_S + 4 * DAY_S), memory=acknowledged(rising))

    assert same == []


def test_what_is_normal_for_a_customer_runs_beside_what_is_usual_there():
    meters = Meters.of([home(place="multi_unit")], RULES)
    usual, _ = watch(days(np.full(24 * 30, 300)), meters)
    start_s = START_S + 30 * DAY_S
    more, events = watch(days(np.full(96, 400), start_s=start_s), meters, memory=usual)
    assert events[-1].rate_gal_h == pytest.approx(10, abs=0.1)

    _, same = watch(
        days(np.full(96, 400), start_s=start_s + 4 * DAY_S), meters, memory=acknowledged(more)
    )

    assert same == []


def test_coarse_registers_are_judged_by_their_nights():
    meters = Meters.of([home(resolution=750)], RULES)  # 10 CF
    rng = np.random.default_rng(1)
    leak = np.cumsum(np.full(24 * 40, 200.0)) + rng.random() * 750
    flow = np.diff(np.floor(leak / 750) * 750, prepend=0).astype(np.int64)

    _, events = watch(days(flow), meters)

    assert (events[0].kind, events[0].state) == (Kind.NIGHT, State.POSSIBLE)
    assert all(each.state in (State.POSSIBLE, State.NONE) for each in events)


def test_who_never_had_a_still_hour_is_held_to_what_is_usual_there():
    flow = np.full(24 * 90, 8)  # below a leak, and never still
    flow[24 * 75 :] = 8 + 60

    memory, events = watch(days(flow))

    assert memory["steady"][0] == 1
    confirmed = [each for each in events if each.signal is Signal.CONFIRM]
    assert [hour_of(each) // 24 for each in confirmed] == [77]
    assert confirmed[0].rate_gal_h == pytest.approx(6, abs=0.1)


def test_fire_lines_are_not_looked_at():
    assert not is_looked_at(frozenset({"fire_line", "shaded"}), RULES)
    assert is_looked_at(frozenset({"shaded"}), RULES)


def gas_days(
    flow: Int64, outdoor_f: float = 65.0, *, idle: bool = False
) -> list[tuple[int, gas.Check, bool]]:
    meters = gas.GasMeters(np.ones(1), np.array([250.0]), np.array([idle]))
    memory, events = gas.fresh(1), []
    for day in days(flow):
        memory, more = gas.advance(memory, day, meters, outdoor_f, RULES)
        events += [((each.at_s - START_S) // DAY_S, each.check, each.is_open) for each in more]
    return events


def test_gas_used_where_nobody_may_asks_for_a_visit_until_it_stops():
    flow = np.zeros(72, np.int64)
    flow[30] = 2

    assert gas_days(flow, idle=True) == [(2, gas.Check.IDLE, True), (3, gas.Check.IDLE, False)]
    assert gas_days(flow) == []
    assert gas_days(np.minimum(flow, 1), idle=True) == []


def test_a_case_of_gas_keeps_the_flow_that_opened_it():
    flow = np.full(48, 60)
    flow[7] = 230
    meters = gas.GasMeters(np.ones(1), np.array([250.0]), np.zeros(1, np.bool_))
    memory, told = gas.fresh(1), []
    for day in days(flow):
        memory, events = gas.advance(memory, day, meters, np.nan, RULES)
        told += [(each.is_open, each.flow_cf_h) for each in events]

    assert told == [(True, 230), (False, 230)]


def test_warm_nights_with_more_gas_than_before_are_reported():
    flow = np.full(24 * 80, 1)
    flow[24 * 60 :] = 4

    warm = gas_days(flow)
    assert [(check, is_open) for _, check, is_open in warm] == [(gas.Check.NIGHT, True)]
    assert gas_days(flow, 50.0) == []
    assert gas_days(flow, np.nan) == []
