"""A command from the command line to a meter and back, by real processes and a real broker."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiomqtt
import psycopg
import pytest

from mdms.app.clock import SystemClock
from mdms.client import Client
from mdms.domain.facts import Subject
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.policy.facts import KINDS
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.controls import ReceivedAnswer
from mdms.services.registry_csv import write_directory
from tests.controls import a_registry
from tests.e2e.test_serve import Daemon
from tests.households import GOOD
from tests.messages import message
from tests.meters import Air, ObedientMeter
from tests.signing import SUPERVISORS, SignerProcess, write_signer_files

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow]

COLLECTOR_ID = 17
TOKENS = {
    "boss": "admin", "clerk": "csr", "officer": "safety", "chief": "supervisor", "cis": "billing",
}  # fmt: skip
_IDS = {Subject.ACCOUNT: "A1", Subject.PREMISE: "P1"}
HAZARD = ("--cause", "hazard", "--item", "R9.D.3", "--evidence", "EV-7", "--yes")
"""A disconnect that is lawful at any hour, at which this test may run."""


class Collector:
    """Takes commands to one meter and publishes what comes back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._port = int(url.rpartition(":")[2])
        self._clock = SystemClock()
        self.meter = ObedientMeter()
        self.air = Air(self.meter, self._clock.now)
        self._listening = threading.Event()
        self._batch_seq = 0

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        loop = asyncio.new_event_loop()
        work = loop.create_task(self._run())
        thread = threading.Thread(target=self._until_cancelled, args=(loop, work))
        thread.start()
        try:
            assert self._listening.wait(60)
            yield self
        finally:
            loop.call_soon_threadsafe(work.cancel)
            thread.join(60)

    def _until_cancelled(self, loop: asyncio.AbstractEventLoop, work: asyncio.Task[None]) -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(work)
        loop.close()

    async def _run(self) -> None:
        base = f"ami/v1/cpau/col/{COLLECTOR_ID}"
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            await client.subscribe(f"{base}/down/cmd", qos=1)
            self._listening.set()
            async for command in client.messages:
                assert isinstance(command.payload, bytes)
                if self.meter.is_meant(command.payload):
                    await self.air.send(COLLECTOR_ID, command.payload)
                for answer in self.air.heard:
                    await client.publish(f"{base}/up/ack", self._batch(answer), qos=1)
                self.air.heard.clear()

    def _batch(self, answer: ReceivedAnswer) -> bytes:
        self._batch_seq += 1
        return message(
            answer.record,
            collector_id=COLLECTOR_ID,
            batch_seq=self._batch_seq,
            batch_time_us=int(self._clock.now().timestamp() * 1e6),
            schema_id=answer.schema_id,
        )


