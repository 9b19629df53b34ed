"""The embedded broker keeps what it has confirmed, whatever is done to it."""

import os
import signal

import aiomqtt
import pytest

from mdms.embedded.broker import EmbeddedBroker

pytestmark = pytest.mark.broker

TOPIC = "ami/v1/cpau/col/1/up/read"


def client(broker: EmbeddedBroker, identifier: str) -> aiomqtt.Client:
    host, port = broker.url.removeprefix("mqtt://").split(":")
    return aiomqtt.Client(host, int(port), identifier=identifier, clean_session=False)


async def test_queued_messages_survive_a_kill_of_the_broker(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        async with client(broker, "consumer") as consumer:
            await consumer.subscribe(TOPIC, qos=1)
        async with client(broker, "collector") as collector:
            for number in range(100):
                await collector.publish(TOPIC, str(number), qos=1)

        url, pid = broker.url, broker.pid
        os.kill(pid, signal.SIGKILL)
        while broker.running:
            pass
        broker.start()

        received = []
        async with client(broker, "consumer") as consumer:
            async for message in consumer.messages:
                received.append(int(message.payload))
                if len(received) == 100:
                    break
    assert broker.url == url
    assert received == list(range(100))


def test_two_brokers_run_side_by_side(tmp_path):
    with EmbeddedBroker(tmp_path / "a") as first, EmbeddedBroker(tmp_path / "b") as second:
        both_running = first.running and second.running

        assert both_running
        assert first.url != second.url


def test_a_stopped_broker_leaves_no_process(tmp_path):
    broker = EmbeddedBroker(tmp_path)
    broker.start()

    broker.stop()

    assert not broker.running
