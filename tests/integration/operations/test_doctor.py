"""Each mistake is really made, and the doctor names it and says what to do."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from uuid import uuid4

import pytest

from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from commands.signing.server import listening
from mdms.doctor.disk import check_disks
from mdms.doctor.findings import Level
from mdms.doctor.keys import check_keys
from mdms.doctor.signer import check_signer
from mdms.domain.time import to_epoch_us
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.messages import UplinkMessage
from mdms.ports.signer import Trip
from mdms.settings import Settings
from mdms.storage.signer import open_signer_memory
from mdms.storage.unit_of_work import open_store
from tests.e2e.test_serve import write_config
from tests.integration.operations.doctor import CLOCK, COLLECTOR, database_settings, run_doctor
from tests.integration.storage.registries import SMALL_TOWN
from tests.meters import MASTER
from tests.signing import open_rules

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow]


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