class House:
    """A daemon with one home of meters, and the command line of a clerk."""

    def __init__(self, directory: Path, dsn: str, broker: str) -> None:
        self._directory = directory
        self.signer_config = write_signer_files(directory / "signer", dsn)
        port = processes.free_port()
        self.url, self.config = f"http://127.0.0.1:{port}", directory / "mdms.toml"
        tokens = "".join(
            f'[api.tokens.{name}]\nroles = ["{role}"]\n'
            f'sha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n'
            for name, role in TOKENS.items()
        )
        self.config.write_text(
            f'[database]\ndsn = "{dsn}"\n[mqtt]\nurl = "{broker}"\n[api]\nport = {port}\n{tokens}'
            f'[commands]\nremote_open = true\nrules = "{directory}/signer/rules"\n'
            f'[signer]\nsocket = "{self.signer_config.with_name("s")}"\n'
            f'[client]\nurl = "{self.url}"\ntoken = "clerk"\npurpose = "case 4711"\n'
        )

    @contextmanager
    def running(self) -> Iterator["House"]:
        """Start everything; it ends whatever happens."""
        self.start_signer()
        try:
            self.start()
            try:
                self._furnish()
                yield self
            finally:
                self.daemon.signal(signal.SIGTERM)
                status = self.daemon.wait()
            assert status == 0
        finally:
            self.signer.kill()

    def _furnish(self) -> None:
        registry = self._directory / "registry"
        registry.mkdir()
        for name, text in write_directory(a_registry()).items():
            (registry / name).write_text(text, newline="")
        with Client(self.url, "boss") as admin:
            admin.import_registry(registry)
        self.state("premise_flags", "none")
        assert self.mdms("command", "ping", "E1").returncode == 0  # a meter that is heard

    def start_signer(self) -> None:
        self.signer = SignerProcess(self.signer_config)

    def start(self) -> None:
        self.daemon = Daemon(self._directory, self.config, self.url)

    def mdms(self, *arguments: str, by: str = "clerk") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mdms", *arguments, "--config", str(self.config)],
            capture_output=True, text=True, check=False, timeout=120,
            env=os.environ | {"MDMS_CLIENT__TOKEN": by},
        )  # fmt: skip

    def state(self, fact: str, value: str) -> None:
        """State a fact of the home, as the customer system does."""
        now = SystemClock().now().isoformat()
        subject = KINDS[fact].subject
        row = {"subject": subject, "subject_id": _IDS[subject], "fact": fact, "value": value}
        with Client(self.url, "cis") as cis:
            cis.state_facts([row | {"effective_at": now}])

    def disconnect(self) -> str:
        """Ask for a disconnect as an officer, approve it as a supervisor; return its id."""
        asked = self.mdms("command", "disconnect", "E1", *HAZARD, "-o", "json", by="officer")
        assert asked.returncode == 5, asked.stderr
        control_id: str = json.loads(asked.stdout)[0]["control_id"]
        with Client(self.url, "chief") as chief:
            chief.approve(control_id)
        return control_id


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with (
        EmbeddedBroker(tmp_path / "broker") as broker,
        Collector(broker.url).running() as listening,
    ):
        yield listening


@pytest.fixture
def house(tmp_path: Path, database: str, collector: Collector) -> Iterator[House]:
    with House(tmp_path, database, collector.url).running() as furnished:
        yield furnished


def test_two_people_switch_a_meter_off_and_on_and_are_told_why_another_is_refused(house, collector):
    asked = house.mdms("command", "disconnect", "E1", *HAZARD, by="officer")
    control_id = asked.stdout.split()[-1]
    own = house.mdms("command", "approve", control_id, by="officer")
    off = house.mdms("command", "approve", control_id[-8:], by="chief")
    refused = house.mdms("command", "disconnect", "W1", "--cause", "MOVE_OUT", "--yes")
    with Client(house.url, "clerk", "case 4711") as clerk:
        with pytest.raises(PolicyRefusedError, match="RC_SAFETY"):
            clerk.command("reconnect", "UE1", "ERROR")
        house.state("inspection", "I-9")
        waits = clerk.command("reconnect", "UE1", "ERROR")
    on = house.mdms("command", "approve", waits["control_id"], by="chief")
    shown = house.mdms("command", "show", control_id, by="chief")

    assert asked.returncode == 5
    assert "RD_DUAL (2.5): a supervisor approves" in asked.stderr
    assert (own.returncode, "another person" in own.stderr) == (4, True)
    assert off.returncode == 0, off.stderr
    assert "VERIFIED  OK  switch open, load side dead" in off.stdout
    assert refused.returncode == 4
    assert "RD_NOT_ELECTRIC (RD title, R9.E): only electric meters" in refused.stderr
    assert [each["code"] for each in waits["codes"]] == ["RD_DUAL"]
    assert on.returncode == 0, on.stderr
    assert [opcode.name for opcode, _ in collector.meter.moves] == ["OPEN", "CLOSE"]
    for part in ("line voltage present", "chief (supervisor)", "HAZARD_OK", "premise_flags"):
        assert part in shown.stdout


