"""A real broker that holds messages for ingest, as it does after an outage of ours."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import aiomqtt

from ingest.mqtt import MqttConfig, MqttSource, uplink_topics
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.messages import Envelope
from tests.bench.server import Clocks
from tests.bench.traffic import NOW
from tests.brokers import Mosquitto, mosquitto

INFLIGHT_MAX = 20_000
AT_A_TIME = 500


class Broker(Protocol):
    """Either of the brokers that are there."""

    @property
    def url(self) -> str: ...
    @property
    def pid(self) -> int: ...


class BenchClock:
    """Real time for batch age and back-off; civil time stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - this is a clock


@contextmanager
def broker() -> Iterator[Broker]:
    """Run a Mosquitto, or the embedded broker where there is none; its queue is on disk."""
    with tempfile.TemporaryDirectory(prefix="mdms-bench-") as folder:
        running = (
            Mosquitto(Path(folder), inflight_max=INFLIGHT_MAX)
            if mosquitto()
            else EmbeddedBroker(Path(folder))
        )
        with running:
            yield running


class Queue:
    """
    A message source on a broker: all of the messages at once, then all of them again.

    What is measured begins when ingest connects and ends when the last message is acknowledged.

    Args:
        url: Where the broker is.
        messages: What it holds.
        clocks: Reads the clocks.
    """

    def __init__(
        self, url: str, messages: Sequence[Envelope], clocks: Callable[[], Clocks]
    ) -> None:
        self._url = url
        self._messages = messages
        self._clocks = clocks
        self._missing_count = 0
        self._all_acked = asyncio.Event()
        self._source: MqttSource | None = None
        self.spent: list[Clocks] = []
        self.batch_counts: list[int] = []

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        """Yield what the broker holds, twice over."""
        async with self._connection() as known:
            await known.until_connected()  # from now on the broker keeps what is published
        for _ in ("first time", "again"):
            await _publish(self._url, self._messages)
            self._missing_count = left = len(self._messages)
            self._all_acked.clear()
            self.batch_counts.append(0)
            begun = self._clocks()
            async with self._connection() as self._source:
                arriving = self._source.batches(
                    messages_max=messages_max, bytes_max=bytes_max, age_s_max=age_s_max
                )
                while left > 0:
                    batch = await anext(arriving)
                    left -= len(batch)
                    self.batch_counts[-1] += 1
                    yield batch
                await self._all_acked.wait()
                self.spent.append(self._clocks() - begun)

    async def ack(self, batch: Sequence[Envelope]) -> None:
        """Acknowledge to the broker."""
        assert self._source is not None, "a batch came over a connection"
        await self._source.ack(batch)
        self._missing_count -= len(batch)
        if self._missing_count == 0:
            self._all_acked.set()

    def _connection(self) -> MqttSource:
        config = MqttConfig(url=self._url, client_id="mdms-bench", topics=(uplink_topics("cpau"),))
        return MqttSource(config, BenchClock())


async def _publish(url: str, messages: Sequence[Envelope]) -> None:
    """Publish as collectors do, and wait until the broker has all of it."""
    parts = urlsplit(url)
    assert parts.hostname is not None, "the broker has an address"
    assert parts.port is not None, "and a port"
    async with aiomqtt.Client(parts.hostname, parts.port) as client:
        client.pending_calls_threshold = AT_A_TIME + 1
        for first in range(0, len(messages), AT_A_TIME):
            await asyncio.gather(
                *(
                    client.publish(each.topic, each.payload, qos=1)
                    for each in messages[first : first + AT_A_TIME]
                )
            )
