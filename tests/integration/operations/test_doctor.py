"""Each mistake is really made, and the doctor names it and says what to do."""

import asyncio
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from commands.signing.server import listening
from mdms.app.clock import SystemClock
from mdms.doctor.broker import check_broker
from mdms.doctor.daemon import check_daemon
from mdms.doctor.database import check_database
from mdms.doctor.disk import check_disks
from mdms.doctor.findings import Finding, Level
from mdms.doctor.keys import check_keys
from mdms.doctor.signer import check_signer
from mdms.domain.time import to_epoch_us
from mdms.domain.turns import Process
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.messages import UplinkMessage
from mdms.ports.signer import Trip
from mdms.settings import Settings, config_dir
from mdms.storage.migrate import Migration, migrate, read
from mdms.storage.signer import open_signer_memory
from mdms.storage.turn import Turn
from mdms.storage.unit_of_work import open_store
from tests.brokers import Mosquitto, mosquitto
from tests.conftest import MIGRATED_AT, ZONE, new_database
from tests.e2e.test_serve import TOKEN, Daemon, write_config
from tests.fakes import FakeClock
from tests.integration.storage.registries import SMALL_TOWN
from tests.meters import MASTER
from tests.signing import open_rules

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

needs_mosquitto = pytest.mark.skipif(mosquitto() is None, reason="mosquitto is not installed")
CLOCK = SystemClock()
COLLECTOR = SMALL_TOWN.collectors[0]


def database_settings(dsn: str, **parts: str) -> Settings:
    return Settings.model_validate({"database": {"dsn": make_conninfo(dsn, **parts)}})


def broker_settings(url: str, **options: object) -> Settings:
    return Settings.model_validate({"mqtt": {"url": url, **options}})


def found(findings: list[Finding], check: str) -> tuple[Level, str]:
    """Return level and sentence of the one finding of a check."""
    (one,) = [each for each in findings if each.check == check]
    return one.level, one.sentence


def run_doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mdms", "doctor", *arguments],
        capture_output=True, text=True, check=False, timeout=120, env=os.environ | environment,
    )  # fmt: skip


# Settings


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file"),
        ("[mqtt", "is not valid TOML"),
        ('[mqtt]\nulr = "x"', "[mqtt] ulr is not a setting; did you mean url?"),
        ('[utility]\nzone = "Palo Alto"', "is not a time zone"),
    ],
)
def test_settings_that_cannot_be_meant_are_the_only_finding(tmp_path, text, sentence):
    config = tmp_path / "mdms.toml"
    if text is not None:
        config.write_text(text)

    done = run_doctor("--config", str(config), "-o", "json")

    (finding,) = json.loads(done.stdout)
    assert done.returncode == 1
    assert (finding["check"], finding["level"]) == ("settings", "problem")
    assert sentence in finding["sentence"]


# Keys


@pytest.mark.parametrize("section", ["signer", "ingest"])
@pytest.mark.parametrize(
    ("mode", "level", "sentence"),
    [
        (None, Level.PROBLEM, "cannot be reached: No such file"),
        (0o640, Level.PROBLEM, "run `chmod 600 "),
        (0o600, Level.OK, "is closed to others"),
    ],
)
def test_key_files_must_be_there_and_closed(tmp_path, section, mode, level, sentence):
    file = tmp_path / "keys.toml"
    if mode is not None:
        file.touch()
        file.chmod(mode)
    setting = {"signer": "keys", "ingest": "read_keys"}[section]
    settings = Settings.model_validate({section: {setting: str(file)}})

    (finding,) = check_keys(settings)

    assert finding.level is level
    assert sentence in finding.sentence


def test_settings_without_key_files_are_no_problem():
    assert [each.level for each in check_keys(Settings())] == [Level.OK]


# Database


async def test_a_database_that_is_away_is_a_problem():
    settings = database_settings(f"postgresql://mdms@127.0.0.1:{processes.free_port()}/mdms")

    level, sentence = found(await check_database(settings, CLOCK), "database")

    assert level is Level.PROBLEM
    assert "[database] dsn" in sentence


@pytest.mark.parametrize("wrong", [{"user": "nobody_known"}, {"dbname": "no_such_database"}])
async def test_a_user_or_a_database_that_does_not_exist_is_a_problem(database, wrong):
    findings = await check_database(database_settings(database, **wrong), CLOCK)

    assert found(findings, "database")[0] is Level.PROBLEM
    assert next(iter(wrong.values())) in found(findings, "database")[1]


