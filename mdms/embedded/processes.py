"""
Children of this process: they die with it, stop in order, and listen on ports that are free.

A child gets a session of its own, so that Ctrl-C on a terminal reaches us alone and we decide
the order in which things end. When we are killed, the kernel ends the child for us (Linux only;
elsewhere a child that outlives a killed parent must be ended by hand).
"""

import ctypes
import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_SERVER_PORTS = range(20_000, 32_768)
_POLL_S = 0.01
_LOG_TAIL_BYTES = 2_000

Child = subprocess.Popen[bytes]


class ChildFailedError(Exception):
    """A child did not come up; the message ends with the last lines of its log."""


def free_port() -> int:
    """
    Return a loopback port that nobody listens on now; another server may take it before you do.

    A connection that goes out does not take it: systems give those their ports from 32768
    (Linux) or 49152 (RFC 6335) upwards, and `bind` to port 0 would choose among them as well.
    """
    while True:
        port = secrets.choice(_SERVER_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    group: int | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> Child:
    """
    Start a child that dies with this process.

    Args:
        command: Program and arguments.
        log: File that its output is appended to.
        cwd: Folder to run in; ours if None.
        env: The whole environment; ours if None.
        user: User id to drop to, supplementary groups included; stay as we are if None.
        group: Group id to drop to; goes with `user`.
        death_signal: What the kernel sends to the child when we die.
    """
    # The kernel watches the thread that forked, not the process (prctl(2), PR_SET_PDEATHSIG).
    assert threading.current_thread() is threading.main_thread(), "a child dies with its thread"
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - callers pass programs they have found themselves
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            start_new_session=True,
            # Changing the user id clears the signal; Popen calls this after it has done so.
            preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 - two system calls, no lock
        )


def wait_until(ready: Callable[[], bool], child: Child, *, log: Path, timeout_s: float) -> None:
    """
    Wait until a child is ready.

    Raises:
        ChildFailedError: It ended, or was not ready in time.
    """
    for _ in _ticks(timeout_s):
        if child.poll() is not None:
            raise ChildFailedError(f"{_name(child)} ended with {child.returncode}: {_tail(log)}")
        if ready():
            return
    raise ChildFailedError(f"{_name(child)} is not ready after {timeout_s} s: {_tail(log)}")


@contextmanager
def ended_if_interrupted(
    child: Child, *, signals: Sequence[signal.Signals] = (signal.SIGTERM,), grace_s: float
) -> Iterator[None]:
    """Let a start that fails, or is broken off, leave no process behind."""
    try:
        yield
    except BaseException:
        stop(child, signals=signals, grace_s=grace_s)
        raise


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listens(path: Path) -> bool:
    """Tell whether something listens on this Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(os.fsencode(path)) == 0


def stop(
    child: Child,
    *,
    signals: Sequence[signal.Signals] = (signal.SIGTERM,),
    grace_s: float,
) -> int:
    """
    End a child politely, then less so, and return its exit status.

    Each signal gets `grace_s` to work; SIGKILL comes last and is always obeyed.
    """
    for number in signals:
        child.send_signal(number)
        try:
            return child.wait(grace_s)
        except subprocess.TimeoutExpired:
            continue
    child.kill()
    return child.wait()


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    # Found before the fork: between fork and exec only system calls are safe.
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, death_signal.value)
        if os.getppid() != parent:  # it died before the kernel had been asked
            os._exit(1)

    return ask_the_kernel


def _ticks(timeout_s: float) -> Iterator[None]:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        yield
        time.sleep(_POLL_S)


def _name(child: Child) -> str:
    assert isinstance(child.args, list), "spawn passes a list"
    return Path(str(child.args[0])).name


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
