"""
A rehearsal with a broker: a thousand real messages, to see what it keeps and how much it sends.

An absent client's messages are queued, then fetched without an acknowledgement until the broker
stops, then acknowledged. So the three settings that brokers ship too small show by themselves: how
many messages it queues, how many it sends unacknowledged, and how large one may be.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import aiomqtt
import paho.mqtt.client as paho
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.connection import PROTOCOLS, V5, connector
from mdms.domain.errors import OperatorError, UnavailableError

_QOS: Final = 1
_AT_A_TIME: Final = 10
_ANSWER_S_MAX: Final = 10.0
_SILENCE_S: Final = 5.0
"""A busy machine must not pass for a broker that lost messages; a good one never makes us wait."""
_SESSION_S: Final = 120
LARGEST_BYTES: Final = 1 << 20
"""The largest batch that a collector may send (headend.md 2.3)."""


class BrokerRefusedError(OperatorError):
    """The broker is there and does not let us in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalConfig:
    """
    Which broker, and what it must be able to do.

    Attributes:
        url: mqtt://user:password@host:port, or mqtts:// with TLS.
        topic: Publish and subscribe here; the broker's access list must allow both.
        protocol: As for ingest.
        receive_max: Unacknowledged messages that ingest asks the broker to send.
        message_count: Messages to queue; more than a broker's default limits.
        ca: File of the authority that signed the broker's certificate; "": those of the system.
    """

    url: str
    topic: str
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    receive_max: int = 5000
    message_count: int = 2000
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What the broker did."""

    protocol: str
    sent_count: int
    """Messages that were published while the receiver was away."""
    unacknowledged_count: int
    """Of these, sent to the receiver before it acknowledged any."""
    returned_count: int
    """Of these, sent to the receiver in all; fewer than sent means that the broker lost some."""
    takes_largest: bool
    """Whether a message of LARGEST_BYTES was acknowledged."""


def rehearsal_topic(utility: str) -> str:
    """Return a topic of our own for one rehearsal."""
    return f"ami/v1/{utility}/head/doctor/{secrets.token_hex(8)}"


async def rehearse(config: RehearsalConfig) -> Rehearsal:
    """
    Send messages through the broker and count what comes back; takes a few seconds.

    A broker that lets us in and then confirms nothing, as one does whose access list forbids the
    topic, has returned nothing.

    Raises:
        UnavailableError: Nothing answers there.
        BrokerRefusedError: It refuses the user, the password, or the protocol.
    """
    receiver = _Receiver(config, await _agree(config))
    unacknowledged = returned = 0
    takes_largest = False
    with suppress(aiomqtt.MqttError):
        async with receiver.connect():
            pass  # the session stays, and what comes from now on is queued for it
        await _publish(config, receiver.protocol)
        async with receiver.connect():
            unacknowledged = await receiver.until_silent(config.message_count)
            receiver.acknowledge()
            returned = await receiver.until_silent(config.message_count)
        await receiver.forget()
        takes_largest = await _takes_largest(config, receiver.protocol)
    return Rehearsal(
        protocol="5" if receiver.protocol is V5 else "3.1.1",
        sent_count=config.message_count,
        unacknowledged_count=unacknowledged,
        returned_count=returned,
        takes_largest=takes_largest,
    )


async def _agree(config: RehearsalConfig) -> aiomqtt.ProtocolVersion:
    """Return the first protocol that the broker lets us in with."""
    refusal: MqttConnectError | None = None
    for protocol in PROTOCOLS[config.protocol]:
        try:
            async with _client(config, protocol):
                return protocol
        except MqttConnectError as error:
            refusal = error
        except aiomqtt.MqttError as error:
            raise UnavailableError(str(error)) from error
    assert refusal is not None, "at least one protocol was tried"
    raise BrokerRefusedError(str(refusal)) from refusal


class _Receiver:
    """A client with a kept session that acknowledges only when told to."""

    def __init__(self, config: RehearsalConfig, protocol: aiomqtt.ProtocolVersion) -> None:
        self._config = config
        self._identifier = f"mdms-doctor-{secrets.token_hex(6)}"
        self._inner: paho.Client | None = None
        self._came = asyncio.Event()
        self._unacknowledged: set[int] = set()
        self._acknowledging = False
        self._seen: set[bytes] = set()
        self.protocol = protocol

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[None]:
        """Take up the session, subscribed, until the end of the context."""
        client = _client(self._config, self.protocol, kept_by=self._identifier)
        self._inner = client._client  # noqa: SLF001 - manual acknowledgement is public in aiomqtt 3
        self._inner.manual_ack_set(True)
        self._inner.on_message = self._take
        async with client:
            await client.subscribe(self._config.topic, qos=_QOS)
            yield

    async def until_silent(self, count: int) -> int:
        """Return how many messages have come once all have, or none came for a while."""
        with suppress(TimeoutError):
            while len(self._seen) < count:
                self._came.clear()
                async with asyncio.timeout(_SILENCE_S):
                    await self._came.wait()
        return len(self._seen)

    def acknowledge(self) -> None:
        """Acknowledge what has come and all that will."""
        assert self._inner is not None, "connected"
        self._acknowledging = True
        for mid in self._unacknowledged:
            self._inner.ack(mid, _QOS)

    async def forget(self) -> None:
        """Have the broker drop the session and what is queued for it."""
        async with _client(self._config, self.protocol, cleared_of=self._identifier):
            pass

    def _take(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        """Count a message; some brokers send one again while they wait for us."""
        number = bytes(message.payload)
        if number not in self._seen:
            self._seen.add(number)
            self._came.set()
        if self._acknowledging:
            client.ack(message.mid, _QOS)
        else:
            self._unacknowledged.add(message.mid)


async def _publish(config: RehearsalConfig, protocol: aiomqtt.ProtocolVersion) -> None:
    async with _client(config, protocol) as sender:
        for start in range(0, config.message_count, _AT_A_TIME):
            numbers = range(start, min(start + _AT_A_TIME, config.message_count))
            await asyncio.gather(
                *(sender.publish(config.topic, str(number), qos=_QOS) for number in numbers)
            )


async def _takes_largest(config: RehearsalConfig, protocol: aiomqtt.ProtocolVersion) -> bool:
    try:
        async with _client(config, protocol) as sender:
            await sender.publish(config.topic, bytes(LARGEST_BYTES), qos=_QOS)
    except aiomqtt.MqttError:  # brokers end the connection, or never answer
        return False
    return True


def _client(
    config: RehearsalConfig,
    protocol: aiomqtt.ProtocolVersion,
    *,
    kept_by: str | None = None,
    cleared_of: str | None = None,
) -> aiomqtt.Client:
    """
    Return a client, not yet connected.

    Args:
        config: Where the broker is.
        protocol: How to speak to it.
        kept_by: Take up the session of this client, or begin one that stays.
        cleared_of: End the session of this client.
    """
    connect = partial(
        connector(config.url, ca=config.ca),
        identifier=kept_by or cleared_of,
        protocol=protocol,
        timeout=_ANSWER_S_MAX,
    )
    if protocol is not V5:
        return connect(clean_session=kept_by is None)
    session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
    session.ReceiveMaximum = config.receive_max
    if kept_by:
        session.SessionExpiryInterval = _SESSION_S
    return connect(clean_start=kept_by is None, properties=session)
