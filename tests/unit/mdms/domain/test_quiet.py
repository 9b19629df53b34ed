"""Quiet: no look too many, and none forgotten."""

from datetime import UTC, datetime, timedelta

from mdms.domain.quiet import Quiet

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_there_is_no_quiet_before_the_first_look():
    assert not Quiet().lasts(NOON)


def test_quiet_lasts_until_the_first_thing_is_due():
    quiet = Quiet()
    quiet.begin()
    quiet.until(NOON + 3 * HOUR, [NOON + 2 * HOUR, NOON + HOUR])

    assert quiet.lasts(NOON + HOUR - timedelta(seconds=1))
    assert not quiet.lasts(NOON + HOUR)


def test_quiet_has_an_end_when_nothing_is_due():
    quiet = Quiet()
    quiet.begin()
    quiet.until(NOON + HOUR, [])

    assert not quiet.lasts(NOON + HOUR)


def test_a_disturbance_ends_it():
    quiet = Quiet()
    quiet.begin()
    quiet.until(NOON + HOUR, [])

    quiet.disturb()

    assert not quiet.lasts(NOON)


def test_a_disturbance_while_somebody_looks_is_not_forgotten():
    quiet = Quiet()
    quiet.begin()
    quiet.disturb()
    quiet.until(NOON + HOUR, [])

    assert not quiet.lasts(NOON)


def test_a_look_that_fails_leaves_no_quiet():
    quiet = Quiet()
    quiet.begin()
    quiet.until(NOON + HOUR, [])

    quiet.begin()

    assert not quiet.lasts(NOON)
