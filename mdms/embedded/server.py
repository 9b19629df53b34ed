"""A server as a child of this process, with its state in one folder."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mdms.embedded import processes


class Server(ABC):
    """One server to a folder; a context manager, or `start` and `stop`."""

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir
        self._child: processes.Child | None = None

    @property
    def pid(self) -> int:
        """The process, for whoever watches or kills it."""
        assert self._child is not None, "the server is running"
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.poll() is None

    @abstractmethod
    def start(self) -> str:
        """Start the server, wait until it answers, and return where clients connect to."""

    @abstractmethod
    def stop(self) -> None:
        """End the server; its state stays in its folder."""

    def _end_child(
        self, *, signals: Sequence[signal.Signals] = (signal.SIGTERM,), grace_s: float
    ) -> None:
        if self._child is not None:
            processes.stop(self._child, signals=signals, grace_s=grace_s)
            self._child = None

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
