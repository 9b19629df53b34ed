"""
The MQTT side of ingest: subscribe, hand over, acknowledge when told to, come back when cut off.

aiomqtt 2.5 acknowledges a message before anyone has looked at it, so messages are taken from its
inner paho client (`ingest.packets`), which knows manual acknowledgement; aiomqtt 3 will have it in
public. A broker may send a message again while it is still being worked on: such a copy is
dropped. After a lost connection everything unacknowledged comes again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Literal, Self

import aiomqtt
import paho.mqtt.client as paho
import structlog
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.backoff import pauses
from ingest.connection import PROTOCOLS, V5, connector
from ingest.handover import Handover
from ingest.packets import Message, Packets
from mdms.domain.errors import UnavailableError, UsageError
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope
from mdms.telemetry import metrics

_QOS: Final = 1
_REFUSED: Final = 0x80
_NEVER_EXPIRES: Final = 0xFFFF_FFFF
_PENDING_BYTES_MAX: Final = 256 << 20
_TURNS_OF_A_WINDOW: Final = 50

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """
    Where the broker is and how to speak to it.

    Attributes:
        url: mqtt://user:password@host:port, or mqtts:// with TLS.
        client_id: The broker keeps this client's session; two clients with one id fight.
        topics: Filters to subscribe to, QoS 1.
        protocol: MQTT 5, 3.1.1, or 5 where the broker has it.
        receive_max: Unacknowledged messages that the broker may send; a hint to some brokers,
            so twice as many are taken before the rest is left with the broker.
        keepalive_s: Silence after which a connection is probed.
        backoff_s_max: Longest pause between attempts to connect.
        ca, certificate, key: Files for TLS, as `connector` takes them.
    """

    url: str
    client_id: str
    topics: tuple[str, ...]
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    receive_max: int = 5000
    keepalive_s: int = 30
    backoff_s_max: float = 30.0
    ca: str = ""
    certificate: str = ""
    key: str = ""

    def connector(self) -> partial[aiomqtt.Client]:
        """
        Return what makes clients.

        Raises:
            UsageError: A file cannot be used.
        """
        return connector(self.url, ca=self.ca, certificate=self.certificate, key=self.key)


def uplink_topics(utility: str) -> str:
    """Return the filter of everything that collectors of a utility send up."""
    return f"ami/v1/{utility}/col/+/up/#"


def state_topics(utility: str) -> str:
    """Return the filter of what collectors of a utility say about themselves."""
    return f"ami/v1/{utility}/col/+/state"


def control_topic(utility: str, collector_id: int) -> str:
    """Return where a collector hears requests and acknowledgements."""
    return f"ami/v1/{utility}/col/{collector_id}/down/ctl"


def head_time_topic(utility: str) -> str:
    """Return where collectors hear what time it is."""
    return f"ami/v1/{utility}/head/time"


class MqttSource:
    """
    A persistent session with one broker, as a message source; use it as a context manager.

    Inside, a task keeps the connection; once left, it may be entered again. `ack` and `publish` may
    be called at any time.
    """

    def __init__(self, config: MqttConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._protocols = deque(PROTOCOLS[config.protocol])
        self._handover = Handover(clock)
        self._client: aiomqtt.Client | None = None
        self._packets: Packets | None = None
        self._up = asyncio.Event()
        self._pending: dict[int, Envelope] = {}
        self._pending_bytes = 0
        self._overflowed = False
        self._publishing: set[asyncio.Timeout] = set()
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether the broker is there and our subscription stands."""
        return self._up.is_set()

    async def until_connected(self) -> None:
        """Wait for the subscription: what is published before the first one is not for us."""
        await self._up.wait()

    async def __aenter__(self) -> Self:
        self._tasks, self._closing = asyncio.TaskGroup(), False
        await self._tasks.__aenter__()
        self._keeper = self._tasks.create_task(self._stay_connected())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True  # a farewell that fails must not look like a lost connection
        self._keeper.cancel()
        # The group is for the keeper's own mistakes; an error from inside leaves as it is.
        await self._tasks.__aexit__(None, None, None)

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        """Yield batches without end, connected or not."""
        while True:
            yield await self._handover.take(
                messages_max=messages_max, bytes_max=bytes_max, age_s_max=age_s_max
            )

    async def ack(self, batch: Sequence[Envelope]) -> None:
        """Acknowledge; what came over a connection that is lost will come again anyway."""
        done = [
            mid
            for envelope in batch
            if isinstance(mid := envelope.token, int) and self._pending.get(mid) is envelope
        ]
        for mid in done:
            self._pending_bytes -= len(self._pending.pop(mid).payload)
        if done:
            assert self._packets is not None, "nothing is pending without a connection"
            self._packets.acknowledge(done)
        metrics.INGEST_PENDING.set(len(self._pending))
        if self._overflowed and not self._pending and self._client is not None:
            _inner(self._client).disconnect()  # the way to be sent what did not fit

    async def publish(self, topic: str, payload: bytes, *, qos: int = _QOS) -> None:
        """
        Publish, and with QoS 1 wait until the broker has it.

        Raises:
            UnavailableError: There is no connection, or it was lost meanwhile.
        """
        if self._client is None or not self.connected:
            raise UnavailableError("the broker is away")
        patience = asyncio.timeout(None)  # ends with the connection
        try:
            async with patience:
                self._publishing.add(patience)
                await self._client.publish(topic, payload, qos=qos)
        except (aiomqtt.MqttError, TimeoutError) as error:
            raise UnavailableError(f"the broker went away: {error}") from error
        finally:
            self._publishing.discard(patience)

    async def _stay_connected(self) -> None:
        waits = pauses(self._config.backoff_s_max)
        while not self._closing:
            try:
                # Known before it is connected: a kept session sends messages at once.
                self._client = client = self._new_client()
                async with client:
                    await self._subscribe(client)
                    waits = pauses(self._config.backoff_s_max)
                    if not self._closing:  # wait_for of Python 3.11 may swallow a cancellation
                        await _until_lost(client)
            except MqttConnectError as error:
                log.warning("ingest.broker.refused", error=str(error))
                self._protocols.rotate()
            except (aiomqtt.MqttError, UsageError) as error:
                # A certificate that is being renewed may not be there yet.
                log.warning("ingest.broker.away", error=str(error))
            finally:
                self._disconnected()
            await self._clock.sleep(next(waits))

    def _new_client(self) -> aiomqtt.Client:
        protocol = self._protocols[0]
        connect = partial(
            self._config.connector(),
            identifier=self._config.client_id,
            protocol=protocol,
            keepalive=self._config.keepalive_s,
        )
        if protocol is V5:
            session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
            session.ReceiveMaximum = self._config.receive_max
            session.SessionExpiryInterval = _NEVER_EXPIRES
            client = connect(clean_start=False, properties=session)
        else:
            client = connect(clean_session=False)
        inner = _inner(client)
        inner.manual_ack_set(True)
        self._packets = Packets(
            inner, self._take, turn_max=1 + self._config.receive_max // _TURNS_OF_A_WINDOW
        )
        return client

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        for topic in self._config.topics:
            granted = await client.subscribe(topic, qos=_QOS)
            if any(_code(each) >= _REFUSED for each in granted):
                raise aiomqtt.MqttError(f"no right to subscribe to {topic}")
        self._up.set()
        metrics.INGEST_CONNECTED.set(1)
        metrics.INGEST_CONNECTIONS.inc()
        log.info("ingest.broker.connected", protocol=self._protocols[0].name)

    def _take(self, messages: Sequence[Message]) -> None:
        """Hand messages over as they arrive."""
        for message in messages:
            known = self._pending.get(message.mid)
            if known is not None and (known.topic, known.payload) == message[:2]:
                continue  # sent again while we still work on it
            if not message.mid and self._handover.holds(
                2 * self._config.receive_max, _PENDING_BYTES_MAX
            ):
                metrics.INGEST_SHED.labels(kind="message").inc()
                continue  # sent without a promise (QoS 0): nobody keeps it for us
            if self._overflowed or not self._has_room():
                self._overflowed = True  # and leave what follows with the broker, to keep the order
                break
            topic, payload, mid, retained = message
            envelope = Envelope(topic, payload, mid or None, retained)
            if mid:
                self._pending[mid] = envelope
                self._pending_bytes += len(payload)
            self._handover.put(envelope)
        metrics.INGEST_PENDING.set(len(self._pending))

    def _has_room(self) -> bool:
        return (
            len(self._pending) < 2 * self._config.receive_max
            and self._pending_bytes < _PENDING_BYTES_MAX
        )

    def _disconnected(self) -> None:
        for patience in self._publishing:  # the client itself would wait for ten seconds
            patience.reschedule(0)
        self._publishing.clear()
        if self._packets is not None:
            self._packets.close()
        self._client = self._packets = None
        self._up.clear()
        self._handover.clear()
        self._pending.clear()
        self._pending_bytes = 0
        self._overflowed = False
        metrics.INGEST_CONNECTED.set(0)
        metrics.INGEST_PENDING.set(0)


def _inner(client: aiomqtt.Client) -> paho.Client:
    return client._client  # noqa: SLF001 - manual acknowledgement is public in aiomqtt 3 only


def _code(granted: int | ReasonCode) -> int:
    return granted if isinstance(granted, int) else granted.value


async def _until_lost(client: aiomqtt.Client) -> None:
    """Wait for the end of a connection; its own queue stays empty, ours is filled instead."""
    async for _ in client.messages:
        raise AssertionError("messages go to the handover")