async def test_a_database_without_tables_is_a_problem(empty_database):
    findings = await check_database(database_settings(empty_database), CLOCK)

    assert found(findings, "tables") == (
        Level.PROBLEM,
        "the database has no tables yet: run `mdms db migrate`",
    )


async def test_a_pending_migration_is_a_problem(empty_database):
    *older, newest = read()
    await migrate(empty_database, at=MIGRATED_AT, zone=ZONE, migrations=older)

    findings = await check_database(database_settings(empty_database), CLOCK)

    assert found(findings, "tables") == (
        Level.PROBLEM,
        f"{newest} is pending: run `mdms db migrate`",
    )


async def test_a_database_of_a_newer_program_is_a_problem(database):
    newer = Migration.parse("9000_pre_future.sql", "SELECT 1")
    await migrate(database, at=MIGRATED_AT, zone=ZONE, migrations=[*read(), newer])

    level, sentence = found(await check_database(database_settings(database), CLOCK), "tables")

    assert level is Level.PROBLEM
    assert "migrated by a newer one; run that" in sentence


@pytest.fixture
def stranger(database: str) -> Iterator[str]:
    """A database user without rights."""
    name = f"stranger_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        yield name
        connection.execute(f"DROP OWNED BY {name}".encode())
        connection.execute(f"DROP ROLE {name}".encode())


def grant(dsn: str, right: str, user: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"GRANT {right} TO {user}".encode())


async def test_a_user_that_sees_nothing_is_a_problem(database, stranger):
    settings = database_settings(database, user=stranger)

    level, sentence = found(await check_database(settings, CLOCK), "tables")

    assert level is Level.PROBLEM
    assert "name mdms in [database] dsn" in sentence


async def test_a_user_that_may_only_read_is_a_problem(database, stranger):
    grant(database, "SELECT ON ALL TABLES IN SCHEMA public", stranger)
    settings = database_settings(database, user=stranger)

    level, sentence = found(await check_database(settings, CLOCK), "rights")

    assert level is Level.PROBLEM
    assert f"{stranger} lacks INSERT on table account" in sentence


@pytest.mark.skipif("MDMS_TEST_DSN" in os.environ, reason="hypertables cut themselves")
async def test_a_user_that_may_write_but_not_add_months_is_a_problem(database, stranger):
    grant(database, "ALL ON ALL TABLES IN SCHEMA public", stranger)
    settings = database_settings(database, user=stranger)

    level, sentence = found(await check_database(settings, CLOCK), "rights")

    assert level is Level.PROBLEM
    assert "lacks OWNER on table" in sentence


async def test_the_daemons_role_has_every_right_and_no_more(daemon_database):
    findings = await check_database(database_settings(daemon_database), CLOCK)

    assert found(findings, "rights")[0] is Level.OK
    assert found(findings, "timescaledb")[0] is Level.OK


async def test_a_daemon_that_reaches_the_signers_counters_is_warned_of(database):
    findings = await check_database(database_settings(database), CLOCK)

    level, sentence = found(findings, "rights")
    assert level is Level.WARNING
    assert "name mdms in [database] dsn, which may not" in sentence


@pytest.mark.parametrize(
    ("minutes", "sentence"), [(10, r"(\d+) s behind this one"), (-10, r"(\d+) s ahead of this one")]
)
async def test_clocks_that_disagree_are_a_problem(database, minutes, sentence):
    wrong = FakeClock(CLOCK.now() + timedelta(minutes=minutes))

    findings = await check_database(database_settings(database), wrong)

    assert found(findings, "clock")[0] is Level.PROBLEM
    (apart_s,) = re.findall(sentence, found(findings, "clock")[1])
    assert int(apart_s) == pytest.approx(600, abs=60)  # time passes while it is asked


async def test_clocks_that_agree_are_said_to(database):
    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "clock")[0] is Level.OK


# Registry and collectors


async def test_an_empty_registry_is_a_problem(database):
    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "registry")[0] is Level.PROBLEM
    assert "mdms registry import" in found(findings, "registry")[1]


async def test_a_registry_without_collectors_is_a_problem(database, store):
    async with store() as work:
        await work.registry.merge(replace(SMALL_TOWN, collectors=()))

    findings = await check_database(database_settings(database), CLOCK)

    assert "there are no collectors" in found(findings, "registry")[1]


async def test_collectors_that_never_reported_are_a_problem(database, store):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)

    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "registry")[0] is Level.OK
    assert found(findings, "collectors")[0] is Level.PROBLEM
    assert "no collector has ever reported" in found(findings, "collectors")[1]


