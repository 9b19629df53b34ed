"""The acceptance cases of the VEE specification that this floor covers, by their numbers."""

from datetime import date, timedelta

import numpy as np
import pytest

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_COARSE,
    FLAG_EST_EXTREME,
    FLAG_EST_UNSCALED,
    FLAG_POWER_FAIL,
    Method,
)
from mdms.domain.registry import Commodity
from tests.unit.vee import build
from tests.unit.vee.build import (
    RULES,
    judge,
    methods,
    nothing_stored,
    slot_table,
    statuses,
    values,
)
from vee.amend import amend
from vee.block import Block
from vee.engine import Outcome
from vee.examination import V20, V21, V45, V46, examine
from vee.findings import findings
from vee.kernels import estimate
from vee.kernels.brackets import Bookends, chain
from vee.kernels.gaps import Cells
from vee.kernels.references import References
from vee.shapes import Shaper, Shapes
from vee.tally import tally

KWH = 1000


def raised(block: Block, outcome: Outcome) -> set[str]:
    found = examine(block, RULES)
    amended = amend(outcome, nothing_stored(block), found)
    everywhere = np.ones((len(block.channel_id), len(block.slots.days)), np.bool_)
    return {finding.rule for finding in findings(found, amended, everywhere)}


def read_twice(
    first: int, second: int, *, modulus: int = 10**9, resolution: int = 1, multiplier: int = 1
) -> Bookends:
    """Two register reads a day apart."""
    slots = slot_table()
    block = build.block(
        slots,
        registers=[(0, first), (len(slots), second)],
        modulus=modulus,
        resolution=resolution,
        multiplier=multiplier,
    )
    return chain(block.registers, block.limits, backstep_max=RULES.bookend.backstep_quanta_max)


# ----------------------------------------------------------------------------- what was expected


@pytest.mark.parametrize("case", [pytest.param(None, id="case-6")])
def test_four_of_96_intervals_are_missing(case):
    block = build.block(slot_table(), missing=[5, 6, 50, 95], linear=False)

    found = examine(block, RULES)
    counts = tally(found, amend(judge(block), nothing_stored(block), found), RULES)

    assert (counts.expected[0, 0], counts.actual[0, 0], counts.missing[0, 0]) == (96, 92, 4)


@pytest.mark.parametrize(
    ("day", "interval_s", "expected"),
    [
        pytest.param(date(2026, 3, 8), 900, 92, id="case-7-spring"),
        pytest.param(date(2026, 11, 1), 900, 100, id="case-7-autumn"),
        pytest.param(date(2026, 3, 8), 3600, 23, id="case-7-spring-hourly"),
        pytest.param(date(2026, 11, 1), 3600, 25, id="case-7-autumn-hourly"),
    ],
)
def test_a_day_on_which_the_clocks_change_is_complete(day, interval_s, expected):
    block = build.block(slot_table(day, interval_s=interval_s))

    found = examine(block, RULES)
    counts = tally(found, amend(judge(block), nothing_stored(block), found), RULES)

    assert (counts.expected[0, 0], counts.missing[0, 0]) == (expected, 0)


# ------------------------------------------------------------------------------------- registers


@pytest.mark.parametrize("case", [pytest.param(None, id="case-11")])
def test_a_rollover_is_accepted(case):
    bookends = read_twice(99_985 * KWH, 12 * KWH, modulus=100_000 * KWH, resolution=KWH)

    assert bookends.usage.tolist() == [0, 27 * KWH]
    assert bookends.rolled.tolist() == [1]
    assert len(bookends.refused) == 0


@pytest.mark.parametrize("case", [pytest.param(None, id="case-12")])
def test_a_register_that_decreased_is_refused(case):
    bookends = read_twice(45_210 * KWH, 45_190 * KWH, modulus=100_000 * KWH, resolution=KWH)

    assert bookends.refused.value.tolist() == [45_190 * KWH]
    assert not bookends.linked.any()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-13")])
def test_usage_is_the_difference_times_the_multiplier(case):
    bookends = read_twice(1_000, 1_012, multiplier=40)

    assert bookends.usage[1] == 480


