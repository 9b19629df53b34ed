"""
A broker that confirms and then drops: what its queue had no room for is asked for, and comes.

Mosquitto's own default is such a limit; `config/mosquitto/` has none, but a disk has.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import aiomqtt
import pytest

from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.mqtt import MqttConfig, MqttSource, control_topic, state_topics, uplink_topics
from ingest.pipeline import IngestConfig, Pipeline
from mdms.services.gaps import GapService
from tests.brokers import LiveClock, Mosquitto, mosquitto
from tests.channels import Installed, channel_table
from tests.fakes import FakeUnitOfWork
from tests.messages import NOON, NOON_S, frame, message

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.skipif(mosquitto() is None, reason="Mosquitto is not installed"),
]

COUNT, QUEUED_MAX = 300, 50
TOPIC = "ami/v1/cpau/col/7/{}"


def batch(seq: int, *, flags: int = 0) -> bytes:
    read = frame(t_newest=NOON_S - 900 * seq, register=10**6 - seq, deltas=[seq])
    return message(read, batch_seq=seq, flags=flags)


@asynccontextmanager
async def tower(url: str) -> AsyncIterator[aiomqtt.Client]:
    """Be a collector that keeps what it sent, and sends it again when it is asked."""
    host, port = url.removeprefix("mqtt://").split(":")
    async with aiomqtt.Client(host, int(port)) as client:
        await client.subscribe(TOPIC.format("down/ctl"), qos=1)
        answering = asyncio.create_task(_answer(client))
        yield client
        answering.cancel()
        await asyncio.wait({answering})


async def _answer(client: aiomqtt.Client) -> None:
    async for asked in client.messages:
        request = json.loads(bytes(asked.payload))
        for seq in range(request["from_seq"], request["to_seq"] + 1):
            payload = batch(seq, flags=fnb1.FLAG_BACKFILL)
            await client.publish(TOPIC.format("up/backfill"), payload, qos=1)


def source_at(url: str) -> MqttSource:
    topics = uplink_topics("cpau"), state_topics("cpau")
    return MqttSource(MqttConfig(url=url, client_id="ingest", topics=topics), LiveClock())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await LiveClock().sleep(0.02)


async def test_what_a_full_queue_dropped_after_confirming_it_comes_by_backfill(tmp_path):
    work = FakeUnitOfWork(channel_table(Installed()), [7])
    limit = f"max_queued_messages {QUEUED_MAX}"
    # Later lines win: the limit replaces the absence of one.
    with Mosquitto(tmp_path, inflight_max=20, settings=limit) as broker:
        async with source_at(broker.url) as source:
            await source.until_connected()  # the broker has a session to queue for
        async with tower(broker.url) as collector:
            for seq in range(1, COUNT + 1):
                await collector.publish(TOPIC.format("up/read"), batch(seq), qos=1)

            async with source_at(broker.url) as source:

                async def tell(collector_id: int, payload: bytes) -> None:
                    await source.publish(control_topic("cpau", collector_id), payload)

                gaps = GapService(work, LiveClock(), tell)
                horizon = VeeHorizon(ZoneInfo("America/Los_Angeles"))
                pipeline = Pipeline(
                    source, work, LiveClock(), IngestConfig(age_s_max=0.02), horizon,
                    on_holes=gaps.wake,
                )  # fmt: skip
                running = asyncio.create_task(pipeline.run())
                await source.until_connected()
                state = {"s": "online", "id": 7, "boot": 99, "seq": COUNT, "oldest_seq": 1}
                await collector.publish(TOPIC.format("state"), json.dumps(state), qos=1)
                await until(lambda: bool(work.gaps.by_id))
                came = len(work.messages.recorded)
                await gaps.run_due(NOON + timedelta(seconds=31))
                await until(lambda: not work.gaps.by_id)
                running.cancel()
                await asyncio.wait({running})

    assert came < COUNT
    assert sorted(each.batch_seq for each in work.messages.recorded.values()) == [
        *range(1, COUNT + 1)
    ]
    assert sorted(work.readings.interval_values.values()) == [*range(1, COUNT + 1)]