@pytest.mark.parametrize(
    ("ages_min", "level", "sentence"),
    [
        ((2, 3), Level.OK, "all 2 have reported within the hour"),
        ((2, 90), Level.WARNING, "collector 2 has been silent for more than an hour"),
        ((2, None), Level.WARNING, "collector 2 never reported"),
        ((70, 90), Level.PROBLEM, "collector 2, 1 has been silent for more than an hour"),
    ],
)
async def test_silent_collectors_are_named(database, store, ages_min, level, sentence):
    async with store() as work:
        both = (replace(COLLECTOR, collector_id=1), replace(COLLECTOR, collector_id=2))
        await work.registry.merge(replace(SMALL_TOWN, collectors=both))
        for collector_id, age in enumerate(ages_min, start=1):
            if age is not None:
                at = CLOCK.now() - timedelta(minutes=age)
                message = UplinkMessage(collector_id, 1, 1, to_epoch_us(at), "read", 0, b"", at)
                await work.messages.record([message])

    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "collectors")[0] is level
    assert sentence in found(findings, "collectors")[1]


# Broker


async def test_a_broker_that_is_away_is_a_problem():
    findings = await check_broker(broker_settings(f"mqtt://127.0.0.1:{processes.free_port()}"))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "[mqtt] url" in found(findings, "broker")[1]


async def test_a_broker_that_knows_us_by_certificate_is_left_alone():
    findings = await check_broker(
        broker_settings("mqtts://127.0.0.1:1", certificate="ours.crt", key="ours.key")
    )

    assert found(findings, "broker limits")[0] is Level.WARNING


async def test_an_authority_that_cannot_be_read_is_named(tmp_path):
    findings = await check_broker(broker_settings("mqtts://127.0.0.1:1", ca=str(tmp_path / "none")))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "none" in found(findings, "broker")[1]


async def test_the_embedded_broker_is_fit(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        findings = await check_broker(broker_settings(broker.url))

    assert found(findings, "broker") == (Level.OK, "the broker answers on MQTT 3.1.1")
    assert found(findings, "broker limits")[0] is Level.OK


async def test_a_protocol_that_the_broker_has_not_is_a_problem(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        findings = await check_broker(broker_settings(broker.url, protocol="5"))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "[mqtt] protocol" in found(findings, "broker")[1]


@needs_mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_mosquitto_set_up_as_ours_is_fit(tmp_path, protocol):
    with Mosquitto(tmp_path, inflight_max=5000) as broker:
        findings = await check_broker(broker_settings(broker.url, protocol=protocol))

    assert [each.level for each in findings] == [Level.OK, Level.OK]


@needs_mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("settings", "check", "sentence"),
    [
        ("max_queued_messages 100", "broker queue", "dropped 1900 of 2000 messages"),
        ("max_packet_size 100000", "broker size", "refuses a message of 1 MiB"),
    ],
)
async def test_limits_that_are_too_small_are_problems(
    tmp_path, settings, check, sentence, protocol
):
    with Mosquitto(tmp_path, inflight_max=5000, settings=settings) as broker:
        findings = await check_broker(broker_settings(broker.url, protocol=protocol))

    assert found(findings, check)[0] is Level.PROBLEM
    assert sentence in found(findings, check)[1]


@needs_mosquitto
@pytest.mark.parametrize(
    ("inflight_max", "receive_max", "protocol"),
    [(20, 5000, "3.1.1"), (5000, 20, "5")],  # in MQTT 5 the client's word counts
)
async def test_a_window_smaller_than_a_batch_is_a_problem(
    tmp_path, inflight_max, receive_max, protocol
):
    with Mosquitto(tmp_path, inflight_max=inflight_max) as broker:
        settings = broker_settings(broker.url, protocol=protocol, receive_max=receive_max)
        findings = await check_broker(settings)

    assert found(findings, "broker window")[0] is Level.PROBLEM
    assert "stops after 20 unacknowledged" in found(findings, "broker window")[1]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """Mosquitto with passwords and the access list that we ship; its address."""
    passwords = tmp_path / "passwd"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "mdms-ingest", "right"],
        check=True, capture_output=True,
    )  # fmt: skip
    passwords.chmod(0o600)
    access = config_dir() / "mosquitto" / "acl"
    settings = f"allow_anonymous false\npassword_file {passwords}\nacl_file {access}"
    with Mosquitto(tmp_path / "broker", inflight_max=5000, settings=settings) as broker:
        yield broker.url.removeprefix("mqtt://")


@needs_mosquitto
@pytest.mark.parametrize("credentials", ["", "mdms-ingest:wrong@", "nobody:right@"])
async def test_wrong_credentials_are_a_problem(guarded, credentials):
    findings = await check_broker(broker_settings(f"mqtt://{credentials}{guarded}"))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "user and password" in found(findings, "broker")[1]
    assert "wrong" not in found(findings, "broker")[1]


