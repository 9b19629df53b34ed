"""What counts as too much for each meter today: the class's flow, or more where more is normal."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.memory import POSSIBLE, SLOW, TESTS, UNHEARD, Floats, Memory
from vee.leaks.meters import Meters
from vee.leaks.rules import LeakRules

_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    What detector C holds each meter to; shape (meters, tests) unless said.

    Attributes:
        made: Whether the test is made: it exists, and the register is fine enough for it.
        theta: Flow [quanta per hour].
        window: Hours that are summed, k.
        need: The sum must be at least this [quanta].
        hours: How long it must last.
        base: The test with the smallest flow of those made, shape (meters,).
        normal: Flow that is the meter's own and no leak [quanta per hour], shape (meters,).
        clear_below: A sum of `base`'s window below this is a low hour [quanta], shape (meters,).
        night_theta: Flow that detector N looks for, infinite where it cannot know, (meters,).
    """

    made: Bool
    theta: Floats
    window: Int64
    need: Int64
    hours: Int64
    base: Int64
    normal: Floats
    clear_below: Floats
    night_theta: Floats

    @classmethod
    def of(cls, meters: Meters, memory: Memory, at_s: int, rules: LeakRules) -> "Thresholds":
        """Return what holds for a day that begins at `at_s`, by what was known then."""
        median = _median_of_nights(memory, rules)
        steady = memory["steady"] == 1
        acked = memory["ack_until_s"] > at_s
        by_nights = meters.baseline | steady

        normal = np.where(by_nights, median, 0.0)
        normal = np.where(memory["declared"] > 0, memory["declared"], normal)
        theta = meters.theta.copy()
        margin = np.where(steady, rules.guards.steady_margin_gal_h * meters.per_gallon, 0.0)
        above = normal + np.maximum(np.where(np.isinf(theta[:, SLOW]), 0.0, theta[:, SLOW]), margin)
        theta[by_nights] = np.inf
        known = by_nights & np.isfinite(above) & (meters.hours[:, SLOW] > 0)
        theta[known, SLOW] = above[known]
        beside = ~by_nights & ~meters.declared & (memory["declared"] > 0)
        theta[beside] += memory["declared"][beside, None]
        told = meters.declared & (memory["declared"] > 0)
        more = rules.continuous.declared_factor * memory["declared"]
        theta[told, POSSIBLE] = np.maximum(theta[told, POSSIBLE], more[told])
        usual = np.nan_to_num(normal)  # what was called normal runs beside it
        floor = np.where(acked, usual + memory["ack_theta"], 0.0)
        theta = np.maximum(theta, floor[:, None])
        called = usual + memory["ack_theta"] / rules.acknowledged.factor
        normal = np.where(acked, called, normal)

        resolution = meters.resolution[:, None].astype(np.float64)
        window = np.maximum(np.ceil(resolution / theta - _EPSILON), 1).astype(np.int64)
        made = np.isfinite(theta) & (window <= rules.continuous.windows_max)
        theta = np.where(made, theta, np.inf)
        window = np.where(made, window, 1)
        base = np.argmin(theta, axis=1)
        rows = np.arange(len(base))
        lowest, window_base = theta[rows, base], window[rows, base]
        low = normal + rules.clearing.share * (lowest - normal)
        return cls(
            made=made,
            theta=theta,
            window=window,
            need=_need(theta, window, meters.resolution[:, None]),
            hours=meters.hours,
            base=base,
            normal=np.nan_to_num(normal),
            clear_below=np.where(np.isfinite(low), low * window_base, 0.5 * meters.resolution),
            night_theta=np.maximum(_night_theta(meters, memory, median, rules), floor),
        )


def call_normal(memory: Memory, at_s: int, until_s: int, rules: LeakRules) -> None:
    """
    Take the flow of cases for normal until an instant, in place.

    What was called normal before, and still is, runs beside it: only both together are all. A burst
    is over in hours: whose water did not go on running said nothing of what always runs.
    """
    factor = rules.acknowledged.factor
    runs_on = memory["run"].max(axis=1) >= rules.continuous.rate_span_h
    flow = np.where((memory["burst"] == 0) | runs_on, memory["rate"], 0.0)
    before = np.where(memory["ack_until_s"] > at_s, memory["ack_theta"], 0.0)
    memory["ack_theta"] = before + factor * flow
    memory["ack_until_s"] = until_s


def night_need(theta: Floats, hours: int, resolution: Int64) -> Int64:
    """Return what the smallest nights must sum up to for a flow [quanta]; vee.md 7.3."""
    return _need(theta, np.int64(hours), resolution)


def _need(theta: Floats, hours: Int64 | np.int64, resolution: Int64) -> Int64:
    """Return max(r, floor(theta hours / r) r); what no test asks for stays out of reach."""
    finite = np.where(np.isfinite(theta), theta, 0.0)
    steps = np.floor(finite * hours / resolution + _EPSILON).astype(np.int64)
    need = np.maximum(steps, 1) * resolution
    return np.where(np.isfinite(theta), need, np.iinfo(np.int64).max)


def _median_of_nights(memory: Memory, rules: LeakRules) -> Floats:
    """Return the usual flow at night [quanta per hour], NaN with too few nights."""
    how = rules.night
    nights = memory["nights"][:, -how.baseline_nights :]
    heard = nights != UNHEARD
    enough = heard.sum(axis=1) >= how.baseline_nights_min
    median = np.full(len(memory), np.nan)
    if enough.any():
        flow = np.where(heard[enough], nights[enough], np.nan)
        median[enough] = np.nanmedian(flow, axis=1) / (how.until_h - how.from_h)
    return median


def _night_theta(meters: Meters, memory: Memory, median: Floats, rules: LeakRules) -> Floats:
    how = rules.night
    steady = memory["steady"] == 1
    own = how.baseline_factor * median + how.baseline_margin_gal_h * meters.per_gallon
    declared = memory["declared"] > 0
    own = np.where(declared, rules.continuous.declared_factor * memory["declared"], own)
    absolute = meters.homes & ~steady & ~declared
    theta = np.where(absolute, how.gal_h * meters.per_gallon, own)
    return np.where((meters.nights | steady) & np.isfinite(theta), theta, np.inf)


assert TESTS == SLOW + 2, "possible, slow, fast"
