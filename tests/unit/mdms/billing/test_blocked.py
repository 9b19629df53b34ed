"""Who cannot be billed yet, and why."""

from datetime import date

import numpy as np

from mdms.billing.determinants import BlockReason
from mdms.billing.window import BillWindow
from mdms.domain.readings import IntervalReads, RegisterReads, Status
from tests.unit.mdms.billing.november import channel_of, month


def test_a_missing_interval_blocks_the_bill_and_is_named():
    november = month()
    november.intervals = november.intervals.take(np.arange(720) != 5)

    determinants, [block] = november.determine()

    assert determinants == []
    assert block.reason == BlockReason.MISSING_INTERVALS
    assert "1 of 720" in block.detail
    assert "2026-11-03 13:00:00" in block.detail


def test_an_interval_stored_as_missing_blocks_the_bill_too():
    november = month()
    november.set(slice(5, 6), status=Status.MISSING.code, version=1)

    _, [block] = november.determine()

    assert block.reason == BlockReason.MISSING_INTERVALS


def test_a_held_interval_blocks_the_bill():
    november = month()
    november.set(slice(5, 8), status=Status.SUSPECT.code)

    _, [block] = november.determine()

    assert (block.reason, block.badge) == (BlockReason.HELD_INTERVALS, "E1")
    assert "3 of 720" in block.detail


def test_no_register_near_an_edge_blocks_the_bill():
    november = month()
    november.registers = RegisterReads.empty()

    _, [block] = november.determine()

    assert block.reason == BlockReason.NO_REGISTER


def test_one_register_for_both_edges_of_a_short_window_is_none():
    day = BillWindow(date(2026, 11, 3), date(2026, 11, 4))
    november = month()
    november.channel = channel_of(day, intervals_expected=False)
    november.intervals = IntervalReads.empty()
    november.registers = november.registers.take(slice(2, 3))

    _, [block] = november.determine(day)

    assert block.reason == BlockReason.NO_REGISTER


def test_a_meter_that_left_and_came_back_within_the_period_is_left_to_a_person():
    november = month(installation_count=2)

    _, [block] = november.determine()

    assert block.reason == BlockReason.MOVED
