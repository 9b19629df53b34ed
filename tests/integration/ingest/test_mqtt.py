"""The MQTT adapter against brokers that are slow, full, killed or old."""

import asyncio
import os
import signal
from typing import Literal

import aiomqtt
import pytest

from ingest.mqtt import MqttConfig, MqttSource, uplink_topics
from mdms.domain.errors import UnavailableError
from mdms.embedded.broker import EmbeddedBroker
from mdms.embedded.processes import free_port
from mdms.ports.messages import Envelope
from tests.brokers import LiveClock, Mosquitto, mosquitto

pytestmark = pytest.mark.broker

TOPIC = "ami/v1/cpau/col/1/up/read"


Protocol = Literal["auto", "5", "3.1.1"]


def source_at(url: str, *, receive_max: int = 5_000, protocol: Protocol = "auto") -> MqttSource:
    config = MqttConfig(
        url=url,
        client_id="ingest",
        topics=(uplink_topics("cpau"),),
        protocol=protocol,
        receive_max=receive_max,
        backoff_s_max=0.1,
    )
    return MqttSource(config, LiveClock())


async def publish(url: str, count: int) -> None:
    host, port = url.removeprefix("mqtt://").split(":")
    async with aiomqtt.Client(host, int(port)) as client:
        for number in range(count):
            await client.publish(TOPIC, str(number), qos=1)


async def take(source: MqttSource, count: int, *, ack: bool = True) -> list[Envelope]:
    taken: list[Envelope] = []
    async with asyncio.timeout(60):
        async for batch in source.batches(messages_max=10, bytes_max=1 << 20, age_s_max=0):
            if ack:
                await source.ack(batch)
            taken += batch
            if len(taken) >= count:
                break
    return taken


async def test_a_killed_broker_is_found_again_and_loses_nothing(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        async with source_at(broker.url) as source:
            await source.until_connected()
            await publish(broker.url, 20)
            held = await take(source, 20, ack=False)

            os.kill(broker.pid, signal.SIGKILL)
            while broker.running or source.connected:
                await LiveClock().sleep(0.01)
            await source.ack(held)
            with pytest.raises(UnavailableError):
                await source.publish(TOPIC, b"")
            broker.start()
            again = await take(source, 20)

    assert sorted(int(each.payload) for each in again) == list(range(20))


async def test_who_publishes_to_a_broker_that_dies_is_told_at_once(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        async with source_at(broker.url) as source:
            await source.until_connected()
            os.kill(broker.pid, signal.SIGSTOP)
            publishing = asyncio.create_task(source.publish(TOPIC, b"open"))
            await asyncio.wait({publishing}, timeout=0.1)

            os.kill(broker.pid, signal.SIGKILL)

            with pytest.raises(UnavailableError):
                async with asyncio.timeout(8):  # not the ten seconds of the client
                    await publishing


@pytest.mark.slow
async def test_a_message_that_is_sent_again_while_it_is_worked_on_is_dropped(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        async with source_at(broker.url) as source:
            await source.until_connected()
            await publish(broker.url, 1)
            (held,) = await take(source, 1, ack=False)

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):  # the broker sends again after two seconds
                    await anext(source.batches(messages_max=1, bytes_max=1, age_s_max=0))

            await source.ack([held])
            await publish(broker.url, 1)
            (other,) = await take(source, 1)
    assert other is not held


@pytest.mark.slow
async def test_what_does_not_fit_is_left_with_the_broker_and_fetched_later(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        async with source_at(broker.url, receive_max=10) as source:
            await source.until_connected()
            await publish(broker.url, 100)

            taken = await take(source, 100)

    assert sorted(int(each.payload) for each in taken) == list(range(100))


@pytest.mark.skipif(mosquitto() is None, reason="Mosquitto is not installed")
@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
async def test_every_protocol_is_spoken_with_a_broker_that_has_them_all(tmp_path, protocol):
    with Mosquitto(tmp_path, inflight_max=20) as server:
        async with source_at(server.url, protocol=protocol) as source:
            await source.until_connected()
            await publish(server.url, 1)

            (envelope,) = await take(source, 1)

    assert (envelope.topic, envelope.payload) == (TOPIC, b"0")


async def test_a_source_waits_for_a_broker_that_is_not_there_yet():
    async with source_at(f"mqtt://127.0.0.1:{free_port()}") as source:
        await LiveClock().sleep(0.05)

        assert not source.connected


async def test_an_error_inside_leaves_a_source_as_it_is():
    with pytest.raises(UnavailableError):
        async with source_at(f"mqtt://127.0.0.1:{free_port()}") as source:
            await source.publish(TOPIC, b"")
