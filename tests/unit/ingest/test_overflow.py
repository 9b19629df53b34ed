"""An interval that does not fit its frame is missing, and an event."""

from datetime import timedelta

from ingest.assembly import Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.late import late_count
from mdms.domain.events import EventCode
from mdms.domain.readings import IntervalReads
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.messages import NOON, NOON_S, READ_TOPIC, frame, message

OVERFLOW = 0b10


def take(sent: bytes, *, radio_on: bool = True) -> Assembled:
    roster = Roster(ChannelIndex(channel_table(Installed(radio_on=radio_on))), frozenset({7}))
    batch = [Envelope(READ_TOPIC, message(frame(deltas=[1]), sent))]
    return assemble(batch, roster, {}, received_at=NOON, recorded_at=NOON)


def test_an_interval_that_overflowed_is_missing_and_an_event_at_its_start():
    assembled = take(frame(t_newest=NOON_S - 9000, deltas=[5, 65_535, 7], q=OVERFLOW << 2))

    (event,) = assembled.events
    assert (event.code, event.badge) == (EventCode.INTERVAL_OVERFLOW, "M0")
    assert event.at == NOON - timedelta(seconds=9000 + 1800)
    assert sorted(assembled.intervals.value.tolist()) == [1, 5, 7]


def test_it_is_the_event_of_its_own_meter_whatever_else_comes_with_it():
    table = channel_table(
        Installed(radio_id=11),
        Installed(channel_id=1, radio_id=22),
        Installed(channel_id=2, radio_id=33),
    )
    sent = [
        message(frame(meter_id=22, deltas=[65_535], q=OVERFLOW), frame(meter_id=33, deltas=[1])),
        message(frame(meter_id=11, deltas=[2]), batch_seq=2),
    ]

    assembled = assemble(
        [Envelope(READ_TOPIC, each) for each in sent],
        Roster(ChannelIndex(table), frozenset({7})),
        {},
        received_at=NOON,
        recorded_at=NOON,
    )

    assert [event.badge for event in assembled.events] == ["M1"]


def test_other_quality_is_no_event():
    assert take(frame(deltas=[5, 6, 7], q=0b11_01_00)).events == []


def test_of_a_silent_meter_nothing_is_told_but_that_it_was_heard():
    events = take(frame(deltas=[5], q=OVERFLOW), radio_on=False).events

    assert {event.code for event in events} == {EventCode.RADIO_OFF_VIOLATION}


def test_what_comes_after_three_days_is_late():
    assembled = take(frame(t_newest=NOON_S - 72 * 3600 + 900, deltas=[5, 6]))

    assert late_count(assembled.intervals, NOON) == 1
    assert late_count(IntervalReads.empty(), NOON) == 0
