"""The scripts of config/backup, on a real server: what was committed by an instant comes back."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms.app.clock import SystemClock
from mdms.domain.audit import AuditEntry
from mdms.domain.controls import new_id
from mdms.embedded import processes, software
from mdms.embedded.account import unprivileged
from mdms.embedded.database import EmbeddedDatabase
from mdms.services.audit import AuditService
from mdms.settings import config_dir
from mdms.storage.fingerprint import fingerprints
from mdms.storage.signer import LEAP_BY, open_signer_memory
from mdms.storage.unit_of_work import open_store
from tests.controls import AT
from tests.integration.commands.test_signer import COMMAND
from tests.integration.storage.registries import SMALL_TOWN
from tests.meters import MASTER
from tests.signing import open_rules

pytestmark = [
    pytest.mark.db,
    pytest.mark.slow,
    pytest.mark.skipif("MDMS_TEST_DSN" in os.environ, reason="backs up the embedded server"),
]

SCRIPTS = config_dir() / "backup"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the database's user may enter."""
    directory = Path(tempfile.mkdtemp(prefix="mdms-backup-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def environment(database: str) -> dict[str, str]:
    server = conninfo_to_dict(database)
    return os.environ | {
        "PATH": f"{software.installed() / 'bin'}:{os.environ['PATH']}",
        "PGHOST": str(server["host"]),
        "PGUSER": str(server["user"]),
    }


def run(script: str, *arguments: object, database: str) -> str:
    done = subprocess.run(
        [SCRIPTS / script, *map(str, arguments)],
        env=environment(database), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def sign(dsn: str, *, count: int) -> list[int]:
    """Let a signer with the rights of one sign, and return the counters."""
    async with open_signer_memory(
        make_conninfo(dsn, user="mdms_signer"), statement_timeout_s=30
    ) as memory:
        signer = LocalSigner(KeyRing({1: MASTER}), memory, SystemClock(), open_rules())
        fresh = [replace(COMMAND, command_id=new_id(AT)) for _ in range(count)]
        return [(await signer.sign(each)).counter for each in fresh]


async def work(dsn: str, name: str) -> None:
    """Do what a daemon does in a day: take the registry, and note who did it."""
    async with open_store(dsn, connections_max=2, statement_timeout_s=30) as store:
        async with store() as transaction:
            await transaction.registry.merge(SMALL_TOWN)
        async with store() as transaction:
            transaction.audit.note(AuditEntry(AT, "token.created", name, "root", {}))


async def audit_is_intact(dsn: str) -> bool:
    async with open_store(dsn, connections_max=2, statement_timeout_s=30) as store:
        return (await AuditService(store).verify()).intact


def copied(database: str) -> bool:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT bool_and(flush_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication "
            "WHERE application_name = 'pg_receivewal'"
        ).fetchone() == (True,)


def now_in(database: str) -> datetime:
    with psycopg.connect(database) as connection:
        ((now,),) = connection.execute("SELECT clock_timestamp()").fetchall()
        assert isinstance(now, datetime)
        return now


def test_a_restore_to_an_instant_has_what_was_committed_by_then_and_reuses_no_counter(
    database, place
):
    backups, data = place / "backups", place / "server" / "data"
    log = place / "log"
    stream = processes.spawn([SCRIPTS / "stream-wal", backups], log=log, env=environment(database))
    with processes.ended_if_interrupted(stream, grace_s=10):
        asyncio.run(work(database, "before"))
        processes.wait_until(lambda: copied(database), stream, log=log, timeout_s=60)
        run("backup", backups, 1, database=database)
        before = asyncio.run(sign(database, count=3))
        asyncio.run(work(database, "between"))
        expected, instant = asyncio.run(fingerprints(database)), now_in(database)
        forgotten = asyncio.run(sign(database, count=2))
        asyncio.run(work(database, "after"))
        processes.wait_until(lambda: copied(database), stream, log=log, timeout_s=60)
    processes.stop(stream, grace_s=10)
    drop_slot(database)

    run("restore", backups, data, instant.isoformat(sep=" "), database=database)
    give_away(data.parent)
    give_away(backups)
    server = EmbeddedDatabase(data.parent)
    with server:
        restored = make_conninfo(server.dsn, dbname=str(conninfo_to_dict(database)["dbname"]))
        wait_until_recovered(restored)
        found = asyncio.run(fingerprints(restored))
        assert found == expected
        assert sum(each.row_count for each in found) > 50
        assert asyncio.run(audit_is_intact(restored))
        again = asyncio.run(sign(restored, count=2))
        assert set(again).isdisjoint({*before, *forgotten})
        assert min(again) > LEAP_BY
        with psycopg.connect(restored) as connection:
            ((reason,),) = connection.execute("SELECT reason FROM signer.trip").fetchall()
            assert "was restored" in reason


def wait_until_recovered(database: str) -> None:
    """Ask until the server takes writes; it lets readers in before."""
    recovering = True
    while recovering:
        with psycopg.connect(database) as connection:
            (recovering,) = connection.execute("SELECT pg_is_in_recovery()").fetchone() or (True,)


def drop_slot(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        # The server may notice a moment later that who used it has gone; a slot in use stays.
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots "
            "WHERE slot_name = 'mdms_wal' AND active_pid IS NOT NULL"
        )
        connection.execute("SELECT pg_drop_replication_slot('mdms_wal')")


def give_away(folder: Path) -> None:
    """Let the folder be the database user's, who wrote none of it here."""
    if os.geteuid() != 0:
        return
    account = unprivileged()
    for each in (folder, *folder.rglob("*")):
        os.chown(each, account.uid, account.gid)


def test_a_restore_never_overwrites_and_says_when_no_copy_is_old_enough(database, place):
    (place / "base" / "20261105T080000Z").mkdir(parents=True)
    (place / "base" / "20261105T080000Z" / "backup_manifest").touch()
    (place / "full").mkdir()
    (place / "full" / "PG_VERSION").touch()

    def refused(*arguments: object) -> str:
        done = subprocess.run(
            [SCRIPTS / "restore", *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        return done.stderr

    assert "never overwrites" in refused(place, place / "full")
    assert "is that old" in refused(place, place / "new", "2026-11-01 00:00:00+00")
