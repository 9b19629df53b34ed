"""The part that takes reads: broker, pipeline, the search for what is missing; and commands."""

import asyncio
from collections.abc import Callable, Sequence
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
from mdms.app.tenure import Tenure, this_process
from mdms.app.timers import (
    Nightly,
    StepTimers,
    Tower,
    ask_for_missing_forever,
    follow_registry,
    look_after_commands_forever,
)
from mdms.domain.errors import UnavailableError
from mdms.services.collectors import CollectorService
from mdms.services.gaps import GapService
from mdms.storage.turn import Turn

_BROKER_S_MAX = 15.0
_HEARD_BATCHES = 40
"""Of each collector: some hours, by which a start knows who hears whom."""


@dataclass(frozen=True, slots=True)
class Line:
    """The connection to collectors and their meters, as the API asks for it."""

    pipeline: Pipeline
    broker: MqttSource
    url: str
    gaps: GapService
    quarantine: Quarantine
    dispatcher: Dispatcher | None
    radios: OptoutRadios | None
    tenure: Tenure

    def problems(self) -> Sequence[str]:
        """Say in a sentence each what keeps this process from storing reads now."""
        if self.tenure.stands_by:
            return ["it stands by: another process takes reads (`mdms status`)"]
        problems = []
        if not self.broker.connected:
            problems.append(f"no connection to the broker at {_without_password(self.url)}")
        if not self.pipeline.status.ready:
            problems.append("ingest waits for the database")
        return problems


async def start_ingest(
    core: Core,
    tasks: Tasks,
    nightly: Nightly | None,
    begin_others: Callable[[Tasks], None],
    *,
    with_commands: bool,
) -> Line:
    """
    Take reads, and carry commands if wanted; or stand by for the process that does.

    Under a followed clock `nightly` runs from here: a step is answered when all due in it is done.
    `begin_others` starts what else only the process may do that takes reads.

    Raises:
        UnavailableError: The broker does not answer.
        UsageError: A certificate cannot be used.
    """
    utility, clock = core.settings.utility.code, core.clock
    broker = _broker(core)

    async def tell(collector_id: int, payload: bytes) -> None:
        await broker.publish(control_topic(utility, collector_id), payload)

    async def on_radio() -> None:
        # Somebody else's import may be taken in along with it.
        await follow_registry(pipeline, quarantine)

    gaps = GapService(core.unit_of_work, clock, tell)
    dispatcher: Dispatcher | None = None
    hearing = Hearing()
    if with_commands:
        dispatcher = open_dispatcher(core, broker, on_radio=on_radio, collectors=hearing.best)
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

    async def begin(tasks: Tasks) -> None:
        if dispatcher is not None:
            async with core.unit_of_work() as work:
                hearing.note(await work.messages.newest(_HEARD_BATCHES))
        tasks.start(pipeline.run())
        if source is broker:
            tasks.start(ask_for_missing_forever(gaps, clock))
            collectors = CollectorService(core.unit_of_work, clock)
            tasks.start(Tower(broker, utility, collectors, quarantine, clock, pipeline).forever())
            if dispatcher is not None:
                tasks.start(dispatcher.forever())
            if watch is not None:
                tasks.start(look_after_commands_forever(watch, clock))
        begin_others(tasks)

    settings = core.settings
    dsn = settings.database.dsn.get_secret_value()
    turn = Turn(dsn, settings.mqtt.client_id, this_process(), clock)
    tenure = Tenure(turn, broker, begin, clock)
    running = asyncio.create_task(tenure.forever())
    tasks.watch(running)
    await _until_known(tenure, running, settings.mqtt.url)
    return Line(
        pipeline,
        broker,
        settings.mqtt.url,
        gaps,
        quarantine,
        dispatcher,
        watch.radios if watch else None,
        tenure,
    )


def _broker(core: Core) -> MqttSource:
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
    return MqttSource(config, core.clock)


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


async def _until_known(tenure: Tenure, running: asyncio.Task[None], url: str) -> None:
    """Wait until reads are taken, here or by another process."""
    known = asyncio.create_task(tenure.until_known())
    done, _ = await asyncio.wait(
        {known, running}, timeout=_BROKER_S_MAX, return_when=asyncio.FIRST_COMPLETED
    )
    known.cancel()
    if running in done:
        running.result()
    if not done:
        raise UnavailableError(
            f"the broker at {_without_password(url)} did not answer within {_BROKER_S_MAX:.0f} s; "
            "is it running, and does [mqtt] url name it?"
        )


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
