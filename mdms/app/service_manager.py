"""
What a daemon tells the service manager that started it: ready, alive, stopping.

The protocol of sd_notify(3): a datagram to the socket that the environment names. Without one,
nobody asked, and nothing is told.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mdms.ports.clock import Clock

_US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """
    Who waits to hear from us.

    Attributes:
        address: Its socket; one that begins with @ has no file (Linux). None: nobody waits.
        watchdog_s: How long we may be silent before we are killed and started again [s]; None:
            for ever.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ, *, pid: int | None = None) -> Self:
        """Return whom the environment names; a watchdog that is another process's is not ours."""
        watched = environment.get("WATCHDOG_USEC")
        if environment.get("WATCHDOG_PID", str(pid or os.getpid())) != str(pid or os.getpid()):
            watched = None
        return cls(environment.get("NOTIFY_SOCKET"), int(watched) / _US_PER_S if watched else None)

    def ready(self) -> None:
        """Say that requests are answered from now on."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that we end, in order."""
        self._tell("STOPPING=1")

    async def watched(self, clock: Clock) -> None:
        """Say twice within each term that the event loop turns; returns when nobody watches."""
        while self.watchdog_s is not None:
            self._tell("WATCHDOG=1")
            await clock.sleep(self.watchdog_s / 2)

    def _tell(self, state: str) -> None:
        if self.address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(self.address.replace("@", "\0", 1))
            line.sendall(state.encode())
