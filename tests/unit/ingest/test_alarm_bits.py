"""Alarms that ride in readings: told when they begin and when they end."""

from collections.abc import Sequence
from typing import Any

from ingest import codecs
from ingest.alarm_bits import AlarmBits
from ingest.channels import ChannelIndex
from ingest.codecs import fnb1_readings
from ingest.joined import join
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.events import NOTICEABLE, EndDeviceEvent, EventCode, Severity
from mdms.domain.time import from_epoch_s
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeSource
from tests.messages import EVENT_TOPIC, NOON, NOON_S, READ_TOPIC, event_frame, frame, message
from tests.unit.ingest.test_pipeline import ZONE, database

LEAK, BATTERY = fnb1_readings.FLAG_LEAK, fnb1_readings.FLAG_LOW_BATTERY
RADIO = 47_622_887
STEP_S = 900


def seen(alarms: AlarmBits, *frames: bytes, rows: Sequence[Installed] = ()) -> list[EndDeviceEvent]:
    """Return what a batch of these frames tells of alarms."""
    channels = ChannelIndex(channel_table(*(rows or [Installed()])))
    joined = join([codecs.open_message(READ_TOPIC, message(*frames), NOON)], None)
    noticed = alarms.look(joined, channels.resolve(joined.frames), channels)
    alarms.keep(noticed)
    return list(noticed.events)


def said(events: Sequence[EndDeviceEvent]) -> list[tuple[str, int, bool]]:
    return [(e.code.name, int(e.at.timestamp()) - NOON_S, e.cleared) for e in events]


def step(number: int, **fields: Any) -> bytes:
    return frame(t_newest=NOON_S + number * STEP_S, **fields)


def test_an_alarm_is_told_when_its_bit_rises_and_cleared_when_it_falls():
    alarms = AlarmBits()

    told = [
        said(seen(alarms, step(-9))),
        said(seen(alarms, step(-8, flags=LEAK))),
        said(seen(alarms, step(-7, flags=LEAK))),
        said(seen(alarms, step(-6, flags=LEAK | BATTERY))),
        said(seen(alarms, step(-5))),
        said(seen(alarms, step(-4))),
    ]

    assert told == [
        [],
        [("LEAK", -8 * STEP_S, False)],
        [],
        [("LOW_BATTERY", -6 * STEP_S, False)],
        [("LOW_BATTERY", -5 * STEP_S, True), ("LEAK", -5 * STEP_S, True)],
        [],
    ]


def test_copies_and_older_frames_are_no_news():
    alarms = AlarmBits()
    seen(alarms, step(-4, flags=LEAK))

    assert seen(alarms, step(-4, flags=LEAK), step(-5), step(-6, flags=BATTERY)) == []


def test_frames_of_one_batch_are_taken_in_the_order_of_their_stamps():
    told = seen(AlarmBits(), step(-1), step(-3, flags=LEAK), step(-2, flags=LEAK))

    assert said(told) == [("LEAK", -3 * STEP_S, False), ("LEAK", -STEP_S, True)]


def test_an_event_says_whose_it_is_and_that_it_was_noticed():
    (event,) = seen(AlarmBits(), frame(flags=fnb1_readings.FLAG_TAMPER))

    assert event == EndDeviceEvent(
        collector_id=7, badge="M0", radio_id=RADIO, code=EventCode.TAMPER, at=from_epoch_s(NOON_S),
        severity=Severity.WARNING, register=721_345, noticed=True, received_at=NOON,
    )  # fmt: skip


def test_reverse_flow_is_energy_of_electric_meters_and_backflow_of_others():
    water = Installed(channel_id=1, radio_id=9, wire_channel=0x20)
    bit = fnb1_readings.FLAG_REVERSE_FLOW

    events = seen(
        AlarmBits(), frame(flags=bit), frame(meter_id=9, chan=0x20, flags=bit),
        rows=[Installed(), water],
    )  # fmt: skip

    assert {e.radio_id: e.code for e in events} == {
        RADIO: EventCode.REVERSE_ENERGY,
        9: EventCode.BACKFLOW,
    }


def test_every_alarm_bit_is_an_event_that_may_be_noticed_and_no_other_bit_is():
    told = [
        event.code
        for chan in (0x10, 0x20)
        for event in seen(
            AlarmBits(), frame(flags=0x3FF, chan=chan), rows=[Installed(wire_channel=chan)]
        )
    ]

    assert set(told) == NOTICEABLE, "mdms/domain/events.py names what readings carry"
    assert seen(AlarmBits(), frame(flags=0x3FF & ~fnb1_readings.ALARMS)) == []


def test_a_meter_that_should_be_silent_tells_nothing():
    assert seen(AlarmBits(), frame(flags=LEAK), rows=[Installed(radio_on=False)]) == []
    assert seen(AlarmBits(), frame(meter_id=5, flags=LEAK)) == []


def test_what_is_taken_back_is_told_again():
    alarms = AlarmBits()
    before = alarms.noticed
    first = seen(alarms, frame(flags=LEAK))

    alarms.keep(before)

    assert seen(alarms, frame(flags=LEAK)) == first


def test_a_frame_that_is_refused_tells_nothing():
    assert seen(AlarmBits(), frame(flags=LEAK, mtype=9)) == []


async def test_an_event_frame_and_the_bit_that_says_the_same_are_one_event():
    work = database()
    told = event_frame(code=EventCode.LEAK, severity=1, t_event=NOON_S - 300)
    envelopes = [
        Envelope(READ_TOPIC, message(frame(flags=LEAK))),
        Envelope(EVENT_TOPIC, message(told, schema_id=2, batch_seq=2)),
        Envelope(READ_TOPIC, message(frame(flags=LEAK), batch_seq=3)),
    ]

    await Pipeline(
        FakeSource([[each] for each in envelopes]), work, FakeClock(NOON), IngestConfig(),
        VeeHorizon(ZONE),
    ).run()  # fmt: skip

    assert [(e.code, e.noticed) for e in work.events.stored] == [(EventCode.LEAK, False)]


async def test_an_alarm_that_ended_while_nobody_listened_is_cleared_all_the_same():
    work = database()

    for sent in (step(-8, flags=LEAK | BATTERY), step(-4, flags=BATTERY)):
        source = FakeSource([[Envelope(READ_TOPIC, message(sent))]])
        await Pipeline(source, work, FakeClock(NOON), IngestConfig(), VeeHorizon(ZONE)).run()

    ended = [(event.code, event.cleared) for event in work.events.stored]
    assert ended.count((EventCode.LEAK, True)) == 1
    assert ended.count((EventCode.LOW_BATTERY, False)) == 1
    assert (EventCode.LOW_BATTERY, True) not in ended
