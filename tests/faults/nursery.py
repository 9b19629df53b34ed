"""
A demo whose programs are forked from a process that has imported them: Linux only.

Half of what a short run with kills costs is Python reading the same modules at each start; forked,
a program begins at its first line in a tenth of a second. All else is as it is: processes with
memory, sessions and files of their own, killed, waited for and started again by the stage.
"""

import ctypes
import json
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any, NoReturn, cast
from unittest.mock import patch

import psutil

from mdms.embedded import processes

_PRELOADED = (
    "mdms.cli.demo", "mdms.cli.serve", "mdms.cli.signer", "mdms.app.api", "simulators.__main__",
    "uvicorn", "uvicorn.protocols.http.h11_impl", "uvicorn.lifespan.on",
)  # fmt: skip
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_POLL_S = 0.005
_REQUEST_BYTES_MAX = 65_536


class Forked:
    """A program of ours as a child, with what the stage asks of a `Popen`."""

    def __init__(self, args: Sequence[str], pid: int) -> None:
        self.args, self.pid = args, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended when it has."""
        end = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise TimeoutExpired(self.args, timeout or 0)
            time.sleep(_POLL_S)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """A process that programs are forked from, as children of this one; it ends with this one."""

    def __init__(self) -> None:
        # Whoever was forked by a process that has ended becomes ours, to be waited for.
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            if all(name in sys.modules for name in _PRELOADED):
                _fork_nursery(asked, self._asking)
            else:
                command = [sys.executable, "-m", __name__, str(asked.fileno()), str(os.getpid())]
                self._process = Popen(command, pass_fds=[asked.fileno()])

    def fork(self, module: str, arguments: Sequence[str], log: Path) -> Forked:
        """Run a module as a program; its output is appended to a file."""
        self._asking.send(json.dumps([module, arguments, str(log)]).encode())
        pid = int(self._asking.recv(_REQUEST_BYTES_MAX))
        return Forked([sys.executable, "-m", module, *arguments], pid)

    def spawn(self, command: Sequence[str | Path], *, log: Path, **others: Any) -> Popen[bytes]:
        """Start a program as `processes.spawn` does, which still starts what is not ours."""
        interpreter, *arguments = map(str, command)
        if interpreter != sys.executable:
            return _spawn(command, log=log, **others)
        return cast("Popen[bytes]", self.fork(arguments[1], arguments[2:], log))


_spawn = processes.spawn


def _fork_nursery(asked: socket.socket, asking: socket.socket) -> None:
    parent = os.getpid()
    if os.fork() == 0:
        asking.close()
        _be_a_nursery(asked, parent)


def _be_a_nursery(asked: socket.socket, parent: int) -> NoReturn:
    """Fork what is asked for until nobody asks any more; what was forked runs and exits here."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    while request := asked.recv(_REQUEST_BYTES_MAX):
        if between := os.fork():
            os.waitpid(between, 0)
            continue
        if os.fork():
            os._exit(0)
        while os.getppid() != parent:  # until the one between has ended
            if not psutil.pid_exists(parent):
                os._exit(1)
            time.sleep(_POLL_S)
        module, arguments, log = json.loads(request)
        _become(log)
        asked.send(str(os.getpid()).encode())
        asked.close()
        sys.argv[1:] = arguments
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        sys.exit(0)
    os._exit(0)


def _become(log: str) -> None:
    """Be a child like those of `processes.spawn`."""
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value):
        raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    """Be a nursery on a socket that was handed down, or a demo whose programs come from one."""
    if sys.argv[1] != "demo":
        for name in _PRELOADED:
            import_module(name)
        _be_a_nursery(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
    with patch.object(processes, "spawn", Nursery().spawn):
        runpy.run_module("mdms", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
