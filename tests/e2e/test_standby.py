"""Two daemons of one configuration: one takes reads, and the other when that one is gone."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.storage.unit_of_work import open_store
from tests.e2e.test_serve import messages, publish, stored, write_config
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow]

END_TURNS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name LIKE 'mdms turn %' AND datname = current_database()
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "broker") as running:
        yield running


class Daemon:
    """`mdms serve --only ingest`."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        self._child = processes.spawn(
            [sys.executable, "-m", "mdms", "serve", "--only", "ingest", "--config", config], log=log
        )

    def said(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line)["event"] for line in lines if line.startswith("{")]

    def wait_until(self, true: Callable[[], bool]) -> None:
        processes.wait_until(true, self._child, log=self.log, timeout_s=90)

    def wait_to_say(self, event: str) -> None:
        self.wait_until(lambda: event in self.said())

    def end(self, number: signal.Signals) -> int:
        self._child.send_signal(number)
        return self._child.wait(timeout=60)


@pytest.fixture
def daemons(tmp_path: Path, database: str, broker: EmbeddedBroker) -> Iterator[list[Daemon]]:
    config, _ = write_config(tmp_path, dsn=database, broker=broker.url)
    running = [Daemon(config, tmp_path / f"{name}.log") for name in ("first", "second")]
    yield running
    for daemon in running:
        daemon.end(signal.SIGKILL)


def test_one_takes_reads_and_the_other_when_it_is_gone(daemons, database, broker):
    first, second = daemons
    for daemon in daemons:
        daemon.wait_to_say("daemon.started")
    taking, waiting = (first, second) if "ingest.standby" in second.said() else (second, first)
    sent = messages(90)

    publish(broker.url, sent[:30])  # of meters and a collector that nobody knows yet
    taking.wait_until(lambda: waits_in_quarantine(database) > 0)
    asyncio.run(merge_registry(database))
    taking.wait_until(lambda: len(stored(database)) == 30)
    before = waiting.said()
    taking.end(signal.SIGKILL)
    publish(broker.url, sent[30:60])
    waiting.wait_until(lambda: len(stored(database)) == 60)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(END_TURNS)
    waiting.wait_to_say("ingest.turn.lost")
    publish(broker.url, sent[60:])
    waiting.wait_until(lambda: len(stored(database)) == len(sent))

    assert "ingest.broker.connected" not in before
    assert waiting.end(signal.SIGTERM) == 0
    assert stored(database) == [(i, 1) for i in range(len(sent))]


def waits_in_quarantine(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM dead_letter").fetchone()
    assert row is not None
    return int(row[0])


async def merge_registry(dsn: str) -> None:
    opened = open_store(dsn, connections_max=1, statement_timeout_s=30)
    async with opened as store, store() as work:
        await work.registry.merge(SMALL_TOWN)
