"""A meter's clock, judged by the age of what it sends (V05)."""

from itertools import pairwise

import pytest

from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.errors import RejectReason
from mdms.domain.events import EndDeviceEvent, EventCode
from mdms.domain.time import from_epoch_s
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeSource, FakeUnitOfWork
from tests.messages import NOON_S, READ_TOPIC, frame, message
from tests.unit.ingest.test_pipeline import ZONE

METER = Installed(channel_id=1, radio_id=47_622_887)
AGE_S = 2
"""Every frame of these tests reached its collector so long before the batch was closed."""


def sent(after_s: int, stamp_s: int, *, number: int, kind: str = "read", **fields: int) -> Envelope:
    """Return a message closed some seconds after noon, of one frame stamped so long after it."""
    read = frame(t_newest=NOON_S + stamp_s, n=1, deltas=(7,), **fields)
    closed_us = (NOON_S + after_s + AGE_S) * 1_000_000
    flags = 2 if kind == "backfill" else 0
    payload = message(read, batch_seq=number, batch_time_us=closed_us, flags=flags)
    return Envelope(READ_TOPIC.replace("read", kind), payload)


async def told(*messages: Envelope, meter: Installed = METER) -> list[EndDeviceEvent]:
    """Return what ingest says of clocks while it takes these messages one by one."""
    work = FakeUnitOfWork(channel_table(meter), collector_ids=[7])
    source = FakeSource([[each] for each in messages])
    clock = FakeClock(from_epoch_s(NOON_S + 4 * 3600))
    await Pipeline(source, work, clock, IngestConfig(), VeeHorizon(ZONE)).run()
    return [event for event in work.events.stored if event.code is EventCode.CLOCK_OFF]


def late(hours: float, *quarters: int) -> list[Envelope]:
    """Return frames that a meter sends 300 s after these quarters of an hour, its clock behind."""
    behind_s = int(hours * 3600)
    return [
        sent(quarter * 900 + 300, quarter * 900 - behind_s, number=number)
        for number, quarter in enumerate(quarters, start=1)
    ]


async def test_nothing_is_said_of_meters_that_send_what_has_just_ended():
    fresh = [sent(quarter * 900 + 890, quarter * 900, number=quarter + 1) for quarter in range(8)]

    assert await told(*fresh) == []


async def test_a_clock_an_hour_behind_is_told_of_once_a_second_frame_agrees():
    first, second = late(1, 0, 1)

    assert await told(first) == []
    (event,) = await told(first, second)

    assert (event.badge, event.cleared, event.at) == ("M1", False, from_epoch_s(NOON_S + 1200))
    assert event.value == -3000, "behind by at least the age less an interval"


async def test_a_replayed_frame_proves_nothing():
    first, *_ = late(1, 0)

    assert await told(*[sent(300 + again, -3600, number=again + 1) for again in range(3)]) == []
    assert await told(first, first) == []


async def test_a_clock_that_was_set_right_is_told_of():
    wrong, right = late(1, 0, 1), sent(2 * 900 + 300, 2 * 900, number=9)

    assert [event.cleared for event in await told(*wrong, right)] == [False, True]


async def test_a_clock_ahead_is_told_of_within_what_intake_lets_pass():
    ahead = [sent(quarter * 900 - 250, quarter * 900, number=quarter + 1) for quarter in range(2)]

    (event,) = await told(*ahead)

    assert event.value == 250


async def test_frames_that_intake_refuses_for_coming_from_the_future_tell_of_their_clock():
    work = FakeUnitOfWork(channel_table(METER), collector_ids=[7])
    clock = FakeClock(from_epoch_s(NOON_S + 900))
    frames = [sent(quarter * 450, quarter * 450 + 3600, number=quarter + 1) for quarter in (0, 1)]

    await Pipeline(FakeSource([frames]), work, clock, IngestConfig(), VeeHorizon(ZONE)).run()

    (event,) = [event for event in work.events.stored if event.code is EventCode.CLOCK_OFF]
    assert event.value == 3600
    assert {each.reason for each in work.messages.rejected} == {RejectReason.TIME_FUTURE}


@pytest.mark.parametrize("fields", [{"mtype": 2}, {"flags": 1}, {"flags": 2}])
async def test_a_frame_sent_out_of_turn_or_after_an_outage_proves_nothing(fields):
    old = [
        sent(quarter * 900 + 300, quarter * 900 - 3600, number=quarter + 1, **fields)
        for quarter in range(3)
    ]

    assert await told(*old) == []


async def test_what_comes_by_backfill_proves_nothing():
    old = [
        sent(quarter * 900 + 300, quarter * 900 - 3600, number=quarter + 1, kind="backfill")
        for quarter in range(3)
    ]

    assert await told(*old) == []


async def test_nothing_is_said_of_meters_whose_radio_should_be_silent():
    silent = Installed(channel_id=1, radio_id=METER.radio_id, radio_on=False)

    assert await told(*late(1, 0, 1, 2), meter=silent) == []


async def test_a_clock_that_stays_wrong_is_told_of_again_every_six_hours():
    every = late(1, *range(-80, 10, 2))

    at = [event.at for event in await told(*every)]

    assert len(at) >= 3
    assert all((later - earlier).total_seconds() >= 6 * 3600 for earlier, later in pairwise(at))
