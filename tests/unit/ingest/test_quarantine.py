"""What waits for the registry, and for how long."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.late import VeeHorizon
from ingest.quarantine import Quarantine
from mdms.domain.errors import RejectReason
from mdms.ports.messages import Rejected
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock
from tests.letters import Database
from tests.messages import NOON, NOON_S, READ_TOPIC, frame

STARTS = [NOON_S - 900, NOON_S - 1800, NOON_S - 2700]


def database(*frames: bytes, reason: RejectReason, installed: Installed) -> Database:
    """Return a database in which a letter of each frame waits that came at noon."""
    work = Database()
    work.registry.ids = frozenset([7])
    work.registry.table = channel_table(installed)
    work.messages.rejected = [
        Rejected(reason, "", READ_TOPIC, each, number, NOON, 1)
        for number, each in enumerate(frames)
    ]
    return work


def quarantine(work: Database, clock: FakeClock | None = None) -> Quarantine:
    return Quarantine(work, clock or FakeClock(NOON), VeeHorizon(ZoneInfo("UTC")))


async def test_what_is_still_refused_waits_on_however_much_came_together():
    frames = [frame(register=number) for number in range(1_100)]
    later = Installed(installed_s=NOON_S + 60)
    work = database(*frames, reason=RejectReason.NOT_INSTALLED, installed=later)

    replayed = await quarantine(work).replay()

    assert (replayed.letter_count, replayed.cured_count) == (1_100, 0)
    assert len(work.messages.waiting) == 1_100


async def test_of_what_is_refused_for_the_same_reason_as_before_nothing_is_written():
    later = Installed(installed_s=NOON_S + 60)
    work = database(frame(), reason=RejectReason.NOT_INSTALLED, installed=later)
    await quarantine(work).replay()
    (known,) = work.messages.rejected

    again = await quarantine(work).replay()

    assert again.letter_count == 1
    assert work.messages.rejected[0] is known


async def test_intervals_of_another_length_than_is_registered_wait_until_that_is_put_right():
    work = database(
        frame(), reason=RejectReason.UNKNOWN_METER, installed=Installed(interval_s=1800)
    )

    refused = await quarantine(work).replay()
    only_registers = dict(work.readings.interval_values), dict(work.readings.register_values)
    work.registry.table = channel_table(Installed(interval_s=900))
    cured = await quarantine(work).replay()

    assert (refused.cured_count, cured.cured_count) == (0, 1)
    assert only_registers == ({}, {(0, NOON_S): 721_345})
    assert sorted(work.readings.interval_values) == sorted((0, start_s) for start_s in STARTS)


@pytest.mark.parametrize("seconds", [0, 60])
async def test_who_comes_looks_at_once_and_again_when_what_was_under_way_has_arrived(seconds):
    """What another process stored by the registry of before may be committed in between."""
    clock = FakeClock(NOON)
    work = database(reason=RejectReason.UNKNOWN_METER, installed=Installed())
    line = quarantine(work, clock)
    if seconds:
        await line.run_due(clock.now())
    letter = Rejected(RejectReason.UNKNOWN_METER, "", READ_TOPIC, frame(), 0, NOON, 1)
    work.messages.rejected = [letter]
    clock.advance(timedelta(seconds=seconds))

    replayed = await line.run_due(clock.now())

    assert replayed.cured_count == 1
