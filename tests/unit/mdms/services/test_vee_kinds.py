"""Who is of one class, however many meters there are."""

from dataclasses import replace
from datetime import date

import numpy as np

from mdms.domain.readings import Int32
from mdms.domain.time import Period
from mdms.services.vee_kinds import Kinds
from tests.unit.mdms.services.vee_nights import ZONE, at, channel_table

AUTUMN = Period.of_days(date(2026, 9, 1), date(2026, 9, 28), ZONE)


def alike(kinds: Kinds, channel_id: int) -> list[int]:
    (kind,) = kinds.of(np.array([channel_id], np.int32), 900)
    return [int(each) for each in kinds.alike(kind, AUTUMN)]


def ids(*channel_ids: int) -> Int32:
    return np.array(channel_ids, np.int32)


def test_alike_are_channels_of_one_class_that_measure_the_same_at_one_interval_length():
    table = channel_table(6, interval_s=900)
    table.service_class[1], table.wire_channel[2], table.interval_s[3] = "gas_250", 0x11, 3600

    assert alike(Kinds(table), 1) == [1, 5, 6]
    assert alike(Kinds(table), 2) == [2]


def test_whoever_was_not_there_then_says_nothing_and_who_moved_is_one():
    table = replace(channel_table(5, interval_s=900), channel_id=ids(5, 1, 2, 3, 5))
    table.installed_s[2] = AUTUMN.end_s
    table.removed_s[3] = AUTUMN.start_s
    table.removed_s[0] = table.installed_s[4] = at(date(2026, 9, 14))

    assert alike(Kinds(table), 1) == [1, 5]


def test_a_channel_is_of_the_kind_it_was_installed_with_last():
    table = replace(channel_table(3, interval_s=900), channel_id=ids(1, 2, 2))
    table.service_class[2] = "electric_400a"
    kinds = Kinds(table)

    first, second, again = kinds.of(ids(1, 2, 2), 900)

    assert (first, second) == (kinds.number[0], kinds.number[2])
    assert again == second