def test_a_meter_that_says_no_ends_in_status_1_and_one_nobody_knows_in_3(house, collector):
    asked = house.mdms("command", "disconnect", "E1", *HAZARD, by="officer")
    collector.meter.stuck = True

    failed = house.mdms("command", "approve", asked.stdout.split()[-1], by="chief")
    unknown = house.mdms("command", "ping", "E9")
    unasked = house.mdms("command", "disconnect", "E1", "--yes", by="officer")

    assert failed.returncode == 1
    assert "SWITCH_FAIL_OPEN" in failed.stdout
    assert (unknown.returncode, unasked.returncode) == (3, 2)


def test_a_daemon_killed_right_after_the_approval_carries_it_out_once(house, collector, database):
    control_id = house.disconnect()
    house.daemon.signal(signal.SIGKILL)
    house.daemon.wait()
    house.start()

    with Client(house.url, "clerk", "case 4711") as mdms:
        house.daemon.wait_until(lambda: mdms.control(control_id)["state"] == "VERIFIED")

    assert [opcode.name for opcode, _ in collector.meter.moves] == ["OPEN"]
    with psycopg.connect(database) as connection:
        issued = connection.execute(
            "SELECT counter FROM signer.issued WHERE command_id = %s", [control_id]
        ).fetchall()
    assert issued == [(2,)]


def test_a_killed_signer_delays_a_command_and_loses_none(house, collector, database):
    house.signer.kill()
    control_id = house.disconnect()
    with Client(house.url, "clerk", "case 4711") as mdms:
        before = mdms.control(control_id)["state"]

        house.start_signer()
        house.daemon.wait_until(lambda: mdms.control(control_id)["state"] == "VERIFIED")

    assert before == "APPROVED_1"
    assert [opcode.name for opcode, _ in collector.meter.moves] == ["OPEN"]
    with psycopg.connect(database) as connection:
        spent = connection.execute("SELECT count(*) FROM signer.open").fetchall()
    assert spent == [(1,)]


def test_two_supervisors_let_a_quarantined_open_go(house, collector, database, tmp_path):
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO signer.trip (trip_id, at, reason) VALUES (%s, now(), '10 of 10 opens')",
            [uuid.uuid4()],
        )
    control_id = house.disconnect()
    for name in SUPERVISORS:
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"{name}\n")

    release = ("command", "release")
    stranger = house.mdms(*release, "ada", "--secret-file", str(tmp_path / "bob"), by="chief")
    first = house.mdms(*release, "ada", "--secret-file", str(tmp_path / "ada"), by="chief")
    with Client(house.url, "clerk", "case 4711") as mdms:
        held = mdms.control(control_id)["state"]
        second = house.mdms(*release, "bob", "--secret-file", str(tmp_path / "bob"), by="chief")
        house.daemon.wait_until(lambda: mdms.control(control_id)["state"] == "VERIFIED")

    assert (stranger.returncode, first.returncode, second.returncode) == (1, 0, 0)
    assert "not a proof" in stranger.stderr
    assert held == "QUARANTINED"
    assert [opcode.name for opcode, _ in collector.meter.moves] == ["OPEN"]


def test_an_opt_out_silences_radios_by_itself(house):
    before = house.mdms("command", "radio-off", "E1", "--yes")
    referred = house.mdms("optout", "enrol", "E1", "--form-on", "2026-11-02", "-o", "json")
    for fact, value in GOOD.items():
        house.state(fact, value)
    judged = house.mdms("optout", "judge", "E1", "-o", "json")
    with Client(house.url, "clerk", "case 4711") as mdms:
        house.daemon.wait_until(
            lambda: "radio_off" in {each["action"] for each in mdms.controls(meter="E1")}
        )
    ended = house.mdms("optout", "end", "E1", "-o", "json")

    assert before.returncode == 4
    assert "RADIO_NO_OPTOUT" in before.stderr
    assert json.loads(referred.stdout)[0]["state"] == "referred"
    assert json.loads(judged.stdout)[0]["state"] == "in_force", judged.stderr
    assert json.loads(ended.stdout)[0]["closed_by"] == "clerk"
