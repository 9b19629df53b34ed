"""
The disk is full: nothing is acknowledged that is not stored, and all is when there is room.

Every day a real server says that its disk is full. MDMS_FAULT_DISK=1 (Linux, as root) fills a real
one: the months of reads lie on a small memory disk, which grows in the end.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.time import Period
from mdms.embedded.account import unprivileged
from mdms.ports.messages import Envelope
from mdms.storage import roles
from mdms.storage.unit_of_work import open_store
from tests.brokers import LiveClock
from tests.integration.storage.registries import SMALL_TOWN
from tests.messages import NOON, NOON_S, frame, message

pytestmark = [pytest.mark.db, pytest.mark.slow]

COLLECTOR = SMALL_TOWN.collectors[0].collector_id
TOPIC = f"ami/v1/cpau/col/{COLLECTOR}/up/read"
RADIO = 47_622_888
MESSAGES, FRAMES = 40, 9
EVERYTHING = Period(NOON - timedelta(days=60), NOON + timedelta(days=1))

FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON interval_read
FOR EACH ROW EXECUTE FUNCTION full_disk();
"""
NOT_FULL = "DROP TRIGGER full_disk ON interval_read; DROP FUNCTION full_disk"

Disk = tuple[Callable[[], None], Callable[[], None]]
"""What fills it, and what makes room."""


class Held:
    """A broker that hands out one message at a time and remembers which were acknowledged."""

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self._envelopes = envelopes
        self.acked: list[Envelope] = []

    async def batches(self, **_bounds: object) -> AsyncIterator[Sequence[Envelope]]:
        for envelope in self._envelopes:
            yield [envelope]

    async def ack(self, batch: Sequence[Envelope]) -> None:
        self.acked += batch


def sent() -> tuple[list[Envelope], dict[int, int]]:
    """Return messages without overlap, and the value of each interval in them by its start."""
    envelopes, truth = list[Envelope](), dict[int, int]()
    for number in range(MESSAGES):
        frames = []
        for k in range(FRAMES):
            end_s = NOON_S - 900 * 12 * (number * FRAMES + k)
            deltas = [(end_s // 900 - back) * 7919 % 60_000 for back in range(12)]
            truth |= {end_s - 900 * (back + 1): value for back, value in enumerate(deltas)}
            frames.append(frame(meter_id=RADIO, t_newest=end_s, register=end_s, deltas=deltas))
        payload = message(*frames, collector_id=COLLECTOR, batch_seq=number + 1)
        envelopes.append(Envelope(TOPIC, payload))
    return envelopes, truth


@pytest.fixture
def said(database: str) -> Disk:
    """A server that says so."""

    def run(statement: str) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(statement)

    return lambda: run(FULL), lambda: run(NOT_FULL)


@pytest.fixture
def real(database: str) -> Iterator[Disk]:
    """A disk of half a megabyte for the months of reads and messages."""
    if "MDMS_FAULT_DISK" not in os.environ:
        pytest.skip("fills a real disk with MDMS_FAULT_DISK=1 only")
    account = unprivileged()
    with _memory_disk(f"size=512k,mode=700,uid={account.uid},gid={account.gid}") as folder:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            connection.execute(f"GRANT CREATE ON TABLESPACE small TO {roles.DAEMON}")
            connection.execute(
                f"ALTER DATABASE {connection.info.dbname} SET default_tablespace = 'small'"
            )
        yield lambda: None, lambda: _mount("-o", "remount,size=64m", folder)
        with psycopg.connect(database, autocommit=True) as connection:
            for table in ("interval_read", "register_read", "uplink_message"):
                connection.execute(f"DROP TABLE {table} CASCADE")
            connection.execute("DROP TABLESPACE small")


@contextmanager
def _memory_disk(options: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mdms-disk-"))
    _mount("-t", "tmpfs", "-o", options, "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


@pytest.mark.parametrize("disk", ["said", "real"])
async def test_a_full_disk_delays_everything_and_loses_nothing(request, database, disk):
    fill, relieve = request.getfixturevalue(disk)
    envelopes, truth = sent()
    source = Held(envelopes)
    daemon = f"{database} options='-c role={roles.DAEMON}'"
    async with open_store(daemon, connections_max=4, statement_timeout_s=30) as store:
        async with store() as work:
            await work.registry.merge(SMALL_TOWN)
        config = IngestConfig(messages_max=1, age_s_max=0.01, backoff_s_max=0.05)
        horizon = VeeHorizon(ZoneInfo("America/Los_Angeles"))
        clock = Patient()
        pipeline = Pipeline(source, store, clock, config, horizon)
        fill()
        running = asyncio.create_task(pipeline.run())

        await _until(lambda: running.done() or clock.waits > 1)
        before = len(source.acked)
        await _until(lambda: running.done() or clock.waits > 5)
        during, ready = len(source.acked), pipeline.status.ready
        relieve()
        await asyncio.wait_for(running, 90)

        assert before == during < MESSAGES
        assert not ready
        assert source.acked == envelopes
        async with store() as work:
            reads = await work.readings.intervals(EVERYTHING)
            (count,) = [each.batch_seq for each in await work.messages.sequences()]
    assert dict(zip(reads.start_s.tolist(), reads.value.tolist(), strict=True)) == truth
    assert len(reads) == len(truth)
    assert count == MESSAGES


class Patient(LiveClock):
    """Counts how often somebody had to wait."""

    def __init__(self) -> None:
        self.waits = 0

    async def sleep(self, seconds: float) -> None:
        self.waits += 1
        await super().sleep(seconds)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await LiveClock().sleep(0.02)
