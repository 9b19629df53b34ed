"""The part that takes reads: broker, pipeline, the search for what is missing; and commands."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from commands.dispatcher import Dispatcher
from commands.radios import OptoutRadios
from ingest.followed import FollowedClock, FollowedSource, simulated_time_topic
from ingest.hearing import Hearing
from ingest.mqtt import MqttConfig, MqttSource, control_topic, state_topics, uplink_topics
from ingest.pipeline import IngestConfig, Pipeline
from ingest.quarantine import Quarantine
from mdms.app.commands import open_dispatcher, open_watch
from mdms.app.core import Core
from mdms.app.keys import read_tags, read_trailers
from mdms.app.tasks import Tasks
from mdms.app.timers import (
    Nightly,
    StepTimers,
    Tower,
    ask_for_missing_forever,
    look_after_commands_forever,
)
from mdms.domain.errors import UnavailableError
from mdms.services.collectors import CollectorService
from mdms.services.gaps import GapService

_BROKER_S_MAX = 15.0
_HEARD_BATCHES = 40
"""Of each collector: some hours, by which a start knows who hears whom."""


@dataclass(frozen=True, slots=True)
class Line:
    """The running connection to collectors and their meters, as the API asks for it."""

    pipeline: Pipeline
    broker: MqttSource
    url: str
    gaps: GapService
    quarantine: Quarantine
    dispatcher: Dispatcher | None
    radios: OptoutRadios | None

    def problems(self) -> Sequence[str]:
        """Say in a sentence each what keeps reads from being stored now."""
        problems = []
        if not self.broker.connected:
            problems.append(f"no connection to the broker at {_without_password(self.url)}")
        if not self.pipeline.status.ready:
            problems.append("ingest waits for the database")
        return problems


async def start_ingest(
    core: Core,
    stack: AsyncExitStack,
    tasks: Tasks,
    nightly: Nightly | None,
    *,
    with_commands: bool,
) -> Line:
    """
    Connect to the broker and start to take reads, and to carry commands if wanted.

    Under a followed clock `nightly` runs from here: a step is answered when all due in it is done.

    Raises:
        UnavailableError: The broker does not answer.
        UsageError: A certificate cannot be used.
    """
    utility, clock = core.settings.utility.code, core.clock
    broker = await _broker(core, stack)

    async def tell(collector_id: int, payload: bytes) -> None:
        await broker.publish(control_topic(utility, collector_id), payload)

    async def on_radio() -> None:
        await pipeline.reload_registry()

    gaps = GapService(core.unit_of_work, clock, tell)
    dispatcher: Dispatcher | None = None
    hearing = Hearing()
    if with_commands:
        dispatcher = open_dispatcher(core, broker, on_radio=on_radio, collectors=hearing.best)
        async with core.unit_of_work() as work:
            hearing.note(await work.messages.newest(_HEARD_BATCHES))
    watch = open_watch(core, dispatcher) if dispatcher else None
    tags, trailers = read_tags(core.settings.ingest), read_trailers(core.settings.ingest)
    quarantine = Quarantine(core.unit_of_work, clock, core.horizon, tags=tags, trailers=trailers)
    source: MqttSource | FollowedSource = broker
    if isinstance(clock, FollowedClock):
        timers = StepTimers(gaps, quarantine, watch, dispatcher, nightly)
        source = await _followed(core, broker, clock, timers)
    ingest = core.settings.ingest
    pipeline = Pipeline(
        source,
        core.unit_of_work,
        clock,
        IngestConfig(
            messages_max=ingest.messages_max,
            bytes_max=ingest.bytes_max,
            age_s_max=ingest.age_s_max,
            backoff_s_max=ingest.backoff_s_max,
        ),
        core.horizon,
        brief=core.unit_of_work.pipelined,
        tags=tags,
        trailers=trailers,
        tell=tell,
        on_answers=dispatcher.wake if dispatcher else None,
        on_holes=gaps.wake,
        on_stored=hearing.note if dispatcher else None,
    )
    tasks.start(pipeline.run())
    if source is broker:
        tasks.start(ask_for_missing_forever(gaps, clock))
        collectors = CollectorService(core.unit_of_work, clock)
        tasks.start(Tower(broker, utility, collectors, quarantine, clock, pipeline).forever())
        if dispatcher is not None:
            tasks.start(dispatcher.forever())
        if watch is not None:
            tasks.start(look_after_commands_forever(watch, clock))
    return Line(
        pipeline,
        broker,
        core.settings.mqtt.url,
        gaps,
        quarantine,
        dispatcher,
        watch.radios if watch else None,
    )


async def _broker(core: Core, stack: AsyncExitStack) -> MqttSource:
    mqtt, utility = core.settings.mqtt, core.settings.utility.code
    topics = [uplink_topics(utility), state_topics(utility)]
    if isinstance(core.clock, FollowedClock):
        topics.append(simulated_time_topic(utility))
    config = MqttConfig(
        url=mqtt.url,
        client_id=mqtt.client_id,
        topics=tuple(topics),
        protocol=mqtt.protocol,
        receive_max=mqtt.receive_max,
        keepalive_s=mqtt.keepalive_s,
        ca=mqtt.ca,
        certificate=mqtt.certificate,
        key=mqtt.key,
    )
    config.connector()  # a certificate that cannot be used stops us here, not a minute later
    broker = await stack.enter_async_context(MqttSource(config, core.clock))
    await _until_connected(broker, mqtt.url)
    return broker


async def _followed(
    core: Core, broker: MqttSource, clock: FollowedClock, timers: StepTimers
) -> FollowedSource:
    async with core.unit_of_work() as work:
        sequences = await work.messages.sequences()
    return FollowedSource(
        broker,
        clock,
        utility=core.settings.utility.code,
        committed={each.collector_id: each.batch_seq for each in sequences},
        on_granted=timers.run_due,
        wanted_step_s=timers.wanted_step_s,
    )


async def _until_connected(broker: MqttSource, url: str) -> None:
    try:
        async with asyncio.timeout(_BROKER_S_MAX):
            await broker.until_connected()
    except TimeoutError as error:
        raise UnavailableError(
            f"the broker at {_without_password(url)} did not answer within {_BROKER_S_MAX:.0f} s; "
            "is it running, and does [mqtt] url name it?"
        ) from error


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
