"""
An hour of trouble, through a real Prometheus with the rules that we ship.

A daemon on the system's clock, a signer, a broker, two collectors; then each of them fails and
comes back, the night's work hangs, and a disk is full. The alarms that this must raise are raised,
then fall silent, and no others are. TROUBLE=20 plays the hour in some five minutes, every duration
in the rules a twentieth; TROUBLE=1 plays it as it is, with the files as they are.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiomqtt
import httpx
import psycopg
import pytest

from mdms.app.clock import SystemClock
from mdms.client import Client
from mdms.domain.registry import Collector
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.services.registry_csv import write_directory
from mdms.settings import Settings
from tests.integration.operations.test_dashboards import prometheus
from tests.integration.storage.registries import SMALL_TOWN
from tests.messages import frame, message
from tests.signing import SignerProcess, write_signer_files

FACTOR = float(os.environ.get("TROUBLE", "0"))
pytestmark = [
    pytest.mark.db,
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(not FACTOR, reason="an hour of trouble: asked for by TROUBLE=20"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]

CLOCK = SystemClock()
TOKEN = "a token for tests"
RADIO_ID = 47_622_888
QUIET, BUSY = SMALL_TOWN.collectors[0].collector_id, 18
TOWN = replace(
    SMALL_TOWN, collectors=(*SMALL_TOWN.collectors, Collector(BUSY, "Busy", 37.4, -122.1))
)
LOOK_S = 65.0
"""How long the daemon's own looks at collectors and signer may take; no factor shortens them."""
NIGHT_AFTER_S = 90.0
"""When the night's work is due; a slow machine has started everything by then."""
EXPECTED = {
    "BrokerDisconnected", "CollectorAway", "DaemonDown", "DeadLettersMany", "DiskFull", "DiskLow",
    "SignerAway", "TaskLate",
}  # fmt: skip


def shortened(rules: str) -> str:
    """Return rules in which an hour takes an hour over FACTOR."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def duration(found: re.Match[str]) -> str:
        ms = int(found[2]) * units[found[3]] * 1000 / FACTOR
        return f"{found[1]}{max(round(ms), 1000)}ms"

    def limit(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) / FACTOR:.1f}"

    rules = re.sub(r"(for: |\[|offset )(\d+)([smhd])\b", duration, rules)
    return re.sub(r"((?:time\(\) - [^\n]*?|_lag_seconds )> )(\d{3,})", limit, rules)


def minutes(count: float) -> float:
    """Return so many minutes of the hour, as they are played [s]."""
    return 60 * count / FACTOR


class Alarms:
    """What Prometheus says is wrong."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.ever: dict[str, str] = {}

    def firing(self) -> set[str]:
        """Return the alarms that speak now, and remember them."""
        answer = httpx.get(f"{self._url}/api/v1/alerts").json()
        speak = {
            alert["labels"]["alertname"]: alert["annotations"]["summary"]
            for alert in answer["data"]["alerts"]
            if alert["state"] == "firing"
        }
        self.ever |= speak
        return set(speak)

    async def until(self, name: str, *, speaks: bool, within_s: float) -> None:
        """Wait until an alarm speaks, or no longer does."""
        end = CLOCK.monotonic() + within_s
        while (name in self.firing()) is not speaks:
            assert CLOCK.monotonic() < end, f"{name}: {'silent' if speaks else 'speaks'}"
            await CLOCK.sleep(0.3)


class Busy:
    """A collector that sends a batch every second: sound ones, and for a while unsound ones too."""

    def __init__(self, broker: str) -> None:
        self._port = int(broker.rpartition(":")[2])
        self.sends_strange = True

    async def forever(self) -> None:
        seq = 0
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self._port) as client:
                    while True:
                        seq += 1
                        await client.publish(f"{topic(BUSY)}/up/read", self._batch(seq), qos=1)
                        await CLOCK.sleep(1)
            await CLOCK.sleep(1)

    def _batch(self, seq: int) -> bytes:
        now = CLOCK.now()
        quarter = int(now.timestamp()) // 900 * 900
        frames = [frame(meter_id=RADIO_ID, t_newest=quarter, deltas=[7], register=seq)]
        if self.sends_strange:
            frames.append(frame(meter_id=12, t_newest=quarter, register=seq))
        at_us = int(now.timestamp() * 1e6)
        return message(*frames, collector_id=BUSY, batch_seq=seq, batch_time_us=at_us)


async def say(broker: str, collector_id: int, state: str) -> None:
    """Publish a collector's state, or its will."""
    async with aiomqtt.Client("127.0.0.1", int(broker.rpartition(":")[2])) as client:
        said = {"s": state, "id": collector_id, "boot": 99, "t": CLOCK.now().isoformat()}
        await client.publish(f"{topic(collector_id)}/state", json.dumps(said), qos=1, retain=True)