def summed(total: int, register: int, *, resolution: int, multiplier: int = 1) -> Outcome:
    """A day whose intervals sum to `total` between registers that differ by `register`."""
    slots = slot_table()
    value = np.full((1, len(slots)), total // len(slots))
    value[0, 0] += total - value.sum()
    return judge(
        build.block(
            slots,
            value,
            registers=[(0, 0), (len(slots), register)],
            resolution=resolution,
            multiplier=multiplier,
            v_max=10**9,
        )
    )


@pytest.mark.parametrize(
    ("total", "register", "resolution", "multiplier", "status"),
    [
        pytest.param(31_842, 32_000, 1000, 1, "V", id="case-14"),
        pytest.param(27_500, 32_000, 1000, 1, "S", id="case-15"),
        # kWh in the case; here quanta of 0.01 kWh x 40, so that R = 0.01 is one of them
        pytest.param(503_000, 12_585, 1, 40, "V", id="case-16"),
    ],
)
def test_intervals_are_held_when_they_differ_from_their_register(
    total, register, resolution, multiplier, status
):
    outcome = summed(total, register, resolution=resolution, multiplier=multiplier)

    assert set(statuses(outcome)) == {status}
    assert ((outcome.flags & V45) != 0).all() == (status == "S")


# ---------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("wh", "status"),
    [
        pytest.param(12_600, "V", id="case-21-pass"),
        pytest.param(12_700, "E", id="case-21-fail"),
    ],
)
def test_a_value_beyond_the_service_fails(wh, status):
    limit = RULES.interval_limit(Commodity.ELECTRIC, "electric_200a", 900)
    value = np.full((1, 96), 100)
    value[0, 40] = wh

    outcome = judge(build.block(slot_table(), value, v_max=limit))

    assert statuses(outcome)[40] == status
    assert bool(outcome.flags[0, 40] & V21) == (status == "E")


@pytest.mark.parametrize("case", [pytest.param(None, id="case-22")])
def test_a_small_water_meter_cannot_pass_1250_gallons_an_hour(case):
    limit = RULES.interval_limit(Commodity.WATER, "water_5_8", 3600)
    value = np.full((1, 24), 100)
    value[0, 7] = 12_500

    outcome = judge(build.block(slot_table(interval_s=3600), value, v_max=limit))

    assert limit == 12_000
    assert (statuses(outcome)[7], outcome.value[0, 7]) == ("E", 100)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-23")])
def test_a_delivered_value_below_zero_fails(case):
    value = np.full((1, 96), 100)
    value[0, 40] = -50
    block = build.block(slot_table(), value, linear=False)

    outcome = judge(block)

    assert (outcome.flags[0, 40], statuses(outcome)[40]) == (V20, "S")
    assert outcome.value[0, 40] == -50
    assert "V20" in raised(block, outcome)


def test_one_quantum_backwards_is_noise_in_a_water_meter_and_more_is_a_warning():
    value = np.full((1, 24), 100)
    value[0, 3], value[0, 4] = -1, -2
    block = build.block(slot_table(interval_s=3600), value, reversible=True)

    outcome = judge(block)

    assert set(statuses(outcome)) == {"V"}
    assert outcome.flags[0, 3:5].tolist() == [0, V20]


def test_much_reverse_flow_is_held():
    value = np.full((1, 24), 100)
    value[0, 3] = -150
    block = build.block(slot_table(interval_s=3600), value, reversible=True)

    outcome = judge(block)

    assert statuses(outcome).count("S") == 1
    assert raised(block, outcome) == {"V20"}


# -------------------------------------------------------------------------------------- estimates


@pytest.mark.parametrize("case", [pytest.param(None, id="case-32")])
def test_a_short_gap_is_bridged_by_a_straight_line(case):
    value = np.full((1, 96), 75)
    value[0, 44:] = 100

    outcome = judge(build.block(slot_table(), value, missing=range(40, 44)))

    assert values(outcome, range(40, 44)) == [80, 85, 90, 95]
    assert set(methods(outcome, range(40, 44))) == {Method.L1}
    assert ((outcome.flags[0, 40:44] & FLAG_EST_UNSCALED) != 0).all()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-33")])
def test_a_line_is_scaled_to_its_register(case):
    value = np.full((1, 96), 200)
    value[0, 44:] = 400

    outcome = judge(
        build.block(
            slot_table(), value, missing=range(40, 44), registers=[(39, 0), (45, 200 + 1500 + 400)]
        )
    )

    assert values(outcome, range(40, 44)) == [300, 350, 400, 450]
    assert set(outcome.flags[0, 40:44].tolist()) == {0}


def one_missing(*, resolution: int) -> Outcome:
    value = np.full((1, 96), 500)
    value[0, 41], value[0, 42] = 700, 600
    return judge(
        build.block(
            slot_table(),
            value,
            missing=[43],
            registers=[(40, 1_000_000), (44, 1_002_400)],
            resolution=resolution,
        )
    )


