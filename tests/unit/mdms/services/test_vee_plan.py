"""Sets of channel-days."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from mdms.services.vee_plan import ChannelDays
from tests.unit.mdms.services.vee_nights import DAY, FIRST_DAY, at, channel_table

ZONE = ZoneInfo("America/Los_Angeles")
D = FIRST_DAY


def test_a_set_lists_channel_and_day_in_order():
    pairs = [(9, D), (2, D + DAY), (2, D), (9, D)]

    assert list(ChannelDays.of(pairs)) == [(2, D), (2, D + DAY), (9, D)]


def test_days_are_expected_from_installation_to_removal():
    table = channel_table(3)
    table.installed_s[0] = at(D + DAY, 13)
    table.removed_s[1] = at(D + DAY)
    table.radio_on[2] = False

    days = ChannelDays.expected(table, D, D + 2 * DAY, ZONE)

    assert list(days) == [(1, D + DAY), (1, D + 2 * DAY), (2, D)]


def test_a_set_is_cut_at_mondays():
    monday = date(2026, 11, 9)
    pairs = [(1, monday - DAY), (1, monday), (2, monday + 6 * DAY), (1, date(2027, 1, 1))]

    weeks = ChannelDays.of(pairs).weeks()

    assert [list(week) for week in weeks] == [pairs[:1], pairs[1:3], pairs[3:]]
    assert list(ChannelDays.of([]).weeks()) == []


def test_a_mask_marks_the_members_of_a_grid():
    days = ChannelDays.of([(2, D), (5, D + DAY)])

    mask = days.mask(np.array([2, 3, 5], np.int32), (D, D + DAY))

    assert mask.tolist() == [[True, False], [False, False], [False, True]]


def test_sets_are_combined_and_narrowed():
    one, other = ChannelDays.of([(1, D), (2, D)]), ChannelDays.of([(2, D), (3, D + DAY)])

    assert list(one.union(other)) == [(1, D), (2, D), (3, D + DAY)]
    assert list(one.intersection(other)) == [(2, D)]
    assert list(one.union(other).until(D)) == [(1, D), (2, D)]
    assert list(one.of_channels(np.array([2], np.int32))) == [(2, D)]
