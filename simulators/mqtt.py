"""
The broker as collectors and the simulated clock see it.

Every client sets TCP_NODELAY, or a step in lockstep takes 40 ms more. What was not acknowledged
is published again, unchanged, over a new connection: a duplicate is the head-end's to drop.
"""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aiomqtt
import paho.mqtt.client as mqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mdms.domain.errors import UsageError
from simulators.collector import Collector, Topic
from simulators.journal import Received

_log = logging.getLogger(__name__)

_QOS = 1
_NO_MATCHING_SUBSCRIBERS = 0x10
_NOT_ALLOWED = {0x86, 0x87}
_ANSWER_TIMEOUT_S = 30.0
_HELLO_EVERY_S = 1.0
_NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)

_SESSION_S = 3_600
"""The broker keeps what it has for an absent collector this long."""
_STEP_S = 900


Pause = Callable[[float], Awaitable[None]]
"""Waits for real seconds."""


def _back_off() -> Iterator[float]:
    """Yield how long to wait before each next attempt [s]."""
    return chain((0.05, 0.1, 0.2, 0.5), repeat(1.0))


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    @classmethod
    def of(cls, url: str) -> Self:
        """
        Return the broker of a URL such as mqtt://127.0.0.1:1883.

        Raises:
            UsageError: The URL is of another kind.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 1883
        except ValueError as error:
            raise UsageError(f"{url} is no broker address: {error}") from error
        if parts.scheme != "mqtt" or not parts.hostname or parts.path.strip("/"):
            raise UsageError(f"{url} is no broker address; write mqtt://HOST:PORT")
        username = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port, username, password)


class _Client(aiomqtt.Client):
    """An aiomqtt client that says what the broker answered to each message."""

    def __init__(
        self,
        broker: Broker,
        protocol: aiomqtt.ProtocolVersion,
        *,
        identifier: str,
        will: aiomqtt.Will | None,
        keeps_session: bool,
    ) -> None:
        is_v5 = protocol is aiomqtt.ProtocolVersion.V5
        properties = None
        if is_v5 and keeps_session:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
            properties.SessionExpiryInterval = _SESSION_S
        super().__init__(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            protocol=protocol,
            socket_options=_NODELAY,
            identifier=identifier,
            will=will,
            clean_session=None if is_v5 else not keeps_session,
            clean_start=not keeps_session if is_v5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        self._answers: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._disconnected.add_done_callback(self._drop_answers)
        return self

    @property
    def is_broken(self) -> bool:
        """Whether the connection is gone."""
        return self._disconnected.done()

    async def deliver(self, topic: str, payload: str | bytes) -> bool:
        """
        Publish, and return whether somebody will get the message.

        Raises:
            MqttError: The connection broke before the broker answered.
        """
        info = self._client.publish(topic, payload, _QOS)
        if info.rc:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answers[info.mid] = answer
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                code = await answer
        except TimeoutError:
            raise aiomqtt.MqttError("The broker did not acknowledge in time") from None
        finally:
            self._answers.pop(info.mid, None)
        return code != _NO_MATCHING_SUBSCRIBERS

    def _on_publish(
        self,
        client: PahoClient,
        userdata: object,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(int(reason_code.value))
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _drop_answers(self, disconnected: asyncio.Future[None]) -> None:
        if not disconnected.cancelled():
            disconnected.exception()  # looked at, or asyncio complains when it is collected
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(aiomqtt.MqttError("Disconnected before the answer"))


class Link:
    """One client's connection; made when it is first needed and again whenever it breaks."""

    def __init__(
        self,
        broker: Broker,
        pause: Pause,
        *,
        identifier: str,
        will: aiomqtt.Will | None = None,
        greet: Callable[[aiomqtt.Client], Awaitable[None]] | None = None,
        keeps_session: bool = False,
    ) -> None:
        """
        Describe the connection; nothing is sent yet.

        Args:
            broker: Where to connect.
            pause: How to wait between attempts.
            identifier: Client id.
            will: What the broker says when this client vanishes.
            greet: What to do first on every new connection.
            keeps_session: Whether the broker keeps what comes while it is not connected.
        """
        self._broker, self._pause = broker, pause
        self._identifier, self._will, self._greet = identifier, will, greet
        self._keeps_session = keeps_session
        self._protocol = aiomqtt.ProtocolVersion.V5
        self._stack = AsyncExitStack()
        self._client: _Client | None = None
        self._complained = False

    async def client(self) -> _Client:
        """
        Return the connected client.

        Raises:
            MqttError: The broker is not there, or refuses the protocol.
            UsageError: The broker refuses these credentials.
        """
        if self._client is not None and self._client.is_broken:
            await self.drop()
        if self._client is None:
            client = _Client(
                self._broker,
                self._protocol,
                identifier=self._identifier,
                will=self._will,
                keeps_session=self._keeps_session,
            )
            try:
                await self._stack.enter_async_context(client)
            except MqttConnectError as error:
                if isinstance(error.rc, ReasonCode) and error.rc.value in _NOT_ALLOWED:
                    raise UsageError(f"the broker refuses to let us in: {error.rc}") from error
                # A broker that speaks only 3.1.1 refuses 5; the next attempt speaks that.
                self._protocol = aiomqtt.ProtocolVersion.V311
                raise
            except aiomqtt.MqttError as error:
                if not self._complained:
                    _log.warning("waiting for %s: %s", self._broker, error)
                self._complained = True
                raise
            self._complained = False
            self._client = client
            if self._greet is not None:
                await self._greet(client)
        return self._client

    async def drop(self) -> None:
        """Forget the connection; the next use makes a new one."""
        self._client = None
        # A connection that is already broken cannot be closed politely, and need not be.
        with suppress(aiomqtt.MqttError):
            await self._stack.aclose()

    async def connect(self) -> None:
        """Return when there is a connection."""
        for wait_s in _back_off():
            try:
                await self.client()
            except aiomqtt.MqttError:
                await self.drop()
                await self._pause(wait_s)
            else:
                return

    async def deliver(self, topic: str, payload: str | bytes) -> None:
        """Publish until the broker acknowledged and somebody was there to get it."""
        for wait_s in _back_off():
            try:
                client = await self.client()
                if await client.deliver(topic, payload):
                    return
            except aiomqtt.MqttError:
                await self.drop()
            await self._pause(wait_s)

    async def close(self, topic: str, last_words: str) -> None:
        """Leave a retained message and disconnect; a connection that is gone stays gone."""
        # On a broken connection the broker says the will in our place.
        with suppress(aiomqtt.MqttError):
            if self._client is not None:
                await self._client.publish(topic, last_words, _QOS, retain=True)
        await self.drop()