async def keep_saying(broker: str, online: set[int]) -> None:
    """Say every half minute which collectors are there."""
    while True:
        with suppress(aiomqtt.MqttError):
            for collector_id in tuple(online):
                await say(broker, collector_id, "online")
        await CLOCK.sleep(30)


def topic(collector_id: int) -> str:
    return f"ami/v1/cpau/col/{collector_id}"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def signer_config(tmp_path: Path, database: str) -> Path:
    return write_signer_files(tmp_path / "signer", database)


class Signers:
    """A signer that can be ended and started again."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._process: SignerProcess | None = None

    def start(self) -> None:
        self._process = SignerProcess(self._config)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
        self._process = None


@pytest.fixture
def signers(signer_config: Path) -> Iterator[Signers]:
    running = Signers(signer_config)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def daemon(
    tmp_path: Path,
    database: str,
    broker: EmbeddedBroker,
    signer_config: Path,
    signers: Signers,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A daemon whose night begins soon after its start, and whose database is too large."""
    config, url = tmp_path / "mdms.toml", f"http://127.0.0.1:{(port := processes.free_port())}"
    at = CLOCK.now().astimezone(Settings().zone) + timedelta(seconds=NIGHT_AFTER_S)
    config.write_text(
        f'[database]\ndsn = "{database}"\nsize_gib_max = 0.001\nstatement_timeout_s = 3600\n'
        f'[mqtt]\nurl = "{broker.url}"\n[api]\nport = {port}\n'
        f'[signer]\nsocket = "{signer_config.with_name("s")}"\n'
        f'[vee]\nnightly_at = "{at:%H:%M:%S}"\n[api.tokens.tests]\nroles = ["admin"]\n'
        f'sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
    )
    log = tmp_path / "daemon.log"
    child = processes.spawn([sys.executable, "-m", "mdms", "serve", "--config", config], log=log)
    with processes.ended_if_interrupted(child, grace_s=30):
        processes.wait_until(lambda: is_ready(url), child, log=log, timeout_s=60)
    yield url, child
    processes.stop(child, grace_s=30)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


def import_town(url: str, folder: Path) -> None:
    folder.mkdir()
    for name, text in write_directory(TOWN).items():
        (folder / name).write_text(text, newline="")
    with Client(url, TOKEN) as client:
        client.import_registry(folder)


async def test_an_hour_of_trouble_raises_the_right_alarms_and_no_others(
    tmp_path, database, broker, signers, daemon
):
    url, child = daemon
    import_town(url, tmp_path / "registry")
    busy, online = Busy(broker.url), {QUIET, BUSY}
    with (
        psycopg.connect(database) as night,
        prometheus(
            tmp_path / "prometheus", target=url.removeprefix("http://"), rules=shortened
        ) as address,
    ):
        night.execute("LOCK TABLE leak_run IN ACCESS EXCLUSIVE MODE")  # the night hangs
        assert address is not None
        alarms = Alarms(address)
        sending = asyncio.create_task(busy.forever())
        saying = asyncio.create_task(keep_saying(broker.url, online))

        broker.stop()
        await alarms.until("BrokerDisconnected", speaks=True, within_s=minutes(2) + 20)
        broker.start()
        await alarms.until("BrokerDisconnected", speaks=False, within_s=30)

        online.remove(QUIET)
        await say(broker.url, QUIET, "offline")
        signers.stop()
        await alarms.until("SignerAway", speaks=True, within_s=minutes(2) + LOOK_S)
        signers.start()
        await alarms.until("CollectorAway", speaks=True, within_s=minutes(10) + LOOK_S)
        online.add(QUIET)
        await say(broker.url, QUIET, "online")
        await alarms.until("DeadLettersMany", speaks=True, within_s=minutes(10) + 20)
        busy.sends_strange = False
        await alarms.until("TaskLate", speaks=True, within_s=NIGHT_AFTER_S + minutes(30) + 40)
        night.rollback()
        await alarms.until("TaskLate", speaks=False, within_s=30)
        await alarms.until("SignerAway", speaks=False, within_s=minutes(5) + LOOK_S)
        await alarms.until("CollectorAway", speaks=False, within_s=LOOK_S)
        await alarms.until("DeadLettersMany", speaks=False, within_s=minutes(60) + 20)
        await alarms.until("DiskLow", speaks=True, within_s=minutes(60) + 20)

        child.send_signal(signal.SIGSTOP)
        await alarms.until("DaemonDown", speaks=True, within_s=minutes(2) + 20)
        child.send_signal(signal.SIGCONT)
        await alarms.until("DaemonDown", speaks=False, within_s=30)

        await alarms.until("DiskFull", speaks=True, within_s=minutes(5) + 20)  # it still is

        sending.cancel()
        saying.cancel()
        assert alarms.ever.keys() == EXPECTED
