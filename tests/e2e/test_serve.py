"""The daemon as a supervisor runs it: what stops it at the start, and how it ends."""

import asyncio
import hashlib
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import httpx
import psycopg
import pytest

from mdms.app.clock import SystemClock
from mdms.client import Client
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.services.registry_csv import write_directory
from tests.integration.storage.registries import SMALL_TOWN
from tests.messages import frame, message

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow]

TOKEN = "a token for tests"
RADIO_ID = 47_622_888  # E100's at its present place
COLLECTOR_ID = SMALL_TOWN.collectors[0].collector_id


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "broker") as running:
        yield running


def write_config(directory: Path, *, dsn: str, broker: str) -> tuple[Path, str]:
    path, url = directory / "mdms.toml", f"http://127.0.0.1:{(port := processes.free_port())}"
    path.write_text(
        f'[database]\ndsn = "{dsn}"\n[mqtt]\nurl = "{broker}"\n[api]\nport = {port}\n'
        f'[api.tokens.tests]\nroles = ["admin"]\n'
        f'sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
    )
    return path, url


def run_to_its_end(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mdms", "serve", "--config", str(config)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


class Daemon:
    def __init__(self, directory: Path, config: Path, url: str) -> None:
        self.url, self.log = url, directory / "daemon.log"
        self._child = processes.spawn(
            [sys.executable, "-m", "mdms", "serve", "--config", config], log=self.log
        )
        weakref.finalize(self, processes.stop, self._child, grace_s=0)  # a test that fails forgets
        with processes.ended_if_interrupted(self._child, grace_s=20):
            self.wait_until(self.is_ready)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait_until(self, true: Callable[[], bool]) -> None:
        processes.wait_until(true, self._child, log=self.log, timeout_s=90)

    def metrics(self) -> str:
        return httpx.get(f"{self.url}/metrics").text

    def wait(self) -> int:
        return self._child.wait(timeout=60)


def test_an_absent_database_ends_it_with_one_sentence(tmp_path, broker):
    config, _ = write_config(
        tmp_path, dsn=f"postgresql://nobody@127.0.0.1:{processes.free_port()}/x", broker=broker.url
    )

    done = run_to_its_end(config)

    assert done.returncode == 1
    assert "mdms: the database is away" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_without_tables_ends_it_with_what_to_do(tmp_path, broker, empty_database):
    config, _ = write_config(tmp_path, dsn=empty_database, broker=broker.url)

    done = run_to_its_end(config)

    assert done.returncode == 2
    assert "run `mdms db migrate`" in done.stderr


def test_an_absent_broker_ends_it_with_one_sentence(tmp_path, database):
    config, _ = write_config(
        tmp_path, dsn=database, broker=f"mqtt://user:secret@127.0.0.1:{processes.free_port()}"
    )

    done = run_to_its_end(config)

    assert done.returncode == 1
    assert "did not answer within 15 s" in done.stderr
    assert "secret" not in done.stderr.replace(str(config), "")
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_ends_it_with_one_sentence(tmp_path, database, broker):
    config, url = write_config(tmp_path, dsn=database, broker=broker.url)
    first = Daemon(tmp_path, config, url)

    done = run_to_its_end(config)

    assert done.returncode == 1
    assert "choose another [api] port" in done.stderr
    first.signal(signal.SIGTERM)
    first.wait()


def publish(url: str, payloads: list[bytes]) -> None:
    """Publish as one collector and return once the broker has everything."""
    asyncio.run(_publish(int(url.rpartition(":")[2]), payloads))


async def _publish(port: int, payloads: list[bytes]) -> None:
    topic = f"ami/v1/cpau/col/{COLLECTOR_ID}/up/read"
    async with aiomqtt.Client("127.0.0.1", port) as collector:
        await asyncio.gather(*(collector.publish(topic, payload, qos=1) for payload in payloads))


def messages(count: int) -> list[bytes]:
    """Return batches of one frame each; every frame carries one new interval."""
    quarter = int(SystemClock().now().timestamp()) // 900 * 900
    return [
        message(
            frame(meter_id=RADIO_ID, t_newest=quarter - 900 * i, deltas=[i], register=10_000 - i),
            collector_id=COLLECTOR_ID,
            batch_seq=count - i,
            batch_time_us=quarter * 1_000_000,
        )
        for i in range(count)
    ]


def stored(dsn: str) -> list[tuple[int, int]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT value, count(*) FROM interval_read GROUP BY value ORDER BY value"
        ).fetchall()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_the_broker_took_is_stored_once_whenever_the_daemon_ends(
    tmp_path, database, broker, number
):
    config, url = write_config(tmp_path, dsn=database, broker=broker.url)
    daemon = Daemon(tmp_path, config, url)
    with Client(url, TOKEN) as client:
        files = write_directory(SMALL_TOWN)
        registry = tmp_path / "registry"
        registry.mkdir()
        for name, text in files.items():
            (registry / name).write_text(text, newline="")
        client.import_registry(registry)
    sent = messages(400)

    publish(broker.url, sent[:200])
    daemon.signal(number)  # somewhere in the middle of storing them
    status = daemon.wait()
    publish(broker.url, sent[200:])
    again = Daemon(tmp_path, config, url)
    again.wait_until(lambda: len(stored(database)) == len(sent))
    again.signal(signal.SIGTERM)

    assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    assert again.wait() == 0
    assert stored(database) == [(i, 1) for i in range(len(sent))]


def test_bad_bytes_become_counted_dead_letters_and_nothing_else(tmp_path, database, broker):
    config, url = write_config(tmp_path, dsn=database, broker=broker.url)
    daemon = Daemon(tmp_path, config, url)

    publish(broker.url, [b"", b"FNB1", b"\x00" * 200, messages(1)[0][:-1]])
    daemon.wait_until(
        lambda: 'mdms_ingest_rejected_total{reason="bad_length"} 3.0' in daemon.metrics()
    )
    metrics = daemon.metrics()
    daemon.signal(signal.SIGTERM)

    assert daemon.wait() == 0
    assert 'mdms_ingest_rejected_total{reason="bad_magic"} 1.0' in metrics
    with psycopg.connect(database) as connection:
        kept = connection.execute("SELECT reason, payload FROM dead_letter").fetchall()
    assert sorted(reason for reason, _ in kept) == ["bad_length"] * 3 + ["bad_magic"]
    assert b"FNB1" in {payload for _, payload in kept}