class MqttUplink:
    """A client for each collector, which hears what the collector is told."""

    def __init__(
        self, broker: Broker, utility: str, collectors: Sequence[Collector], pause: Pause
    ) -> None:
        self._topics = {
            collector.collector_id: f"ami/v1/{utility}/col/{collector.collector_id}"
            for collector in collectors
        }
        self._received: list[Received] = []
        self._listening: dict[int, asyncio.Task[None]] = {}
        self._links = {
            collector.collector_id: self._link(broker, collector, pause) for collector in collectors
        }

    def _link(self, broker: Broker, collector: Collector, pause: Pause) -> Link:
        topic = self._topics[collector.collector_id]

        async def greet(client: aiomqtt.Client) -> None:
            await client.subscribe(f"{topic}/down/+", _QOS)
            state = json.dumps(collector.describe())
            await client.publish(f"{topic}/state", state, _QOS, retain=True)
            await self._stop_listening(collector.collector_id)
            self._listening[collector.collector_id] = asyncio.create_task(
                self._listen(client, collector.collector_id)
            )

        return Link(
            broker,
            pause,
            identifier=f"collector-{collector.collector_id}",
            will=aiomqtt.Will(
                f"{topic}/state", _offline(collector.collector_id), _QOS, retain=True
            ),
            greet=greet,
            keeps_session=True,
        )

    async def attend(self) -> None:
        """Return when every collector is connected and hears what it is told."""
        for link in self._links.values():
            await link.connect()

    def received(self) -> Sequence[Received]:
        """Return what collectors were told since the last call."""
        received, self._received = self._received, []
        return received

    async def publish(self, collector_id: int, topic: Topic, payload: bytes) -> None:
        """Return when the broker has the message and somebody is there to read it."""
        await self._links[collector_id].deliver(f"{self._topics[collector_id]}/up/{topic}", payload)

    async def announce(self, collector: Collector) -> None:
        """Say how a collector is; the next connection says it again, should this one break."""
        link = self._links[collector.collector_id]
        with suppress(aiomqtt.MqttError):
            client = await link.client()
            topic = f"{self._topics[collector.collector_id]}/state"
            await client.publish(topic, json.dumps(collector.describe()), _QOS, retain=True)

    async def close(self) -> None:
        """Say that every collector is off, and disconnect."""
        for collector_id, link in self._links.items():
            await self._stop_listening(collector_id)
            await link.close(f"{self._topics[collector_id]}/state", _offline(collector_id))

    async def _listen(self, client: aiomqtt.Client, collector_id: int) -> None:
        """Take in what a collector is told, for as long as the connection lasts."""
        with suppress(aiomqtt.MqttError):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                kind = message.topic.value.rpartition("/")[2]
                self._received.append(Received(collector_id, kind, message.payload))

    async def _stop_listening(self, collector_id: int) -> None:
        task = self._listening.pop(collector_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})


