"""The register at an edge: read there, carried there by intervals, or the nearest."""

from dataclasses import replace

import numpy as np
import pytest

from mdms.billing.registers import Basis, Quality, carried_from_s, register_at, usable
from mdms.domain.readings import IntervalReads, Method, RegisterReads, Source, Status
from mdms.domain.time import from_epoch_s
from tests.unit.mdms.billing.november import DAY_S, HOUR_S, MONTH, channel_of

EDGE_S = 1_793_692_800  # 2026-11-03T08:00Z, local midnight

CHANNEL = channel_of(MONTH, register_modulus=100_000)


def reads(*stamped: tuple[int, int], status: Status = Status.RAW) -> RegisterReads:
    """Return reads of (seconds from the edge, value)."""
    offset_s, value = np.array(stamped, np.int64).reshape(-1, 2).T
    rows = RegisterReads.raw(
        np.full(len(value), 7), EDGE_S + offset_s, value, recorded_us=0, source=Source.UPLINK
    )
    return replace(rows, status=np.full(len(value), status.code, np.uint8))


def intervals(*hours: int, value: int = 10, status: Status = Status.RAW) -> IntervalReads:
    """Return hourly intervals that start so many hours from the edge."""
    rows = IntervalReads.raw(
        np.full(len(hours), 7),
        EDGE_S + HOUR_S * np.array(hours, np.int64),
        np.full(len(hours), value),
        recorded_us=0,
        source=Source.UPLINK,
    )
    method = Method.H1 if status is Status.ESTIMATED else Method.NONE
    return replace(
        rows,
        status=np.full(len(rows), status.code, np.uint8),
        method=np.full(len(rows), method, np.int16),
    )


NOTHING = intervals()


def test_the_epoch_of_these_tests_is_local_midnight():
    assert str(from_epoch_s(EDGE_S)) == "2026-11-03 08:00:00+00:00"


@pytest.mark.parametrize("offset_s", [-60, 0, 60])
def test_a_read_within_a_minute_stands_for_the_edge(offset_s):
    register = register_at(EDGE_S, reads((offset_s, 500)), NOTHING, CHANNEL)

    assert register is not None
    assert (register.value, register.at_s) == (500, EDGE_S)
    assert (register.basis, register.quality) == (Basis.READ, Quality.ACTUAL)


@pytest.mark.parametrize("offset_s", [-61, 61])
def test_a_read_further_off_is_only_the_nearest(offset_s):
    register = register_at(EDGE_S, reads((offset_s, 500)), intervals(-1), CHANNEL)

    assert register is not None
    assert (register.at_s, register.basis) == (EDGE_S + offset_s, Basis.NEAR)
    assert register.quality is Quality.ESTIMATED


def test_of_two_reads_for_one_edge_the_closer_stamp_counts():
    register = register_at(EDGE_S, reads((-40, 500), (20, 501)), NOTHING, CHANNEL)

    assert register is not None
    assert register.value == 501


def test_the_last_read_before_is_carried_to_the_edge_by_the_intervals_since():
    before = reads((-9 * HOUR_S, 300), (-3 * HOUR_S + 5, 500), (4 * HOUR_S, 900))

    register = register_at(EDGE_S, before, intervals(-4, -3, -2, -1, 0), CHANNEL)

    assert register is not None
    assert (register.value, register.at_s, register.basis) == (530, EDGE_S, Basis.SUM)
    assert register.quality is Quality.ACTUAL
    assert len(register.carried) == 3


def test_a_register_carried_over_an_estimate_is_estimated_and_says_how():
    since = IntervalReads.concat(intervals(-2), intervals(-1, status=Status.ESTIMATED))

    register = register_at(EDGE_S, reads((-2 * HOUR_S, 500)), since, CHANNEL)

    assert register is not None
    assert (register.value, register.quality) == (520, Quality.ESTIMATED)
    assert register.methods == {Method.H1}


def test_a_register_carried_over_a_validated_or_derived_interval_is_actual():
    since = IntervalReads.concat(
        intervals(-2, status=Status.VALIDATED), intervals(-1, status=Status.DERIVED)
    )

    register = register_at(EDGE_S, reads((-2 * HOUR_S, 500)), since, CHANNEL)

    assert register is not None
    assert register.quality is Quality.ACTUAL


