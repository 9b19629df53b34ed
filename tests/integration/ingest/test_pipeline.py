"""The whole way in on real parts: broker, pipeline, database."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiomqtt
import pytest

from ingest.late import VeeHorizon
from ingest.mqtt import MqttConfig, MqttSource, uplink_topics
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.errors import RejectReason
from mdms.domain.time import Period
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.brokers import LiveClock
from tests.integration.storage.registries import SMALL_TOWN
from tests.messages import NOON, NOON_S, frame, message

pytestmark = [pytest.mark.broker, pytest.mark.db]

COLLECTOR_ID = SMALL_TOWN.collectors[0].collector_id
RADIO_ID = 47_622_888
TOPIC = f"ami/v1/cpau/col/{COLLECTOR_ID}/up/read"
MESSAGE_COUNT = 48
WHOLE = Period(NOON - timedelta(days=2), NOON + timedelta(days=2))


def overlapping_messages() -> list[bytes]:
    """Return messages of which each repeats eleven of the twelve intervals before it."""
    messages = []
    for number in range(MESSAGE_COUNT):
        end_s = NOON_S - 900 * (MESSAGE_COUNT - number)
        deltas = [(end_s // 900 - back) % 1000 for back in range(12)]
        sent = frame(meter_id=RADIO_ID, t_newest=end_s, register=number, deltas=deltas)
        messages.append(message(sent, collector_id=COLLECTOR_ID, batch_seq=number + 1))
    return messages


async def publish(url: str, payloads: Sequence[bytes]) -> None:
    host, port = url.removeprefix("mqtt://").split(":")
    async with aiomqtt.Client(host, int(port)) as client:
        for payload in payloads:
            await client.publish(TOPIC, payload, qos=1)


class Ending(MqttSource):
    """A source whose consumer ends right before or after it has acknowledged so many messages."""

    def __init__(self, config: MqttConfig, *, left: int, die: bool) -> None:
        super().__init__(config, LiveClock())
        self._left = left
        self._die = die

    async def ack(self, batch: Sequence[Envelope]) -> None:
        self._left -= len(batch)
        if self._left <= 0 and self._die:
            raise ConnectionAbortedError("killed between commit and acknowledgement")
        await super().ack(batch)
        if self._left <= 0:
            raise asyncio.CancelledError


async def ingest(url: str, store: UnitOfWorkFactory, *, left: int, die: bool) -> None:
    """Run a fresh consumer until its end."""
    config = MqttConfig(url=url, client_id="ingest", topics=(uplink_topics("cpau"),))
    async with Ending(config, left=left, die=die) as source:
        pipeline = Pipeline(
            source,
            store,
            LiveClock(),
            IngestConfig(messages_max=10, age_s_max=0.02),
            VeeHorizon(ZoneInfo("America/Los_Angeles")),
        )
        running = asyncio.create_task(pipeline.run())
        await asyncio.wait({running})
        if die:
            assert isinstance(running.exception(), ConnectionAbortedError)


@pytest.mark.slow
async def test_every_interval_is_stored_once_though_the_consumer_is_killed(
    tmp_path: Path, store: UnitOfWorkFactory
) -> None:
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
    sent = overlapping_messages()
    with EmbeddedBroker(tmp_path) as broker:
        config = MqttConfig(url=broker.url, client_id="ingest", topics=(uplink_topics("cpau"),))
        async with MqttSource(config, LiveClock()) as source:
            await source.until_connected()
        await publish(broker.url, [*sent, b"junk"])

        await ingest(broker.url, store, left=25, die=True)
        await ingest(broker.url, store, left=len(sent) + 1 - 20, die=False)

    async with store() as work:
        intervals = await work.readings.intervals(WHOLE)
        registers = await work.readings.registers(WHOLE)
        (sequence,) = await work.messages.sequences()
        dead_letters = await work.messages.dead_letter_counts()
    starts = [NOON_S - 900 * back for back in range(MESSAGE_COUNT + 12, 1, -1)]
    assert intervals.start_s.tolist() == starts
    assert intervals.value.tolist() == [(start_s // 900 + 1) % 1000 for start_s in starts]
    assert registers.value.tolist() == list(range(MESSAGE_COUNT))
    assert sequence.batch_seq == MESSAGE_COUNT
    assert set(dead_letters) == {RejectReason.BAD_LENGTH}
