"""While the database is away for long: memory stays bounded, and everything is stored after."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import aiomqtt
import pytest

from ingest.late import VeeHorizon
from ingest.mqtt import MqttConfig, MqttSource, uplink_topics
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.errors import UnavailableError
from mdms.embedded.broker import EmbeddedBroker
from tests.brokers import LiveClock, Mosquitto, mosquitto
from tests.channels import Installed, channel_table
from tests.fakes import FakeUnitOfWork
from tests.messages import READ_TOPIC, frame, message

pytestmark = [pytest.mark.broker, pytest.mark.slow]

RECEIVE_MAX = 50
MESSAGE_COUNT = 8 * RECEIVE_MAX
LOADED = 2
"""Transactions before the first batch: registry, window."""


@pytest.fixture(
    params=[
        "embedded",
        pytest.param(
            "mosquitto",
            marks=pytest.mark.skipif(mosquitto() is None, reason="Mosquitto is not installed"),
        ),
    ]
)
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    broker: EmbeddedBroker | Mosquitto = (
        EmbeddedBroker(tmp_path)
        if request.param == "embedded"
        else Mosquitto(tmp_path, inflight_max=RECEIVE_MAX)
    )
    with broker:
        yield broker.url


class FarAway(FakeUnitOfWork):
    """A database that is away until it is told to come back."""

    def __init__(self) -> None:
        super().__init__(channel_table(Installed()), collector_ids=[7])
        self.there = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self.commit_count >= LOADED and not self.there.is_set():
            raise UnavailableError("the database is away")
        await super().__aenter__()
        return self


async def publish(url: str) -> None:
    host, port = url.removeprefix("mqtt://").split(":")
    async with aiomqtt.Client(host, int(port)) as client:
        for seq in range(1, MESSAGE_COUNT + 1):
            await client.publish(READ_TOPIC, message(frame(), batch_seq=seq), qos=1)


async def test_pending_messages_stay_bounded_and_all_are_stored_when_it_is_back(
    broker_url: str,
) -> None:
    config = MqttConfig(
        url=broker_url,
        client_id="ingest",
        topics=(uplink_topics("cpau"),),
        receive_max=RECEIVE_MAX,
        backoff_s_max=0.1,
    )
    work = FarAway()
    async with MqttSource(config, LiveClock()) as source:
        await source.until_connected()
        pipeline = Pipeline(
            source,
            work,
            LiveClock(),
            IngestConfig(messages_max=10, age_s_max=0.02, backoff_s_max=0.1),
            VeeHorizon(ZoneInfo("America/Los_Angeles")),
        )
        running = asyncio.create_task(pipeline.run())

        await publish(broker_url)
        await LiveClock().sleep(1.0)
        pending = len(source._pending)
        work.there.set()
        async with asyncio.timeout(90):
            while len(work.messages.recorded) < MESSAGE_COUNT:
                await LiveClock().sleep(0.05)
        running.cancel()
        await asyncio.wait({running})

    assert 0 < pending <= 2 * RECEIVE_MAX
    assert {each.batch_seq for each in work.messages.recorded.values()} == set(
        range(1, MESSAGE_COUNT + 1)
    )