class MqttPace:
    """The simulated clock: grants steps on `sim/time`, listens for answers on `sim/done`."""

    def __init__(
        self, broker: Broker, utility: str, followers: Sequence[str], pause: Pause
    ) -> None:
        self._time = f"ami/v1/{utility}/sim/time"
        self._done = f"ami/v1/{utility}/sim/done"
        self._followers = frozenset(followers)
        self._pause = pause
        # Each process has an id of its own: answers meant for an earlier one never reach it.
        self._link = Link(broker, pause, identifier=f"sim-{uuid4().hex}", greet=self._subscribe)

    async def grant(
        self,
        step: int,
        at_s: int,
        seqs: Mapping[int, int],
        absent: Mapping[int, Sequence[int]],
    ) -> int:
        """
        Publish the step and return when every follower has answered it.

        Returns:
            The shortest next step that a follower wants [s].
        """
        said = {"step": step, "t_us": at_s * 1_000_000, "seq": seqs}
        grant = json.dumps({**said, "absent": absent} if absent else said)
        waiting = set(self._followers)
        step_s = _STEP_S
        for wait_s in _back_off():
            try:
                client = await self._link.client()
                # The first grant is said again until followers are there to hear it; a later
                # one only over a new connection, as their answers may have gone with the old.
                async with asyncio.timeout(_HELLO_EVERY_S if step == 0 else None):
                    if await client.deliver(self._time, grant):
                        step_s = min(step_s, await self._answers(client, step, waiting))
            except TimeoutError:
                continue
            except aiomqtt.MqttError:
                await self._link.drop()
            if not waiting:
                break
            await self._pause(wait_s)
        return step_s

    async def _answers(self, client: aiomqtt.Client, step: int, waiting: set[str]) -> int:
        """Take answers off the list until nobody is left on it; return the shortest step."""
        step_s = _STEP_S
        while waiting:
            message = await anext(client.messages)
            assert isinstance(message.payload, bytes)
            answer = json.loads(message.payload)
            # Answers to earlier grants come twice or late; they say nothing about this one.
            if answer["step"] == step:
                waiting.discard(answer["who"])
                step_s = min(step_s, answer.get("step_s", _STEP_S))
        return step_s

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        await client.subscribe(self._done, _QOS)

    async def close(self) -> None:
        """Disconnect."""
        await self._link.drop()


def _offline(collector_id: int) -> str:
    """Return the last words of a collector, or what the broker says in its place."""
    return json.dumps({"s": "offline", "id": collector_id})
