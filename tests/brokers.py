"""Real brokers for tests: the embedded one, and Mosquitto where it is installed."""

import asyncio
import getpass
import os
import shutil
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mdms.embedded import processes
from tests.messages import NOON

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages {inflight_max}
{settings}
"""


def mosquitto() -> str | None:
    """Return the path of Mosquitto; Debian puts it where ordinary users do not look."""
    return shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """A Mosquitto 2 of one's own, with its sessions on disk."""

    def __init__(self, folder: Path, *, inflight_max: int, settings: str = "") -> None:
        self._folder = folder
        self._settings = settings
        self._inflight_max = inflight_max
        self._port = processes.free_port()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"mqtt://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process, for whoever kills it."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child.poll() is None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._folder.mkdir(parents=True, exist_ok=True)
        binary, config, log = mosquitto(), self._folder / "mosquitto.conf", self._folder / "log"
        assert binary is not None, "tests that need it are skipped without it"
        config.write_text(
            _MOSQUITTO.format(
                port=self._port,
                user=getpass.getuser(),
                folder=self._folder,
                inflight_max=self._inflight_max,
                settings=self._settings,
            )
        )
        self._child = processes.spawn([binary, "-c", config], log=log)
        with processes.ended_if_interrupted(self._child, grace_s=5):
            processes.wait_until(
                lambda: processes.accepts_connections(self._port),
                self._child, log=log, timeout_s=60,
            )  # fmt: skip

    def stop(self) -> None:
        """Stop it; what it has queued stays in its folder."""
        processes.stop(self._child, grace_s=5)

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


class LiveClock:
    """Real time for batch age and back-off; civil time stands still."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            return
