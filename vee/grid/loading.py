"""Load of transformers from the energy of their meters; vee.md 9.4."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from vee.grid.rules import LoadingRules

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeterEnergy:
    """
    Energy of meters, shape (meters, slots) each; what is not measured is 0.

    Attributes:
        net_wh: Delivered less received [Wh].
        installed: Where the meter was in place.
        valid: Where it was measured, both ways where the meter has both.
        varh: Reactive energy [varh].
        varh_valid: Where that was measured.
    """

    net_wh: Int64
    installed: Bool
    valid: Bool
    varh: Int64
    varh_valid: Bool


@dataclass(frozen=True, slots=True)
class Loading:
    """
    Load of transformers, shape (transformers, slots) each.

    Attributes:
        kva: Apparent power with losses, scaled where too few meters were heard.
        kw: Active power likewise; negative while more is received than delivered.
        coverage: Share of the meters that were heard.
        known: At least one was.
    """

    kva: Floats
    kw: Floats
    coverage: Floats
    known: Bool


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """
    A period in figures, shape (transformers,) each but `hours_over`.

    Attributes:
        peak: Largest load as a share of the nameplate.
        p95: What 95 % of the intervals do not exceed.
        hours_over: Hours above each of the overloads, shape (transformers, overloads).
        reverse_peak_kw: Largest active power towards the grid, 0 if none flowed.
        coverage: Mean share of the meters that were heard.
        scaled_hours: Hours in which too few were, so that the rest was made up for.
        hours: Hours in which any was.
    """

    peak: Floats
    p95: Floats
    hours_over: Floats
    reverse_peak_kw: Floats
    coverage: Floats
    scaled_hours: Floats
    hours: Floats


def apparent_kva(kw: Floats, kvar: Floats) -> Floats:
    """Return apparent power."""
    power: Floats = np.hypot(kw, kvar)
    return power


def assumed_kvar(kw: Floats, power_factor: float) -> Floats:
    """Return the reactive power that goes with active power at a power factor."""
    reactive: Floats = np.abs(kw) * np.tan(np.arccos(power_factor))
    return reactive


def loading(
    energy: MeterEnergy, transformer: Int64, interval_s: int, rules: LoadingRules
) -> Loading:
    """
    Add meters up to their transformers.

    Args:
        energy: Of the meters.
        transformer: Row of each meter's transformer, sorted, every row from 0 on, shape (meters,).
        interval_s: Length of a slot.
        rules: Power factor, losses, coverage.
    """
    assert not (energy.valid & ~energy.installed).any(), "who is not there measures nothing"
    first = np.flatnonzero(np.diff(transformer, prepend=-1))
    per_kw = 3600 / interval_s / 1000
    kw = np.where(energy.valid, energy.net_wh, 0) * per_kw
    assumed = assumed_kvar(kw, rules.power_factor)
    measured = energy.valid & energy.varh_valid
    kvar = np.where(measured, energy.varh * per_kw, assumed)
    heard = np.add.reduceat(energy.valid, first, axis=0, dtype=np.int64)
    there = np.add.reduceat(energy.installed, first, axis=0, dtype=np.int64)
    coverage = heard / np.maximum(there, 1)
    known = heard > 0
    made_up = known & (coverage < rules.coverage_min)
    factor = np.where(made_up, 1 / np.where(known, coverage, 1.0), 1.0) * (1 + rules.secondary_loss)
    active = np.add.reduceat(kw, first, axis=0) * factor
    reactive = np.add.reduceat(kvar, first, axis=0) * factor
    return Loading(apparent_kva(active, reactive), active, coverage, known)


def figures(
    load: Loading, nameplate_kva: Floats, interval_s: int, rules: LoadingRules
) -> LoadFigures:
    """
    Return a period in figures; a transformer that was never heard of has 0 everywhere.

    Args:
        load: By slot.
        nameplate_kva: Rating, shape (transformers,).
        interval_s: Length of a slot.
        rules: Overloads and coverage.
    """
    share = np.where(load.known, load.kva / nameplate_kva[:, None], 0.0)
    hour = interval_s / 3600
    slots = load.known.sum(axis=1)
    over = [(load.known & (share > limit)).sum(axis=1) * hour for limit in rules.overloads]
    made_up = load.known & (load.coverage < rules.coverage_min)
    return LoadFigures(
        peak=share.max(axis=1, initial=0.0),
        p95=_p95(share, load.known),
        hours_over=np.stack(over, axis=1),
        reverse_peak_kw=np.where(load.kw < 0, -load.kw, 0.0).max(axis=1, initial=0.0),
        coverage=load.coverage.mean(axis=1),
        scaled_hours=made_up.sum(axis=1) * hour,
        hours=slots * hour,
    )


def _p95(share: Floats, known: Bool) -> Floats:
    """Return the smallest share that at least 95 % of the known ones do not exceed."""
    ordered = np.sort(np.where(known, share, np.inf), axis=1)
    count = known.sum(axis=1)
    rank = np.maximum(-(-count * 95 // 100) - 1, 0)
    found = np.take_along_axis(ordered, rank[:, None], axis=1)[:, 0]
    return np.where(count > 0, found, 0.0)
