"""A bill begins where the one before ended, whatever was known then."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from mdms.domain.readings import IntervalReads, Source, Status
from tests.unit.mdms.billing.november import DAY_S, MONTH, billed, month


def test_a_bill_opens_with_what_the_one_before_ended_with():
    november = month()

    [row], _ = november.determine(before=[billed(-DAY_S, register=4_100)])

    assert row.read_start_utc == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert row.usage_quanta == november.value.sum() + 900
    assert (row.method, row.quality) == ("BILLED", "ACTUAL")


def test_a_bill_that_follows_smoothly_is_the_one_it_would_be_alone():
    november = month()

    assert november.determine(before=[billed()]) == november.determine()


def test_what_was_estimated_too_high_is_given_back_by_the_next_bill():
    """case-61: estimated 45,713, read 45,690."""
    november = month(opening=45_690)
    november.set(slice(None), value=0)
    november.registers = replace(november.registers, value=np.full(31, 45_690))

    [row], _ = november.determine(before=[billed(register=45_713, quality="ESTIMATED")])

    assert (row.usage_quanta, row.quality, row.method) == (-23, "ESTIMATED", "BILLED")


def test_a_bill_elsewhere_or_long_ago_opens_nothing():
    november = month()
    elsewhere = replace(billed(register=4_100), usage_point_id="UP2")

    rows = [
        november.determine(before=[each])
        for each in (elsewhere, billed(-4 * DAY_S, register=4_100))
    ]

    assert rows == [november.determine()] * 2


def test_a_bill_that_is_frozen_late_ends_with_what_the_next_one_opened_with():
    november = month()
    december = replace(
        billed(),
        window_start=MONTH.end,
        window_end=date(2027, 1, 3),
        read_start_utc=datetime(2026, 12, 4, 8, tzinfo=UTC),
        read_end_utc=datetime(2027, 1, 3, 8, tzinfo=UTC),
        from_on=MONTH.end,
        to_on=date(2027, 1, 3),
        register_start=5_000 + int(november.value.sum()) + 700,
    )

    [row], _ = november.determine(before=[december])

    assert row.read_end_utc == datetime(2026, 12, 4, 8, tzinfo=UTC)
    assert row.usage_quanta == november.value.sum() + 700
    assert row.method == "BILLED"


def test_an_estimate_that_was_too_high_is_given_back():
    """Vee.md 8.3: a signed adjustment, no rollover."""
    silent = month(intervals_expected=False)
    silent.intervals = IntervalReads.empty()
    edges = replace(
        silent.registers.take(slice(None, None, 30)),
        value=np.array([5_000, 4_200]),
        status=np.array([Status.ESTIMATED.code, Status.VALIDATED.code], np.uint8),
        source=np.array([Source.VEE, Source.SELF_READ], np.int16),
    )
    silent.registers = edges

    [row], _ = silent.determine()

    assert (row.usage_quanta, row.usage_units, row.quality) == (-800, -1, "ESTIMATED")