@needs_mosquitto
async def test_our_access_list_lets_the_doctor_work(guarded):
    findings = await check_broker(broker_settings(f"mqtt://mdms-ingest:right@{guarded}"))

    assert [each.level for each in findings] == [Level.OK, Level.OK]


@needs_mosquitto
async def test_an_access_list_without_the_doctor_is_a_warning(guarded):
    settings = broker_settings(f"mqtt://mdms-ingest:right@{guarded}")
    elsewhere = settings.model_copy(
        update={"utility": settings.utility.model_copy(update={"code": "other"})}
    )

    findings = await check_broker(elsewhere)

    assert found(findings, "broker limits")[0] is Level.WARNING
    assert "ami/v1/other/head/doctor/#" in found(findings, "broker limits")[1]


# Daemon and token


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


# Disk


@pytest.mark.skipif("MDMS_TEST_DSN" in os.environ, reason="that server may be elsewhere")
async def test_the_disk_of_a_database_on_this_machine_is_looked_at_too(database):
    findings = await check_disks(database_settings(database))

    assert [each.check for each in findings] == ["disk", "disk"]
    assert "for temporary files" in findings[0].sentence
    assert "for the database's data" in findings[1].sentence


def _may_mount() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and (
        subprocess.run(
            [unshare, "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
            capture_output=True, check=False,
        ).returncode == 0
    )  # fmt: skip


@pytest.mark.skipif(not _may_mount(), reason="mounting a small disk needs root")
def test_a_disk_that_is_nearly_full_is_a_problem(tmp_path):
    small, config = tmp_path / "small", tmp_path / "mdms.toml"
    small.mkdir()
    config.write_text(
        f'[database]\ndsn = "postgresql://x@127.0.0.1:{processes.free_port()}/x"\n'
        f'[mqtt]\nurl = "mqtt://127.0.0.1:{processes.free_port()}"\n'
        f'[client]\nurl = "http://127.0.0.1:{processes.free_port()}"\n'
    )
    script = f"mount -t tmpfs -o size=2m tmpfs {small} && exec {sys.executable} -m mdms doctor"

    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{script} -o json --config {config}"],
        capture_output=True, text=True, check=False, env=os.environ | {"TMPDIR": str(small)},
    )  # fmt: skip

    (disk,) = [row for row in json.loads(done.stdout) if row["check"] == "disk"]
    assert disk["level"] == "problem"
    assert f"make room on the disk of {small}" in disk["sentence"]


def test_a_set_up_without_a_mistake_exits_with_0_and_prints_a_line_a_check(tmp_path, database):
    with EmbeddedBroker(tmp_path / "broker") as broker:
        config, url = write_config(tmp_path, dsn=database, broker=broker.url)
        asyncio.run(fill(database))
        done = run_doctor("--config", str(config), MDMS_CLIENT__URL=url)

    assert done.returncode == 0, done.stdout
    assert "problem" not in done.stdout
    for check in ("settings", "database", "clock", "tables", "rights", "registry", "broker"):
        assert check in done.stdout


async def fill(dsn: str) -> None:
    """Register a small town whose collector has just been heard."""
    now = CLOCK.now()
    heard = UplinkMessage(COLLECTOR.collector_id, 1, 1, to_epoch_us(now), "read", 0, b"", now)
    async with (
        open_store(dsn, connections_max=3, statement_timeout_s=30) as store,
        store() as work,
    ):
        await work.registry.merge(SMALL_TOWN)
        await work.messages.record([heard])


# Signer


async def test_a_signer_that_is_away_or_tripped_is_a_problem_and_one_that_answers_is_none(
    database, tmp_path
):
    path = tmp_path / "s" / "signer"
    settings = Settings.model_validate({"signer": {"socket": str(path)}})
    (away,) = await check_signer(settings, CLOCK)
    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        signer = LocalSigner(KeyRing({1: MASTER}), memory, CLOCK, open_rules())
        async with listening(signer, path):
            (well,) = await check_signer(settings, CLOCK)
            async with memory() as work:
                await work.trip(Trip(uuid4(), CLOCK.now(), "10 of 10 opens in an hour"))
            (tripped,) = await check_signer(settings, CLOCK)

    assert [each.level for each in (away, well, tripped)] == [
        Level.PROBLEM,
        Level.OK,
        Level.PROBLEM,
    ]
    assert "start `mdms signer`" in away.sentence
    assert "10 of 10 opens in an hour" in tripped.sentence
    assert await check_signer(Settings(), CLOCK) == []
