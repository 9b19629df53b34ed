"""
The processes of a demo: database, broker, signer, daemon, simulator.

Each has its pid in `processes.json`; a killed server is started again, and nothing outlives us.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.embedded.database import EmbeddedDatabase

_READY_S_MAX = 60.0
_STOP_GRACE_S = 15.0


class Program:
    """One of our own programs as a child."""

    def __init__(self, arguments: Sequence[str | Path], log: Path) -> None:
        self._command = [sys.executable, "-m", *arguments]
        self.log = log
        self._child: processes.Child | None = None

    @property
    def pid(self) -> int:
        """The process, for whoever watches or kills it."""
        assert self._child is not None, "the program was started"
        return self._child.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        assert self._child is not None, "the program was started"
        return self._child.poll()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start the program; returns at once."""
        self._child = processes.spawn(self._command, log=self.log)

    def wait(self) -> int:
        """Wait until it has ended; return its exit status."""
        assert self._child is not None, "the program was started"
        return self._child.wait()

    def wait_for(self, url: str) -> None:
        """Wait until it answers 200 at a URL."""

        def answers() -> bool:
            try:
                return httpx.get(url, timeout=5).is_success
            except httpx.TransportError:
                return False

        self.wait_until(answers)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until something is so (ChildFailedError: it ended before, or it took too long)."""
        assert self._child is not None, "the program was started"
        processes.wait_until(ready, self._child, log=self.log, timeout_s=_READY_S_MAX)

    def stop(self) -> None:
        """End it politely, then less so."""
        if self._child is not None and self.running:
            processes.stop(self._child, signals=(signal.SIGTERM,), grace_s=_STOP_GRACE_S)


class Stage:
    """
    Starts, tends and stops the processes of one demo.

    Args:
        directory: The demo's folder; logs and `processes.json` go there.
        state_dir: Database and broker keep their files here; it may lie anywhere.
    """

    def __init__(self, directory: Path, state_dir: Path) -> None:
        self._directory = directory
        self._logs = directory / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self.config = directory / "mdms.toml"
        self.database = EmbeddedDatabase(state_dir / "database")
        self.broker = EmbeddedBroker(state_dir / "broker")
        # The path of a socket must be short, and a demo's folder may be anywhere.
        self.signer_socket = state_dir / "signer" / "signer.sock"
        self._programs: dict[str, Program] = {}
        self._simulator: Program | None = None

    def start_servers(self) -> str:
        """Start database and broker and return the database's DSN."""
        dsn = self.database.start()
        self.broker.start()
        self._note()
        return dsn

    def start_head_end(self, signer_config: Path, url: str) -> None:
        """
        Start `mdms signer` and `mdms serve`; return when one listens and the other is ready.

        Both are there before time begins, and hear it from its first step on.
        """
        signer = Program(["mdms", "signer", "--config", signer_config], self._logs / "signer.log")
        daemon = Program(["mdms", "serve", "--config", self.config], self._logs / "daemon.log")
        for name, program in (("signer", signer), ("daemon", daemon)):
            program.start()
            self._programs[name] = program
            self._note()
        signer.wait_until(lambda: processes.listens(self.signer_socket))
        daemon.wait_for(f"{url}/readyz")

    def start_simulator(self, arguments: Sequence[str | Path]) -> None:
        """Start the city; if it is killed, it goes on where it was when started again."""
        self._simulator = Program(["simulators", *arguments], self._logs / "simulator.log")
        self._simulator.start()
        self._note()

    @contextmanager
    def beside(self, arguments: Sequence[str | Path], name: str) -> Iterator[None]:
        """
        Run one of our programs to its end while the caller does something else.

        Raises:
            ChildFailedError: It did not end well.
        """
        log = self._logs / f"{name}.log"
        child = processes.spawn([sys.executable, "-m", *arguments], log=log)
        with processes.ended_if_interrupted(child, grace_s=_STOP_GRACE_S):
            yield
            status = child.wait()
        if status:
            raise processes.ChildFailedError(
                f"{name} ended with {status}: {log.read_text(errors='replace')[-2000:]}"
            )

    def progress(self) -> Generator[dict[str, Any], None, None]:
        """
        Yield the simulator's reports as they come, tending the others, until it has ended.

        An empty report means that nothing new came within a moment.

        Raises:
            ChildFailedError: The simulator ended with an error.
        """
        assert self._simulator is not None, "the simulator was started"
        with self._simulator.log.open(encoding="utf-8") as reports:
            unfinished = ""
            while True:
                ended = self._simulator.status
                *lines, unfinished = (unfinished + reports.read()).split("\n")
                yield from (json.loads(line) for line in lines if line.startswith("{"))
                if ended is not None and ended >= 0:
                    break
                self.tend()
                yield {}
        if ended:
            tail = self._simulator.log.read_text(errors="replace")[-2000:]
            raise processes.ChildFailedError(f"the simulator ended with {ended}: {tail}")

    def tend(self) -> None:
        """Start again whatever was killed."""
        dead = [server for server in self._servers().values() if not server.running]
        if self._simulator is not None and (self._simulator.status or 0) < 0:
            dead.append(self._simulator)
        for server in dead:
            server.start()
        if dead:
            self._note()

    def stop(self) -> None:
        """End everything, the clients before the servers."""
        if self._simulator is not None:
            self._simulator.stop()
        for program in reversed(self._programs.values()):
            program.stop()
        self.broker.stop()
        self.database.stop()

    def _servers(self) -> dict[str, EmbeddedDatabase | EmbeddedBroker | Program]:
        return {"database": self.database, "broker": self.broker, **self._programs}

    def _note(self) -> None:
        pids = {name: server.pid for name, server in self._servers().items() if server.running}
        pids["demo"] = os.getpid()
        if self._simulator is not None:
            pids["simulator"] = self._simulator.pid
        part = self._directory / "processes.json.part"
        part.write_text(json.dumps(pids, indent=2))
        part.replace(self._directory / "processes.json")
