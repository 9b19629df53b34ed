"""Detector C: water that does not stop for hours on end; vee.md 7.2."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.day import HOUR_S, Hour
from vee.leaks.memory import FAST, NEVER_S, RECENT_H, UNHEARD, Floats, Memory, pushed
from vee.leaks.meters import Meters
from vee.leaks.rules import ContinuousRules
from vee.leaks.thresholds import Thresholds

ALIKE, ALIKE_H = 1.05, 3
"""What leaks shows in so many hours that hold no more than this times the least, and a step."""


@dataclass(frozen=True, slots=True)
class Flow:
    """
    What an hour says; shape (meters,) unless said.

    Attributes:
        long: How long each test has held [h], shape (meters, tests).
        holds: Whether that is long enough, shape (meters, tests).
        low: A valid hour in which next to nothing leaked.
    """

    long: Int64
    holds: Bool
    low: Bool


def skip(memory: Memory, hours: Int64) -> None:
    """Let hours pass of which nothing is known, in place; shape (meters,)."""
    missed = hours > 0
    memory["gap_h"] += np.minimum(hours, RECENT_H).astype(np.int32)
    memory["bracket_missing"] += np.minimum(hours, 1_000_000).astype(np.int32)
    memory["since_gap"][missed] = 0
    memory["burst_run"][missed] = 0


def listen(memory: Memory, hour: Hour, today: Thresholds, watched: Bool) -> Flow:
    """
    Take one hour, in place.

    Args:
        memory: A row a meter.
        hour: The hour after the last.
        today: What they are held to.
        watched: Where runs may grow.
    """
    value, valid = hour.value, hour.valid
    pushed(memory["recent"], valid, np.minimum(value, np.iinfo(np.int32).max))
    memory["seen"] += valid
    memory["since_gap"] += valid
    memory["gap_h"][valid] = 0
    memory["bracket_used"] += np.where(valid, value, 0)
    skip(memory, (~valid).astype(np.int64))

    totals = np.cumsum(memory["recent"][:, ::-1][:, : today.window.max()], axis=1, dtype=np.int64)
    total = np.take_along_axis(totals, today.window - 1, axis=1)
    told = valid[:, None] & (memory["seen"][:, None] >= today.window)
    hit = told & today.made & watched[:, None] & (total >= today.need)
    run = memory["run"]
    begins = hit & (run == 0)
    began_s = hour.start_s - (today.window - 1) * HOUR_S
    memory["onset_s"] = np.where(begins, began_s, memory["onset_s"])
    stops = (told & ~hit) | ~watched[:, None]
    memory["run"] = np.where(hit, run + 1, np.where(stops, 0, run))

    rows = np.arange(len(memory))
    low = told[rows, today.base] & (total[rows, today.base] < today.clear_below)
    return _flow(memory, today, low)


def close_bracket(
    memory: Memory, hour: Hour, flow: Flow, today: Thresholds, meters: Meters
) -> Flow:
    """
    Let register reads at the end of an hour say what missing hours held, in place.

    Less than a leak would have lost in them proves that it stopped in one: then only what ran
    since the last missing hour counts. More proves nothing.
    """
    register = hour.register
    read = register != UNHEARD
    usage = (register - memory["register"]) % meters.modulus * meters.multiplier
    missing = memory["bracket_missing"]
    tells = read & (memory["register"] != UNHEARD) & (missing > 0)
    if tells.any():
        held = usage - memory["bracket_used"]
        leak = np.where(today.made, today.theta, 0.0) * missing[:, None]
        too_little = held[:, None] < leak - meters.resolution[:, None]
        since = np.maximum(memory["since_gap"][:, None] - today.window + 1, 0)
        cut = tells[:, None] & too_little & (memory["run"] > since)
        memory["run"] = np.where(cut, since, memory["run"])
        first_s = hour.end_s - memory["since_gap"].astype(np.int64) * HOUR_S
        memory["onset_s"] = np.where(cut, first_s[:, None], memory["onset_s"])
        flow = _flow(memory, today, flow.low)
    memory["register"][read] = register[read]
    memory["bracket_missing"][read] = 0
    memory["bracket_used"][read] = 0
    return flow


def forget(memory: Memory, rows: Bool) -> None:
    """Begin anew after values have been missing for too long, in place."""
    memory["run"][rows] = 0
    memory["seen"][rows] = 0
    memory["onset_s"][rows] = NEVER_S


def rate(
    memory: Memory, today: Thresholds, resolution: Int64, rows: Int64, how: ContinuousRules
) -> Floats:
    """
    Return the flow of what leaks by the last hours of each run [quanta per hour].

    A register that moves in steps of r counts at least W q - r in W hours of a flow q, so that no
    window of a run can show less: the least (sum + r) / W over windows of up to `rate_window_h`
    hours is never below q. Less r / 6 it is within r / 6 of it as soon as three hours in a row
    were still; vee.md 7.2 takes the windows of six hours alone, and needs six.

    A run may begin with hours of ordinary use, before what leaks began: their least is below the
    leak's, but it is not what the quiet hours show. So first hours are left out, as many as it
    takes until three hours are no more than the least says.

    Args:
        memory: A row a meter.
        today: What they are held to.
        resolution: Step of each register [quanta].
        rows: Whose; shape (some,).
        how: Over how many hours.

    Returns:
        NaN where the run is too short to tell.
    """
    # Of the runs that have lasted long enough the shortest: of the fastest flow.
    long = memory["run"][rows] + today.window[rows] - 1
    base, fast = today.base[rows], today.made[rows, FAST] & (long[:, FAST] >= how.rate_span_h)
    base = np.where(fast, FAST, base)
    long = long[np.arange(len(rows)), base]
    # It began somewhere within the first hour, which has less of it than the rest.
    span = np.minimum(long - today.window[rows, base], how.rate_span_h)
    before = np.zeros((len(rows), RECENT_H + 1), np.int64)
    np.cumsum(memory["recent"][rows], axis=1, out=before[:, 1:])
    step = resolution[rows]
    hourly = memory["recent"][rows][:, -RECENT_H:]
    most, open_ = np.full(len(rows), np.nan), np.arange(len(rows))
    for before_h in range(how.rate_window_h + 1):
        from_h = RECENT_H - span[open_] + before_h
        least = _least(before[open_], from_h, step[open_], how.rate_window_h)
        inside = np.arange(RECENT_H) >= from_h[:, None]
        alike = inside & (hourly[open_] <= (ALIKE * least + step[open_])[:, None])
        enough = span[open_] - before_h >= how.rate_window_h
        sure = (np.count_nonzero(alike, axis=1) >= ALIKE_H) & enough
        told = open_ if before_h == 0 else open_[sure]
        most[told] = least if before_h == 0 else least[sure]
        open_ = open_[~sure & enough]
        if not len(open_):
            break
    flow = most - step / how.rate_window_h - today.normal[rows]
    return np.where(span >= how.rate_window_h, np.maximum(flow, 0.0), np.nan)


def _least(before: Int64, from_h: Int64, step: Int64, window_max: int) -> Floats:
    """Return the least (sum + step) / W over windows of up to so many hours, from an hour on."""
    most = np.full(len(before), np.inf)
    for window in range(1, window_max + 1):
        sums = before[:, window:] - before[:, :-window]
        within = np.arange(sums.shape[1]) >= from_h[:, None]
        least = np.where(within, sums, np.iinfo(np.int64).max // 2).min(axis=1)
        most = np.minimum(most, (least + step) / window)
    return most


def _flow(memory: Memory, today: Thresholds, low: Bool) -> Flow:
    run = memory["run"]
    long = np.where(run > 0, run + today.window - 1, 0)
    return Flow(long, today.made & (run > 0) & (long >= today.hours), low)
