"""What the doctor says of a daemon and the token that it knows."""

import asyncio
import hashlib
import http.server
import json
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mdms.doctor.daemon import check_daemon
from mdms.doctor.findings import Level
from mdms.domain.turns import Process
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.settings import Settings
from mdms.storage.turn import Turn
from tests.conftest import new_database
from tests.e2e.test_serve import TOKEN, Daemon, write_config
from tests.integration.operations.doctor import CLOCK, found, run_doctor

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow]


def caller_settings(port: int, token: str = "", **known: str) -> Settings:
    tokens = {name: {"roles": ["viewer"], "sha256": digest} for name, digest in known.items()}
    url = f"http://127.0.0.1:{port}"
    return Settings.model_validate(
        {"client": {"url": url, "token": token}, "api": {"tokens": tokens}}
    )


@pytest.mark.parametrize(
    ("token", "known", "level", "sentence"),
    [
        ("", {}, Level.WARNING, "nobody may call the daemon"),
        ("", {"ops": "0" * 64}, Level.WARNING, "[client] token is empty"),
        ("mine", {"ops": "0" * 64}, Level.WARNING, "fits none of [api.tokens]"),
    ],
)
async def test_without_a_daemon_the_token_is_judged_by_the_settings(token, known, level, sentence):
    settings = caller_settings(processes.free_port(), token, **known)

    findings = await check_daemon(settings, CLOCK, broker_answers=False)

    assert found(findings, "daemon")[0] is Level.WARNING
    assert "start `mdms serve`" in found(findings, "daemon")[1]
    assert found(findings, "token")[0] is level
    assert sentence in found(findings, "token")[1]


async def test_a_port_that_another_program_has_is_a_problem():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        thread = threading.Thread(target=other.handle_request)
        thread.start()
        findings = await check_daemon(
            caller_settings(other.server_port), CLOCK, broker_answers=False
        )
        await asyncio.to_thread(thread.join)

    assert found(findings, "daemon")[0] is Level.PROBLEM
    assert "another program has the port" in found(findings, "daemon")[1]


async def test_a_token_that_the_settings_know_is_named_with_its_roles():
    digest = hashlib.sha256(b"mine").hexdigest()
    settings = caller_settings(processes.free_port(), "mine", ops=digest)

    findings = await check_daemon(settings, CLOCK, broker_answers=False)

    assert found(findings, "token") == (Level.OK, "it is ops's, who may act as viewer")


async def test_a_daemon_that_takes_no_reads_has_no_session_to_lose(tmp_path, database):
    config, url = write_config(tmp_path, dsn=database, broker="mqtt://127.0.0.1:1")
    log = tmp_path / "log"
    daemon = processes.spawn(
        [sys.executable, "-m", "mdms", "serve", "--only", "api", "--config", config], log=log
    )
    port = int(url.rpartition(":")[2])
    with processes.ended_if_interrupted(daemon, grace_s=20):
        processes.wait_until(
            lambda: processes.accepts_connections(port), daemon, log=log, timeout_s=60
        )

        findings = await check_daemon(caller_settings(port, TOKEN), CLOCK, broker_answers=True)

    processes.stop(daemon, grace_s=20)
    assert [each.level for each in findings] == [Level.OK, Level.OK, Level.OK]


@pytest.fixture
def other_database(database_server: str, migrated_template: str) -> Iterator[str]:
    with new_database(database_server, template=migrated_template) as dsn:
        yield dsn


async def test_a_daemon_that_stands_by_is_well(tmp_path, database):
    config, url = write_config(tmp_path, dsn=database, broker="mqtt://127.0.0.1:1")
    log, port = tmp_path / "log", int(url.rpartition(":")[2])
    turn = Turn(database, "mdms-ingest", Process("elsewhere", 7, ""), CLOCK)
    assert await turn.take()
    await turn.sign()

    daemon = processes.spawn(
        [sys.executable, "-m", "mdms", "serve", "--only", "ingest,api", "--config", config], log=log
    )
    with processes.ended_if_interrupted(daemon, grace_s=20):
        async with httpx.AsyncClient(base_url=url) as http:
            await asyncio.to_thread(wait_to_stand_by, log, daemon)
            ready = await http.get("/readyz")
        findings = await check_daemon(caller_settings(port, TOKEN), CLOCK, broker_answers=True)

    processes.stop(daemon, grace_s=20)
    await turn.leave()
    assert ready.status_code == 503
    assert "it stands by" in ready.text
    assert found(findings, "daemon")[0] is Level.OK
    assert "stands by" in found(findings, "daemon")[1]


def wait_to_stand_by(log: Path, daemon: processes.Child) -> None:
    processes.wait_until(lambda: "api.listening" in log.read_text(), daemon, log=log, timeout_s=60)


def test_two_daemons_with_one_client_id_and_an_unknown_token_are_problems(
    tmp_path, database, other_database
):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with EmbeddedBroker(tmp_path / "broker") as broker:
        config, url = write_config(tmp_path / "a", dsn=database, broker=broker.url)
        first = Daemon(tmp_path / "a", config, url)
        alone = json.loads(
            run_doctor(
                "-o", "json", "--config", str(config),
                MDMS_CLIENT__URL=url, MDMS_CLIENT__TOKEN=TOKEN,
            ).stdout
        )  # fmt: skip
        other_config, other_url = write_config(
            tmp_path / "b", dsn=other_database, broker=broker.url
        )
        second = Daemon(tmp_path / "b", other_config, other_url)

        beside = json.loads(
            run_doctor(
                "-o", "json", "--config", str(config),
                MDMS_CLIENT__URL=url, MDMS_CLIENT__TOKEN="unknown",
            ).stdout
        )  # fmt: skip

        for daemon in (first, second):
            daemon.signal(signal.SIGTERM)
            daemon.wait()
    levels = {row["check"]: row["level"] for row in alone}
    sentences = {row["check"]: row["sentence"] for row in beside if row["level"] == "problem"}
    assert (levels["daemon"], levels["token"], levels["client id"]) == ("ok", "ok", "ok")
    assert "client_id of its own" in sentences["client id"]
    assert "our token is nobody's" in sentences["token"]
