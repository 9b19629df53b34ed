"""Load of transformers from energy; case 84 of vee.md 11."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.vee.grid import build
from vee.grid.loading import (
    MeterEnergy,
    apparent_kva,
    assumed_kvar,
    figures,
    loading,
)

RULES = build.RULES.loading
LOSSLESS = replace(RULES, secondary_loss=0.0)
QUARTER_S = 900


def energy(kw: list[list[float]], valid: list[list[bool]] | None = None) -> MeterEnergy:
    """Meters in rows, quarter hours in columns, no reactive energy measured."""
    net_wh = np.rint(np.array(kw) * 250).astype(np.int64)
    heard = np.ones(net_wh.shape, np.bool_) if valid is None else np.array(valid)
    there, never = np.ones(net_wh.shape, np.bool_), np.zeros(net_wh.shape, np.bool_)
    return MeterEnergy(net_wh, there, heard, np.zeros_like(net_wh), never)


@pytest.mark.parametrize("kva", [pytest.param(25.0, id="case-84")])
def test_thirty_kilowatts_on_twenty_five_kva(kva):
    kw = np.array([[30.0]])

    power = apparent_kva(kw, assumed_kvar(kw, 0.95))

    assert power == pytest.approx(31.58, abs=0.005)
    assert power / kva == pytest.approx(1.263, abs=0.0005)


@pytest.mark.parametrize(
    ("rules", "peak"), [pytest.param(LOSSLESS, 1.263, id="case-84"), (RULES, 1.288)]
)
def test_meters_add_up_to_their_transformer(rules, peak):
    load = loading(energy([[10], [12], [8], [5]]), np.array([0, 0, 0, 1]), QUARTER_S, rules)

    told = figures(load, np.array([25.0, 50.0]), QUARTER_S, rules)

    assert told.peak[0] == pytest.approx(peak, abs=0.0005)
    assert told.hours_over[0].tolist() == [0.25, 0, 0]
    assert told.hours_over[1].tolist() == [0, 0, 0]


def test_measured_reactive_energy_counts_before_the_assumed_power_factor():
    yes = np.ones((1, 1), np.bool_)
    measured = MeterEnergy(np.array([[1000]]), yes, yes, np.array([[750]]), yes)

    load = loading(measured, np.array([0]), QUARTER_S, LOSSLESS)

    assert load.kva[0, 0] == pytest.approx(5.0)


@pytest.mark.parametrize(("silent", "kw", "scaled_h"), [(1, 4.0, 0.0), (2, 5.0, 0.25)])
def test_a_load_of_which_too_little_was_heard_is_made_up(silent, kw, scaled_h):
    valid = [[number >= silent] for number in range(5)]

    load = loading(energy([[1.0]] * 5, valid), np.zeros(5, np.int64), QUARTER_S, LOSSLESS)

    assert load.kw[0, 0] == pytest.approx(kw)
    told = figures(load, np.array([25.0]), QUARTER_S, LOSSLESS)
    assert told.scaled_hours.tolist() == [scaled_h]
    assert told.coverage[0] == pytest.approx(1 - silent / 5)


def test_a_transformer_of_which_nothing_is_known_has_no_load():
    load = loading(energy([[3.0]], [[False]]), np.array([0]), QUARTER_S, RULES)

    told = figures(load, np.array([25.0]), QUARTER_S, RULES)

    assert (told.hours.tolist(), told.peak.tolist(), told.p95.tolist()) == ([0], [0], [0])


def test_energy_towards_the_grid_has_a_peak_of_its_own():
    load = loading(energy([[-6.0, 2.0], [1.0, 1.0]]), np.zeros(2, np.int64), QUARTER_S, LOSSLESS)

    told = figures(load, np.array([25.0]), QUARTER_S, LOSSLESS)

    assert told.reverse_peak_kw.tolist() == [5.0]


def test_ninety_five_of_a_hundred_intervals_do_not_exceed_p95():
    rules = replace(RULES, power_factor=1.0, secondary_loss=0.0)
    load = loading(energy([list(range(1, 101))]), np.array([0]), QUARTER_S, rules)

    told = figures(load, np.array([100.0]), QUARTER_S, rules)

    assert told.p95.tolist() == [0.95]
    assert told.peak.tolist() == [1.0]


def test_a_meter_that_was_not_there_yet_is_not_missed():
    yes, late = np.ones((2, 1), np.bool_), np.array([[True], [False]])
    exchanged = MeterEnergy(np.array([[250], [0]]), late, late, np.zeros((2, 1), np.int64), ~yes)

    load = loading(exchanged, np.zeros(2, np.int64), QUARTER_S, LOSSLESS)

    assert load.coverage.tolist() == [[1.0]]
    assert load.kw.tolist() == [[1.0]]