@pytest.mark.parametrize("case", [pytest.param(None, id="case-34")])
def test_a_single_missing_interval_is_derived_from_fine_registers(case):
    outcome = one_missing(resolution=1)

    assert (statuses(outcome)[43], *values(outcome, [43])) == ("D", 600)
    assert methods(outcome, [43]) == [Method.D1]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-34-coarse")])
def test_a_single_missing_interval_is_estimated_from_coarse_registers(case):
    outcome = one_missing(resolution=1000)

    assert (statuses(outcome)[43], methods(outcome, [43])) == ("E", [Method.L1])
    assert outcome.flags[0, 43] == FLAG_EST_COARSE


def weeks(
    references: dict[int, int], *, day: date, interval_s: int = 3600, past: int = 35
) -> tuple[Cells, References]:
    """One missing slot at 12:00 of `day`, and values at the same time, days from it."""
    slots = slot_table(day - timedelta(days=past), 2 * past + 1, interval_s=interval_s)
    at = slots.at[:, 12 * 3600 // interval_s]
    value, valid = np.zeros((1, len(slots)), np.int64), np.zeros((1, len(slots)), np.bool_)
    for offset, number in references.items():
        value[0, at[past + offset]], valid[0, at[past + offset]] = number, True
    references_of_day = References(
        slots=slots,
        value=value,
        valid=valid,
        holiday=np.array([each in RULES.holidays for each in slots.days]),
        ahead=np.ones(len(slots.days), np.bool_),
        reach_days=past,
    )
    return Cells(np.array([0]), at[past : past + 1]), references_of_day


def profile(cells: Cells, references: References) -> float:
    how = RULES.estimate
    return float(
        estimate.profile(
            cells,
            references,
            decay_days=how.profile_decay_days,
            other_weekday_weight=how.other_weekday_weight,
            weight_sum_min=how.weight_sum_min,
            references_min=how.references_min,
        )[0]
    )


@pytest.mark.parametrize("case", [pytest.param(None, id="case-40")])
def test_a_profile_weighs_near_days_and_same_weekdays(case):
    cells, references = weeks({-7: 20_000, -14: 10_000, -1: 40_000}, day=date(2026, 9, 22))

    assert profile(cells, references) == pytest.approx(20_985, abs=0.5)


def test_a_profile_needs_three_references():
    cells, references = weeks({-7: 20, -14: 10}, day=date(2026, 9, 22))

    assert np.isnan(profile(cells, references))


@pytest.mark.parametrize("case", [pytest.param(None, id="case-41")])
def test_the_standard_method_averages_three_same_weekdays(case):
    cells, references = weeks(
        {-7: 1000, 7: 1200, -14: 1400, 14: 9000, -1: 7000}, day=date(2026, 9, 22)
    )

    assert estimate.nearest_days(cells, references, count=3).tolist() == [1200]


def test_the_standard_method_falls_back_to_the_same_type_of_day():
    cells, references = weeks({-1: 1000, -3: 9000, -4: 3000}, day=date(2026, 9, 22))

    assert estimate.nearest_days(cells, references, count=3).tolist() == [2000]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-42")])
def test_thanksgiving_looks_at_sundays_only(case):
    sundays = {-4: 100, -11: 100, -18: 100}
    cells, references = weeks(sundays | {-7: 900, -14: 900, -1: 900}, day=date(2026, 11, 26))

    assert profile(cells, references) == pytest.approx(100)


def test_a_holiday_is_no_reference_for_other_days():
    ordinary = {-7: 100, -14: 100, -21: 100}
    cells, references = weeks(ordinary | {-1: 900}, day=date(2026, 9, 8))  # after Labor Day

    assert profile(cells, references) == pytest.approx(100)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-43")])
def test_a_day_with_an_outage_is_no_reference(case):
    slots = slot_table(days=3)
    flags = np.zeros((1, len(slots)), np.int64)
    flags[0, 96 + 40 : 96 + 48] = FLAG_POWER_FAIL
    block = build.block(slots, flags=flags)

    reference = examine(block, RULES).reference(outage_h_max=1.0)

    assert [bool(reference[0, slots.day == day].any()) for day in range(3)] == [True, False, True]


def shapes_of(block: Block) -> Shapes:
    """Return the first estimates of what is missing: before H4, which refines them."""
    found = examine(block, RULES)
    ahead = np.ones(len(block.slots.days), np.bool_)
    return Shaper.of(found, Cells.where(found.missing), RULES, ahead=ahead).shapes()


def first_methods(block: Block) -> list[Method]:
    return [Method(code) for code in shapes_of(block).method.tolist()]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-44")])
def test_a_power_failure_beside_a_gap_rules_out_the_line(case):
    slots = slot_table(days=15)
    gap = range(7 * 96 + 40, 7 * 96 + 46)
    flags = np.zeros((1, len(slots)), np.int64)
    flags[0, gap.start - 1] = FLAG_POWER_FAIL

    block = build.block(slots, missing=gap, flags=flags)

    assert set(first_methods(block)) == {Method.H1}
    assert Method.L1 not in methods(judge(block), gap)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-45")])
def test_water_is_never_interpolated(case):
    slots = slot_table(days=15, interval_s=3600)
    gap = range(7 * 24 + 10, 7 * 24 + 12)

    block = build.block(slots, missing=gap, linear=False)

    assert set(first_methods(block)) == {Method.H1}
    assert Method.L1 not in methods(judge(block), gap)


def two_gaps(*, between: tuple[tuple[int, int], ...] = ()) -> Outcome:
    """Gaps of 2 x 1000 and 3 x 1000 by their shape; 6000 in all by the registers."""
    return judge(
        build.block(
            slot_table(),
            np.full((1, 96), 1000),
            missing=[40, 41, 50, 51, 52],
            registers=[(40, 0), (53, 6000 + 8000), *between],
        )
    )


@pytest.mark.parametrize("case", [pytest.param(None, id="case-46")])
def test_gaps_of_one_bracket_are_scaled_together(case):
    outcome = two_gaps()

    assert sum(values(outcome, [40, 41])) == 2400
    assert sum(values(outcome, [50, 51, 52])) == 3600


@pytest.mark.parametrize("case", [pytest.param(None, id="case-47")])
def test_a_register_between_two_gaps_splits_the_bracket(case):
    outcome = two_gaps(between=((45, 2000 + 3000),))

    assert sum(values(outcome, [40, 41])) == 2000
    assert sum(values(outcome, [50, 51, 52])) == 4000


def overfull(valid: int, usage: int, *, resolution: int) -> Block:
    """A bracket with two missing intervals whose other five sum to `valid`."""
    value = np.full((1, 96), valid // 5)
    return build.block(
        slot_table(),
        value,
        missing=[40, 41],
        registers=[(40, 10_000), (47, 10_000 + usage)],
        resolution=resolution,
    )


@pytest.mark.parametrize("case", [pytest.param(None, id="case-48")])
def test_a_gap_whose_bracket_is_overdrawn_is_left_to_a_person(case):
    block = overfull(valid=5600, usage=5000, resolution=100)

    outcome = judge(block)

    assert statuses(outcome)[39:48] == "V..SSSSSV", "what exceeds the register waits as well"
    assert raised(block, outcome) == {"V46", "V08"}
    found = examine(block, RULES)
    assert tally(found, amend(outcome, nothing_stored(block), found), RULES).flags[0, 0] & V46


@pytest.mark.parametrize("case", [pytest.param(None, id="case-49")])
def test_a_bracket_overdrawn_within_tolerance_is_filled_with_zeros(case):
    block = overfull(valid=5015, usage=5000, resolution=10)

    outcome = judge(block)

    assert values(outcome, [40, 41]) == [0, 0]
    assert ((outcome.flags[0, 40:42] & FLAG_EST_CLAMPED) != 0).all()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-53")])
def test_a_scale_far_from_one_is_marked_and_reviewed(case):
    block = build.block(slot_table(), missing=[40, 41], registers=[(40, 0), (42, 1220)])

    outcome = judge(block)

    assert values(outcome, [40, 41]) == [610, 610]
    assert set(outcome.flags[0, 40:42].tolist()) == {FLAG_EST_EXTREME}
    assert raised(block, outcome) == {"EST_EXTREME"}


@pytest.mark.parametrize("case", [pytest.param(None, id="case-54")])
def test_a_late_actual_replaces_its_estimate_and_the_rest_is_scaled_again(case):
    value = np.full((1, 96), 30)

    def with_missing(*slots: int) -> Outcome:
        return judge(
            build.block(
                slot_table(), value, missing=slots, registers=[(40, 0), (43, 100)], linear=False
            )
        )

    before = with_missing(40, 41, 42)
    value[0, 40] = 40
    after = with_missing(41, 42)

    assert values(before, [40, 41, 42]) == [34, 33, 33]
    assert values(after, [40, 41, 42]) == [40, 30, 30]
    assert statuses(after)[40:43] == "VEE"


@pytest.mark.parametrize("case", [pytest.param(None, id="case-55")])
def test_an_actual_value_is_never_replaced_by_an_estimate(case):
    block = build.block(slot_table(), missing=[40])
    stored = nothing_stored(block)
    found = examine(block, RULES)

    amended = amend(judge(block), stored, found)

    assert np.flatnonzero(amended.changed).tolist() == [40]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-92")])
def test_a_coarse_register_leaves_a_feasible_estimate_as_it_is(case):
    value = np.full((1, 96), 310)

    outcome = judge(
        build.block(
            slot_table(), value, missing=[40, 41], registers=[(40, 0), (42, 500)], resolution=1000
        )
    )

    assert sum(values(outcome, [40, 41])) == 620
    assert set(outcome.flags[0, 40:42].tolist()) == {FLAG_EST_COARSE}


def test_a_single_known_neighbour_bends_the_profile():
    slots = slot_table(days=15)
    gap = range(7 * 96 + 40, 7 * 96 + 60)
    value = np.full((1, len(slots)), 100)
    value[0, gap.start - 1] = 900
    flags = np.zeros((1, len(slots)), np.int64)
    flags[0, gap.stop] = FLAG_POWER_FAIL

    shapes = shapes_of(build.block(slots, value, missing=gap, flags=flags))

    estimated = shapes.shape.tolist()
    assert estimated[0] > 600 > estimated[3] > estimated[-1]
    assert estimated[-1] < 110
    assert set(shapes.method.tolist()) == {Method.H1}


def test_a_day_of_reads_is_enough_for_a_flat_average():
    slots = slot_table(days=3, interval_s=3600)
    value = np.full((1, len(slots)), 100)
    value[0, 24:] = 400
    gap = range(50, 60)

    outcome = judge(build.block(slots, value, missing=gap, linear=False), two_sided=False)

    assert set(methods(outcome, gap)) == {Method.H2}
    sparse = judge(build.block(slots, value, missing=range(36, 72), linear=False), two_sided=False)
    assert set(methods(sparse, range(60, 72))) == {Method.H2}
    assert methods(
        judge(build.block(slots, value, missing=range(40), linear=False), two_sided=False), [39]
    ) == [Method.NONE]


def test_a_bracket_without_any_pattern_is_filled_evenly():
    slots = slot_table(interval_s=3600)
    present = np.zeros((1, len(slots)), np.bool_)
    block = build.block(slots, present=present, registers=[(0, 0), (24, 50)], linear=False)

    outcome = judge(block)

    assert values(outcome, range(24)) == [3, 3] + [2] * 22
    assert set(methods(outcome, range(24))) == {Method.A1}


def test_a_gap_is_estimated_for_a_month_from_the_nearest_read_and_no_longer():
    slots = slot_table(date(2026, 7, 1), 70, interval_s=3600)
    present = np.ones((1, len(slots)), np.bool_)
    present[0, 30 * 24 :] = False

    outcome = judge(build.block(slots, present=present, linear=False))

    letters = statuses(outcome)
    assert set(letters[30 * 24 : 61 * 24 - 1]) == {"E"}
    assert set(letters[61 * 24 :]) == {"."}


def test_a_final_run_writes_final_estimates():
    outcome = judge(build.block(slot_table(), missing=[40, 41]), final=True)

    assert statuses(outcome)[39:43] == "VFFV"


def test_an_estimate_beyond_the_physical_maximum_keeps_its_energy_and_is_reviewed():
    value = np.full((1, 96), 100)
    block = build.block(
        slot_table(), value, missing=[40, 41], registers=[(38, 0), (45, 30_500)], v_max=12_600
    )

    outcome = judge(block)

    assert sum(values(outcome, [40, 41])) == 30_000
    assert {"V21", "EST_EXTREME"} <= raised(block, outcome)


def test_what_nobody_expects_is_not_estimated_and_no_bracket_spans_it():
    expected = np.ones((1, 96), np.bool_)
    expected[0, 40:50] = False
    block = build.block(
        slot_table(),
        present=expected.copy(),
        missing=[60, 61],
        expected=expected,
        registers=[(30, 0), (70, 9_000)],
    )

    outcome = judge(block)

    assert statuses(outcome)[40:50] == "." * 10
    assert ((outcome.flags[0, 60:62] & FLAG_EST_UNSCALED) != 0).all()
