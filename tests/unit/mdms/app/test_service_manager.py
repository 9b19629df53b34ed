"""What a service manager hears."""

import socket
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from mdms.app.service_manager import ServiceManager
from tests.fakes import FakeClock

NOW = datetime(2026, 11, 3, tzinfo=UTC)


@pytest.fixture
def line(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(30)
        yield bound


class ThreeTurns(FakeClock):
    async def sleep(self, seconds):
        await super().sleep(seconds)
        if len(self.slept_s) == 3:
            raise InterruptedError


async def test_it_hears_when_we_are_ready_alive_and_stopping(line):
    clock = ThreeTurns(NOW)
    manager = ServiceManager.of(
        {"NOTIFY_SOCKET": line.getsockname(), "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"},
        pid=7,
    )

    manager.ready()
    with suppress(InterruptedError):
        await manager.watched(clock)
    manager.stopping()

    heard = [line.recv(64) for _ in range(5)]
    assert heard == [b"READY=1", *[b"WATCHDOG=1"] * 3, b"STOPPING=1"]
    assert clock.slept_s == [30.0] * 3


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}], ids=["none", "other's"]
)
async def test_without_one_nothing_is_told(environment):
    clock = FakeClock(NOW)
    manager = ServiceManager.of(environment, pid=7)

    manager.ready()
    await manager.watched(clock)

    assert clock.slept_s == []


def test_a_socket_without_a_file_is_reached_too():
    name = f"@mdms-test-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(name.replace("@", "\0"))
        ServiceManager(name).stopping()

        assert line.recv(64) == b"STOPPING=1"
