"""Children die with their parent, and stop when they are told to."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mdms.embedded import processes

PARENT = """
import sys
from pathlib import Path
from mdms.embedded import processes
child = processes.spawn(["sleep", "60"], log=Path(sys.argv[1]))
print(child.pid, flush=True)
child.wait()
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def _first_outgoing_port() -> int:
    """Return the lowest port that the system gives to who asks for any."""
    try:
        said = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    except FileNotFoundError:
        return 49_152  # RFC 6335
    return int(said.split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel ends orphans for us")
def test_a_child_dies_when_its_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        watched = os.pidfd_open(int(parent.stdout.readline()))

        parent.kill()

    ended, _, _ = select.select([watched], [], [], 30)
    os.close(watched)
    assert ended


def test_a_child_that_obeys_is_stopped_by_the_first_signal(tmp_path):
    child = processes.spawn(["sleep", "60"], log=tmp_path / "log")

    # Not SIGINT: a shell lets what it starts in the background ignore it, and that is inherited.
    status = processes.stop(child, signals=[signal.SIGUSR1, signal.SIGTERM], grace_s=10)

    assert status == -signal.SIGUSR1


def test_a_child_that_will_not_obey_is_killed(tmp_path):
    log = tmp_path / "log"
    child = processes.spawn([sys.executable, "-c", DEAF], log=log)
    processes.wait_until(lambda: b"deaf" in log.read_bytes(), child, log=log, timeout_s=60)

    status = processes.stop(child, grace_s=0.1)

    assert status == -signal.SIGKILL


def test_a_child_that_ends_early_is_reported_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    child = processes.spawn([sys.executable, "-c", "raise SystemExit('no such thing')"], log=log)

    with pytest.raises(processes.ChildFailedError, match="ended with 1: no such thing"):
        processes.wait_until(lambda: False, child, log=log, timeout_s=60)


def test_a_child_that_is_not_ready_in_time_is_reported(tmp_path):
    log = tmp_path / "log"
    child = processes.spawn(["sleep", "60"], log=log)

    with pytest.raises(processes.ChildFailedError, match="sleep is not ready"):
        processes.wait_until(lambda: False, child, log=log, timeout_s=0.05)

    processes.stop(child, grace_s=10)


def test_a_free_port_has_no_listener():
    assert not processes.accepts_connections(processes.free_port())


@pytest.mark.skipif(_first_outgoing_port() < 32_768, reason="this system is set up otherwise")
def test_a_free_port_is_none_that_connections_which_go_out_are_given():
    with (
        socket.create_server(("127.0.0.1", processes.free_port())) as server,
        socket.create_connection(server.getsockname()) as going_out,
    ):
        assert processes.free_port() < 32_768 <= going_out.getsockname()[1]


def test_a_free_port_is_asked_for_until_one_is_free(monkeypatch):
    with socket.create_server(("127.0.0.1", processes.free_port())) as server:
        taken, free = server.getsockname()[1], processes.free_port()
        drawn = iter([taken, taken, free])
        monkeypatch.setattr("secrets.choice", lambda _: next(drawn))

        assert processes.free_port() == free
