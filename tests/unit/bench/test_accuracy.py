"""The measure of accuracy itself, on a few simulated homes."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.bench import accuracy, coverage, homes, net

ELECTRIC, WATER, GAS, DELIVERED, RECEIVED = homes.simulated(count=2, days=40, seed=1)


def test_gaps_follow_from_the_seed_and_lie_in_what_is_known():
    first, again, other = (accuracy.gaps_of(ELECTRIC, 6, 20, seed) for seed in (1, 1, 2))

    assert first == again != other
    assert len(first) == 20
    for gap in first:
        assert gap.last - gap.first == 24
        assert ELECTRIC.homes[gap.home].known[gap.first - 1 : gap.last + 1].all()


@pytest.mark.parametrize(
    "sample", [ELECTRIC, WATER, GAS, DELIVERED], ids=lambda sample: sample.name
)
def test_what_keeps_the_total_has_no_error_in_it(sample):
    scores = accuracy.score(sample, accuracy.gaps_of(sample, 6, 8, 1))

    assert all(scores[name].total == 0 for name in accuracy.SCALED)
    assert scores["standard unscaled"].total > 0
    assert all(0 < each.wape <= 200 for name, each in scores.items() if name in accuracy.SCALED)


def test_the_truth_has_no_error_and_a_shifted_truth_has():
    hidden = accuracy.Hidden.of(
        ELECTRIC.homes[0],
        accuracy.gaps_of(replace(ELECTRIC, homes=ELECTRIC.homes[:1]), 2, 3, 1),
        linear=True,
    )
    truth = hidden.truth.astype(np.float64)

    assert hidden.errors(truth) == (0, 0, 0)
    assert hidden.errors(truth + 1)[:2] == (len(truth), len(truth))


def test_a_roof_gives_where_nobody_takes():
    for takes, gives in zip(DELIVERED.homes, RECEIVED.homes, strict=True):
        assert takes.value.sum() > 0 < gives.value.sum()
        assert np.minimum(takes.value, gives.value).max() <= 1


def test_net_energy_is_measured_of_what_takes_and_gives():
    told: list[str] = []
    small = [replace(each, hours=(6,)) for each in (ELECTRIC, RECEIVED, DELIVERED)]

    net.rows(small, 8, 1, done=told.append)

    assert [(line.split("|")[1], line.count("|")) for line in told[2:]] == [
        (" simulated.solar ", 8)
    ]
    assert all(0 < float(cell) < 200 for cell in told[2].split("|")[3:-1])


def test_what_a_band_holds_and_what_lies_beside_it_is_all_there_is():
    held = coverage.coverage(WATER, accuracy.gaps_of(WATER, 6, 8, 1))

    for sides in (held.seen, held.drawn):
        assert sides.inside + sides.below + sides.above == pytest.approx(100)
    assert held.drawn.below > held.seen.below, "most hours of water are zero, and so is P10"


def test_windows_that_tell_the_truth_hold_four_of_five_by_lot_however_few_quanta():
    # 6 of 10 values are 0, 3 are 1 and 1 is 2, in the windows as in truth: P10 is 0, P90 is 1
    less = np.repeat([0.0, 0.6, 0.9], [6, 3, 1])
    most = np.repeat([0.6, 0.9, 1.0], [6, 3, 1])

    held = coverage.drawn(less, most)

    assert (held.below, held.inside, held.above) == pytest.approx((10, 80, 10))


def test_a_value_that_no_window_shows_has_one_place_among_them():
    place = np.array([0.0, 0.05, 0.5, 0.95])

    held = coverage.drawn(place, place)

    assert (held.below, held.inside, held.above) == (50, 25, 25)


def test_every_row_is_compared_and_every_length_measured():
    told: list[str] = []
    small = replace(GAS, hours=(2, 24))

    rows = accuracy.rows([small], gaps=4, seed=1, done=told.append)

    assert len(rows) == 2 * len(accuracy.METHODS)
    names = {row.name for row in rows}
    assert all(row.against is None or row.against in names for row in rows)
    assert len(told) == 2 + 2


def test_a_home_with_little_history_is_the_fullest_part_of_one_with_more():
    home = GAS.homes[0]
    known = np.arange(len(home.known)) >= 24 * 15
    holey = replace(GAS, homes=[replace(home, known=known)])

    (cut,) = homes.young(holey, 10).homes

    assert (cut.days, cut.first_day) == (10, home.first_day + timedelta(days=15))
    assert (cut.value == home.value[24 * 15 : 24 * 25]).all()
    assert cut.outdoor_f is not None
    assert len(cut.outdoor_f) == 10
    assert homes.young(GAS, 41).homes == []


def test_a_folder_without_series_leaves_the_simulated_homes(tmp_path):
    samples = homes.samples(tmp_path, simulated_days=2)

    assert {sample.name.split(".")[0] for sample in samples} == {"simulated"}
