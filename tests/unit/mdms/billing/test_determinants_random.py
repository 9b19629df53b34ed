"""An independent computation, by plain loops over plain values, of what determine() must say."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.determinants import determine, intervals_needed_from_s
from mdms.billing.window import BillWindow
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from tests.unit.mdms.billing.november import DAY_S, HOUR_S, PACIFIC, channel_of

THREE_DAYS = BillWindow(date(2026, 11, 3), date(2026, 11, 6))
MODULUS = 10**5


@dataclass
class Raw:
    """What is stored of one channel: {start_s: (value, status)} and [(at_s, value, status)]."""

    intervals: dict[int, tuple[int, str]]
    registers: list[tuple[int, int, str]]
    multiplier: int


def slow_register(edge_s: int, raw: Raw) -> tuple[int, int, bool] | None:
    """Return value, instant and whether it is estimated; None when nothing says so."""
    best = None
    for at_s, value, _ in raw.registers:
        for boundary_s in range(edge_s - 35 * DAY_S, edge_s + 1, HOUR_S):
            off_s = abs(at_s - boundary_s)
            if off_s <= 60 and (best is None or (boundary_s, -off_s) > best[0]):
                best = ((boundary_s, -off_s), value)
    if best is not None:
        (boundary_s, _), value = best
        total, estimated, complete = 0, False, True
        for start_s in range(boundary_s, edge_s, HOUR_S):
            wh, status = raw.intervals.get(start_s, (0, "M"))
            total += wh
            estimated = estimated or status in "EF"
            complete = complete and status not in "MS"
        if complete:
            return (value + total // raw.multiplier) % MODULUS, edge_s, estimated
    back = [
        (boundary_s, at_s, value)
        for at_s, value, _ in raw.registers
        for boundary_s in range(edge_s + HOUR_S, edge_s + 35 * DAY_S, HOUR_S)
        if abs(at_s - boundary_s) <= 60
    ]
    if back:
        boundary_s, _, value = min(back)
        rows = [raw.intervals.get(s, (0, "M")) for s in range(edge_s, boundary_s, HOUR_S)]
        if not {status for _, status in rows} & {"M", "S"}:
            turned = sum(wh for wh, _ in rows) // raw.multiplier
            estimated = any(status in "EF" for _, status in rows)
            return (value - turned) % MODULUS, edge_s, estimated
    near = [
        (abs(at_s - edge_s), at_s, value)
        for at_s, value, _ in raw.registers
        if abs(at_s - edge_s) <= 3 * DAY_S
    ]
    if not near:
        return None
    _, at_s, value = min(near)
    return value, at_s, True


def slow_usage(start_s: int, end_s: int, raw: Raw) -> tuple[int, int, bool] | str:
    """Return usage in quanta, in whole units, and whether it is estimated; or what is wrong."""
    statuses = [raw.intervals.get(s, (0, "M"))[1] for s in range(start_s, end_s, HOUR_S)]
    if "M" in statuses:
        return "missing_intervals"
    if "S" in statuses:
        return "held_intervals"
    start, end = slow_register(start_s, raw), slow_register(end_s, raw)
    if start is None or end is None or start[1] >= end[1]:
        return "no_register"
    usage = (end[0] - start[0]) % MODULUS * raw.multiplier
    return usage, (usage + 500) // 1000, start[2] or end[2]


@st.composite
def stored_channels(draw: st.DrawFn) -> Raw:
    """Draw a meter's true path, then lose, hold and estimate parts of what is stored of it."""
    period = THREE_DAYS.period(PACIFIC)
    first_s, last_s = period.start_s - 4 * DAY_S, period.end_s + DAY_S
    hours = (last_s - first_s) // HOUR_S
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    multiplier = draw(st.sampled_from([1, 1, 40]))
    value = random.integers(0, 900, hours)
    shown = random.integers(0, MODULUS) * multiplier + np.concatenate(([0], value.cumsum()))
    kept = random.random(hours + 1) < draw(st.sampled_from([0.02, 0.1, 0.9]))
    lost = random.random(hours) < draw(st.sampled_from([0.0, 0.0, 0.05]))
    in_window = (np.arange(hours) >= 4 * 24) & (np.arange(hours) < 7 * 24)
    lost &= ~in_window | (random.random() < 0.1)
    letters = random.choice(list("RVEFZDX"), hours)
    if draw(st.integers(0, 9)) == 0:
        letters[random.integers(0, hours)] = "S"
    jitter_s = random.choice([0, 0, 30, -60, 60, 61, -90], hours + 1)
    return Raw(
        intervals={
            first_s + HOUR_S * i: (int(value[i]), str(letters[i]))
            for i in np.flatnonzero(~lost).tolist()
        },
        registers=[
            (first_s + HOUR_S * i + int(jitter_s[i]), int(shown[i]) // multiplier % MODULUS, "R")
            for i in np.flatnonzero(kept).tolist()
        ],
        multiplier=multiplier,
    )


def columns(raw: Raw) -> tuple[IntervalReads, RegisterReads]:
    starts = list(raw.intervals)
    rows = IntervalReads.raw(
        np.full(len(starts), 7),
        np.array(starts, np.int64),
        np.array([value for value, _ in raw.intervals.values()], np.int64),
        recorded_us=0,
        source=Source.UPLINK,
    )
    letters = [ord(letter) for _, letter in raw.intervals.values()]
    at_s, value = np.array([r[:2] for r in raw.registers], np.int64).reshape(-1, 2).T
    return replace(rows, status=np.array(letters, np.uint8)), RegisterReads.raw(
        np.full(len(at_s), 7), at_s, value, recorded_us=0, source=Source.UPLINK
    )


@given(raw=stored_channels())
def test_determinants_equal_a_plain_computation_over_lists(raw):
    channel = channel_of(THREE_DAYS, register_modulus=MODULUS, multiplier=raw.multiplier)
    intervals, registers = columns(raw)
    expected = slow_usage(channel.read_start_s, channel.read_end_s, raw)

    determinants, blocked = determine(
        THREE_DAYS, [channel], intervals, registers, ruleset_hash="rules"
    )

    if isinstance(expected, str):
        assert [block.reason for block in blocked] == [expected]
    else:
        [row] = determinants
        assert (row.usage_quanta, row.usage_units) == expected[:2]
        assert (row.quality == "ESTIMATED") == expected[2]


@given(raw=stored_channels())
def test_intervals_before_the_one_that_is_needed_change_nothing(raw):
    channel = channel_of(THREE_DAYS, register_modulus=MODULUS, multiplier=raw.multiplier)
    intervals, registers = columns(raw)
    needed_from_s = intervals_needed_from_s([channel], registers)

    few = intervals.take(intervals.start_s >= needed_from_s)

    assert determine(THREE_DAYS, [channel], few, registers, ruleset_hash="rules") == determine(
        THREE_DAYS, [channel], intervals, registers, ruleset_hash="rules"
    )
