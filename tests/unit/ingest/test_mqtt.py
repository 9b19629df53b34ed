"""What is taken of messages that the broker sends."""

from ingest.mqtt import MqttConfig, MqttSource
from ingest.packets import Message
from mdms.telemetry import metrics
from tests.fakes import FakeClock
from tests.messages import NOON, READ_TOPIC

RECEIVE_MAX = 10


def shed_count() -> float:
    return float(metrics.INGEST_SHED.labels(kind="message")._value.get())


async def test_what_was_sent_without_a_promise_waits_in_bounds_and_the_rest_is_counted():
    config = MqttConfig(url="mqtt://b", client_id="i", topics=("t",), receive_max=RECEIVE_MAX)
    source = MqttSource(config, FakeClock(NOON))
    before = shed_count()

    source._take([Message(READ_TOPIC, b"at most once", 0, retained=False)] * 50)
    source._take([Message(READ_TOPIC, b"at least once", 1, retained=False)])

    batch = await anext(source.batches(messages_max=100, bytes_max=1 << 20, age_s_max=0))
    assert [envelope.token for envelope in batch] == [None] * 2 * RECEIVE_MAX + [1]
    assert shed_count() - before == 50 - 2 * RECEIVE_MAX