def test_an_edited_interval_makes_a_carried_register_edited():
    since = intervals(-1, status=Status.EDITED)

    register = register_at(EDGE_S, reads((-HOUR_S, 500)), since, CHANNEL)

    assert register is not None
    assert register.quality is Quality.EDITED


@pytest.mark.parametrize(
    "since",
    [
        pytest.param(intervals(-3, -1), id="a gap"),
        pytest.param(
            IntervalReads.concat(intervals(-3, -2), intervals(-1, status=Status.SUSPECT)),
            id="a held interval",
        ),
    ],
)
def test_the_nearest_read_is_taken_only_where_intervals_since_the_last_are_missing(since):
    around = reads((-3 * HOUR_S, 500), (2 * HOUR_S, 560))

    register = register_at(EDGE_S, around, since, CHANNEL)

    assert register is not None
    assert (register.value, register.at_s) == (560, EDGE_S + 2 * HOUR_S)
    assert (register.basis, register.quality) == (Basis.NEAR, Quality.ESTIMATED)


def test_a_read_two_days_earlier_is_used_with_its_own_date():
    """Policy E06."""
    register = register_at(EDGE_S, reads((-2 * DAY_S, 500)), NOTHING, CHANNEL)

    assert register is not None
    assert (register.value, register.at_s) == (500, EDGE_S - 2 * DAY_S)


def test_a_customers_read_two_days_earlier_is_the_customers():
    read = replace(reads((-2 * DAY_S, 500)), source=np.array([Source.SELF_READ], np.int16))

    register = register_at(EDGE_S, read, NOTHING, CHANNEL)

    assert register is not None
    assert register.quality is Quality.CUSTOMER


def test_of_two_reads_equally_near_the_earlier_is_taken():
    register = register_at(EDGE_S, reads((-HOUR_S, 500), (HOUR_S, 520)), NOTHING, CHANNEL)

    assert register is not None
    assert register.value == 500


@pytest.mark.parametrize("offset_s", [-3 * DAY_S - 1, 3 * DAY_S + 1])
def test_a_read_more_than_three_days_off_says_nothing(offset_s):
    assert register_at(EDGE_S, reads((offset_s, 500)), NOTHING, CHANNEL) is None


def test_no_read_says_nothing():
    assert register_at(EDGE_S, reads(), NOTHING, CHANNEL) is None


def test_a_carried_register_rolls_over_with_the_dials():
    register = register_at(EDGE_S, reads((-HOUR_S, 99_990)), intervals(-1, value=25), CHANNEL)

    assert register is not None
    assert register.value == 15


def test_intervals_are_usage_and_registers_are_dials_so_the_multiplier_stands_between():
    channel = replace(CHANNEL, multiplier=40)

    register = register_at(EDGE_S, reads((-HOUR_S, 1_000)), intervals(-1, value=479), channel)

    assert register is not None
    assert register.value == 1_011, "11 whole dial units; the rest counts in the next period"


def test_held_reads_and_reads_from_before_the_installation_are_not_usable():
    channel = replace(CHANNEL, installed_s=EDGE_S - HOUR_S, removed_s=EDGE_S + HOUR_S)
    taken = RegisterReads.concat(
        reads((-2 * HOUR_S, 1), (-HOUR_S, 2)), reads((0, 3), status=Status.SUSPECT)
    )

    assert usable(taken, channel).value.tolist() == [2]


@pytest.mark.parametrize(
    ("status", "source", "quality"),
    [
        (Status.RAW, Source.UPLINK, Quality.ACTUAL),
        (Status.VALIDATED, Source.SELF_READ, Quality.CUSTOMER),
        (Status.EDITED, Source.EDIT, Quality.EDITED),
        (Status.RAW, Source.EDIT, Quality.EDITED),
        (Status.ESTIMATED, Source.VEE, Quality.ESTIMATED),
    ],
)
def test_a_read_says_where_it_comes_from(status, source, quality):
    read = replace(reads((0, 500), status=status), source=np.array([source], np.int16))

    register = register_at(EDGE_S, read, NOTHING, CHANNEL)

    assert register is not None
    assert register.quality is quality


def test_intervals_are_needed_from_the_last_read_before_the_edge():
    around = reads((-9 * HOUR_S, 300), (-3 * HOUR_S + 5, 500), (4 * HOUR_S, 900))

    assert carried_from_s(EDGE_S, around, CHANNEL) == EDGE_S - 3 * HOUR_S
    assert carried_from_s(EDGE_S, reads(), CHANNEL) == EDGE_S
