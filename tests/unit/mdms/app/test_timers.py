"""What is looked after every few seconds."""

from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.quarantine import Quarantine
from mdms.app.timers import follow_registry
from mdms.domain.errors import UnavailableError
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeSource
from tests.messages import NOON, READ_TOPIC, frame, message
from tests.unit.ingest.test_pipeline import ZONE, database


async def test_ingest_follows_a_registry_that_another_process_changed():
    work, clock = database(), FakeClock(NOON)
    newcomer = Envelope(READ_TOPIC, message(frame(meter_id=5)))
    woken: list[str] = []

    class Woken(Quarantine):
        def wake(self) -> None:
            woken.append("woken")

    class Watched(FakeSource):
        async def batches(self, **bounds):
            await follow_registry(heart, quarantine)
            work.registry.table = channel_table(Installed(channel_id=3, radio_id=5))
            work.failures = [UnavailableError("away")]
            await follow_registry(heart, quarantine)
            assert woken == []
            await follow_registry(heart, quarantine)
            await follow_registry(heart, quarantine)
            async for batch in super().batches(**bounds):
                yield batch

    heart = Pipeline(Watched([[newcomer]]), work, clock, IngestConfig(), VeeHorizon(ZONE))
    quarantine = Woken(work, clock, VeeHorizon(ZONE))

    await heart.run()

    assert woken == ["woken"]
    assert {channel for channel, _ in work.readings.interval_values} == {3}
