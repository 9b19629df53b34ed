"""Which judged days new reads send back to VEE."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from ingest.late import VeeHorizon
from mdms.domain.readings import IntervalReads, RegisterReads, Source

ZONE = ZoneInfo("America/Los_Angeles")
LAST = date(2026, 11, 1)
"""The day on which the clocks go back: 25 hours."""
MIDNIGHT_S = int(datetime(2026, 11, 2, 8, tzinfo=UTC).timestamp())


def intervals(*starts_s: int) -> IntervalReads:
    at_s = np.array(starts_s, np.int64)
    return IntervalReads.raw(
        np.arange(len(at_s)), at_s, np.zeros_like(at_s), recorded_us=0, source=Source.UPLINK
    )


def registers(*at_s: int) -> RegisterReads:
    at = np.array(at_s, np.int64)
    return RegisterReads.raw(
        np.arange(len(at)), at, np.zeros_like(at), recorded_us=0, source=Source.UPLINK
    )


def test_intervals_of_judged_days_touch_their_local_day():
    horizon = VeeHorizon(ZONE, LAST)

    touched = horizon.touched(
        intervals(MIDNIGHT_S - 900, MIDNIGHT_S, MIDNIGHT_S - 25 * 3600, MIDNIGHT_S - 25 * 3600 - 1),
        RegisterReads.empty(),
    )

    assert touched == {(0, LAST), (2, LAST), (3, date(2026, 10, 31))}


def test_a_register_just_after_midnight_touches_the_day_that_it_closes():
    horizon = VeeHorizon(ZONE, LAST)

    touched = horizon.touched(
        IntervalReads.empty(), registers(MIDNIGHT_S + 59, MIDNIGHT_S + 61, MIDNIGHT_S - 1)
    )

    assert touched == {(0, LAST), (2, LAST)}


def test_nothing_is_touched_before_the_first_run():
    assert VeeHorizon(ZONE).touched(intervals(0), registers(0)) == set()


def test_the_horizon_never_moves_back():
    horizon = VeeHorizon(ZONE)

    horizon.advance(LAST)
    horizon.advance(date(2026, 10, 1))

    assert horizon.last_day == LAST
