"""What every message source promises: the fake, the embedded broker and a real Mosquitto alike."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from ingest.mqtt import MqttConfig, MqttSource, uplink_topics
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.messages import Envelope, MessageSource
from tests.brokers import LiveClock, Mosquitto, mosquitto
from tests.fakes import FakeSource

TOPIC = "ami/v1/cpau/col/1/up/read"
ACK_WINDOW = 20


@dataclass(frozen=True)
class World:
    """A broker, seen from outside of the source under test."""

    connect: Callable[[], AbstractAsyncContextManager[MessageSource]]
    """The same consumer again; leaving it ends the connection."""
    publish: Callable[[Sequence[bytes]], Awaitable[None]]
    cut: Callable[[MessageSource], None]
    """End the connection without a word, as a dead link does."""
    heard: Callable[[MessageSource], Awaitable[None]]
    """Return when the broker has read what the source has said."""


def fake_world() -> World:
    source = FakeSource()

    @asynccontextmanager
    async def connect():
        yield source

    async def publish(payloads: Sequence[bytes]) -> None:
        source.given += [[Envelope(TOPIC, payload)] for payload in payloads]

    def cut(_: MessageSource) -> None:
        """It has no link."""

    async def heard(_: MessageSource) -> None:
        """It is its own broker."""

    return World(connect, publish, cut, heard)


def mqtt_world(url: str, *, receive_max: int) -> World:
    config = MqttConfig(
        url=url,
        client_id="ingest",
        topics=(uplink_topics("cpau"),),
        receive_max=receive_max,
        backoff_s_max=0.1,
    )

    @asynccontextmanager
    async def connect():
        async with MqttSource(config, LiveClock()) as source:
            await source.until_connected()
            yield source

    async def publish(payloads: Sequence[bytes]) -> None:
        host, port = url.removeprefix("mqtt://").split(":")
        nodelay = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with aiomqtt.Client(host, int(port), socket_options=[nodelay]) as client:
            for payload in payloads:
                await client.publish(TOPIC, payload, qos=1)

    def cut(source: MessageSource) -> None:
        assert isinstance(source, MqttSource)
        assert source._client is not None
        link = source._client._client.socket()
        assert isinstance(link, socket.socket)
        link.shutdown(socket.SHUT_RDWR)

    async def heard(source: MessageSource) -> None:
        # Brokers read in order, and answer this. They forget what they have not read of a
        # connection when the same client opens another.
        assert isinstance(source, MqttSource)
        await source.publish("ami/v1/cpau/heard", b"")

    return World(connect, publish, cut, heard)


@pytest.fixture(
    params=[
        "fake",
        pytest.param("embedded", marks=pytest.mark.broker),
        pytest.param(
            "mosquitto",
            marks=[
                pytest.mark.broker,
                pytest.mark.skipif(mosquitto() is None, reason="Mosquitto is not installed"),
            ],
        ),
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    match request.param:
        case "fake":
            yield fake_world()
        case "embedded":
            with EmbeddedBroker(tmp_path) as broker:
                yield mqtt_world(broker.url, receive_max=5_000)
        case _:
            with Mosquitto(tmp_path, inflight_max=ACK_WINDOW) as server:
                yield mqtt_world(server.url, receive_max=ACK_WINDOW)


def numbered(numbers: Sequence[int]) -> list[bytes]:
    return [b"%d" % number for number in numbers]


async def take(source: MessageSource, wanted: int, *, acknowledge: int = 0) -> list[int]:
    """Return the numbers of this many messages; of these the first few are acknowledged."""
    taken: list[int] = []
    async with asyncio.timeout(60):
        async for batch in source.batches(messages_max=10, bytes_max=1 << 20, age_s_max=0.01):
            assert 1 <= len(batch) <= 10
            room = max(acknowledge - len(taken), 0)
            await source.ack(batch[:room])
            taken += [int(each.payload) for each in batch]
            if len(taken) >= wanted:
                break
    return taken


async def test_messages_come_in_the_order_in_which_they_were_published(world):
    async with world.connect() as source:
        await world.publish(numbered(range(100)))

        assert await take(source, 100, acknowledge=100) == list(range(100))


async def test_what_was_not_acknowledged_comes_again_to_the_next_connection(world):
    async with world.connect() as source:
        await world.publish(numbered(range(20)))
        await take(source, 20, acknowledge=7)
        await world.heard(source)

    async with world.connect() as source:
        assert await take(source, 13, acknowledge=13) == list(range(7, 20))


async def test_what_was_not_acknowledged_comes_again_after_a_cut_link(world):
    async with world.connect() as source:
        await world.publish(numbered(range(20)))
        await take(source, 20)

        world.cut(source)

        assert sorted(await take(source, 20, acknowledge=20)) == list(range(20))


async def test_what_was_acknowledged_never_comes_again(world):
    async with world.connect() as source:
        await world.publish(numbered(range(20)))
        await take(source, 20, acknowledge=20)
        await world.heard(source)

    async with world.connect() as source:
        await world.publish(numbered([99]))

        assert await take(source, 1, acknowledge=1) == [99]


async def test_what_is_published_while_nobody_listens_waits(world):
    async with world.connect():
        pass
    await world.publish(numbered(range(5)))

    async with world.connect() as source:
        assert await take(source, 5, acknowledge=5) == list(range(5))


@pytest.mark.slow
async def test_a_small_window_of_acknowledgements_does_not_stall(world):
    async with world.connect() as source:
        await world.publish(numbered(range(2_000)))

        assert await take(source, 2_000, acknowledge=2_000) == list(range(2_000))
