"""Events and answers on their way in: stored once, acknowledged when stored, silent meters kept."""

import json

import pytest

from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.errors import RejectReason, UnavailableError
from mdms.domain.events import EventCode, Severity
from mdms.domain.time import from_epoch_s
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeSource, FakeUnitOfWork
from tests.messages import EVENT_TOPIC, NOON, NOON_S, READ_TOPIC, event_frame, frame, message
from tests.unit.ingest.test_pipeline import ZONE, database

ACK_TOPIC = "ami/v1/cpau/col/7/up/ack"
SILENT = Installed(channel_id=1, radio_id=1, radio_on=False)


class Downlink:
    """Keeps what was told to collectors."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, object]]] = []
        self.away = False

    async def tell(self, collector_id: int, payload: bytes) -> None:
        if self.away:
            raise UnavailableError("away")
        self.told.append((collector_id, json.loads(payload)))


class Station:
    """A pipeline with everything behind and below it."""

    def __init__(self, *rows: Installed) -> None:
        self.work = FakeUnitOfWork(channel_table(*rows), collector_ids=[7]) if rows else database()
        self.downlink = Downlink()
        self.answer_count = 0

    def on_answers(self) -> None:
        self.answer_count += 1

    async def take(self, *envelopes: Envelope) -> FakeSource:
        source = FakeSource([[each] for each in envelopes])
        await Pipeline(
            source,
            self.work,
            FakeClock(NOON),
            IngestConfig(),
            VeeHorizon(ZONE),
            tell=self.downlink.tell,
            on_answers=self.on_answers,
        ).run()
        return source


def events(*frames: bytes, batch_seq: int = 1) -> Envelope:
    return Envelope(EVENT_TOPIC, message(*frames, schema_id=2, batch_seq=batch_seq))


async def test_an_event_is_stored_with_the_meter_that_carried_the_radio():
    station = Station()

    await station.take(events(event_frame(code=13, sub=1)))

    (event,) = station.work.events.stored
    assert (event.badge, event.code, event.sub) == ("M0", EventCode.SWITCH_CHANGED, 1)
    assert event.at == from_epoch_s(NOON_S - 60)
    assert event.severity is Severity.ALARM


async def test_copies_of_an_alarm_are_stored_once_and_acknowledged_each_time():
    station = Station()
    again = event_frame(t_event=NOON_S - 56)

    await station.take(events(event_frame()), events(again, batch_seq=2))

    assert len(station.work.events.stored) == 1
    told = {"op": "ack_event", "meter_id": 47_622_887, "seq": 5}
    assert station.downlink.told == [(7, told), (7, told)]


async def test_what_is_no_alarm_is_not_acknowledged():
    station = Station()

    await station.take(events(event_frame(severity=1)))

    assert station.downlink.told == []


async def test_an_alarm_that_cannot_be_acknowledged_now_is_stored_all_the_same():
    station = Station()
    station.downlink.away = True

    source = await station.take(events(event_frame()))

    assert len(station.work.events.stored) == 1
    assert len(source.acked) == 1


async def test_nothing_is_acknowledged_down_before_it_is_stored():
    station = Station()
    station.work.failures = [None, None, AssertionError("a mistake of ours")]

    with pytest.raises(AssertionError):
        await station.take(events(event_frame()))

    assert station.downlink.told == []


async def test_an_event_of_a_meter_that_nobody_knows_is_a_dead_letter():
    station = Station()

    await station.take(events(event_frame(meter_id=1), event_frame()))

    assert [each.reason for each in station.work.messages.rejected] == [RejectReason.UNKNOWN_METER]
    assert len(station.work.events.stored) == 1


async def test_an_event_of_a_silent_meter_leaves_only_that_it_was_heard():
    station = Station(SILENT)

    await station.take(events(event_frame(meter_id=1, code=9, value=300)))

    (event,) = station.work.events.stored
    assert (event.code, event.value, event.register) == (EventCode.RADIO_OFF_VIOLATION, 0, 0)
    (kept,) = station.work.messages.recorded.values()
    assert kept.payload[64:] == event_frame(meter_id=1, code=9, register=0)
    assert fnb1.peek(kept.payload).schema_id == 2


async def test_a_reading_of_a_silent_meter_is_kept_as_the_fact_that_it_was_heard():
    station = Station(SILENT)

    await station.take(Envelope(READ_TOPIC, message(frame(meter_id=1))))

    (event,) = station.work.events.stored
    assert (event.badge, event.code) == ("M1", EventCode.RADIO_OFF_VIOLATION)
    assert station.work.readings.register_values == {}


async def test_answers_are_stored_unopened_and_their_reader_is_told():
    station = Station()
    record = bytes(range(64))

    await station.take(Envelope(ACK_TOPIC, message(record, schema_id=3)))

    assert station.work.controls.received == [ReceivedAnswer(7, 3, record, NOON)]
    assert station.answer_count == 1


async def test_messages_without_answers_wake_nobody():
    station = Station()

    await station.take(events(event_frame()))

    assert station.answer_count == 0
