"""What a collector's word is worth."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mdms.domain.collectors import (
    STALE_AFTER,
    CollectorReport,
    CollectorState,
    Condition,
    clock_is_off,
    condition,
    follow,
)
from tests.messages import NOON

ONLINE = CollectorReport(collector_id=7, online=True, boot_id=1, alive_at=NOON)
WILL = CollectorReport(collector_id=7, online=False, reason="lwt", boot_id=1, alive_at=NOON)
LATER = NOON + timedelta(minutes=5)


def state(*reports: CollectorReport) -> CollectorState:
    known = None
    for report in reports:
        known = follow(known, report, NOON).state
    assert known is not None
    return known


def again(boot_id: int | None = 1) -> CollectorReport:
    return replace(ONLINE, boot_id=boot_id, alive_at=LATER)


def test_a_collector_that_comes_back_after_its_will_has_recovered():
    change = follow(state(ONLINE, WILL), again(), LATER)

    assert change.recovered
    assert (change.state.online, change.state.changed_at) == (True, LATER)


def test_a_collector_that_was_silent_for_long_has_recovered_as_well():
    assert follow(state(ONLINE), again(), LATER).recovered


def test_a_collector_that_goes_on_has_not():
    assert not follow(state(ONLINE), again(), NOON + STALE_AFTER).recovered


def test_an_old_word_that_the_broker_kept_is_no_recovery():
    assert not follow(state(ONLINE, WILL), ONLINE, LATER).recovered


def test_the_will_of_an_earlier_start_is_no_news():
    known = state(ONLINE, replace(ONLINE, boot_id=2))

    assert follow(known, WILL, LATER).state == known


def test_a_start_that_was_over_and_speaks_again_is_a_second_program():
    known = state(ONLINE, replace(ONLINE, boot_id=2))

    assert follow(known, again(boot_id=1), LATER).taken_over
    assert not follow(known, again(boot_id=3), LATER).taken_over


def test_who_does_not_say_which_start_it_is_goes_on():
    known = state(ONLINE, replace(ONLINE, boot_id=None))

    assert known.boot_id == 1
    assert not follow(known, again(), LATER).taken_over
    assert follow(state(ONLINE, again(boot_id=2), again(boot_id=None)), again(), LATER).taken_over


@pytest.mark.parametrize(
    ("known", "silent", "expected"),
    [
        (None, None, Condition.UNHEARD),
        (state(ONLINE), STALE_AFTER, Condition.ONLINE),
        (state(ONLINE), STALE_AFTER + timedelta(seconds=1), Condition.STALE),
        (state(ONLINE, WILL), timedelta(0), Condition.OFFLINE),
    ],
)
def test_a_collector_is_as_it_said_while_that_can_be_believed(known, silent, expected):
    assert condition(known, None, NOON + (silent or timedelta(0))) is expected


def test_a_batch_is_a_sign_of_life_too():
    assert condition(state(ONLINE), LATER, LATER) is Condition.ONLINE
    assert condition(None, NOON, LATER) is Condition.STALE


@pytest.mark.parametrize(("offset_ms", "off"), [(None, False), (500, False), (-501, True)])
def test_a_clock_is_off_beyond_half_a_second(offset_ms, off):
    assert clock_is_off(state(replace(ONLINE, clock_offset_ms=offset_ms))) is off
