"""
Messages off the socket of a paho client, and acknowledgements onto it, many at a time.

Paho reads a packet with four calls to the system, one packet a turn of the event loop, and makes a
dozen objects of it: half of what ingest pays for a message of 96 reads. Here one call takes what
has come and messages are cut out of it; every other packet is left to paho, which reads it as if it
came from the socket. So connecting, pings, subscriptions and all that breaks the rules are paho's.

Some brokers send far more than may be unacknowledged, so a turn of the event loop takes a few
messages only: between turns they are put to use and acknowledged.

Source: MQTT 3.1.1 and 5.0, sections 2 (fixed header), 3.3 (PUBLISH) and 3.4 (PUBACK).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

_READ_BYTES: Final = 1 << 16
_PUBLISH: Final = 0x30
_PUBACK: Final = b"\x40\x02"
_QOS_MAX: Final = 1
_NUMBER_BYTES_MAX: Final = 4
_SUCCESS: Final = MQTTErrorCode.MQTT_ERR_SUCCESS


class Message(NamedTuple):
    """What somebody published."""

    topic: str
    payload: bytes
    mid: int
    """By which it is acknowledged; 0 where it need not be."""
    retained: bool


class Packets:
    """
    Takes the place of a new client's own reading.

    Args:
        client: It has not been connected yet.
        take: Called with the messages of each turn, in their order.
        turn_max: Packets of a turn.
    """

    def __init__(
        self,
        client: paho.Client,
        take: Callable[[Sequence[Message]], None],
        *,
        turn_max: int,
    ) -> None:
        self._client = client
        self._take = take
        self._has_properties = client.protocol == MQTTProtocolVersion.MQTTv5
        self._receive = client._sock_recv  # noqa: SLF001 - paho has no other way in
        self._turn_max = turn_max
        self._rest = b""
        self._next_turn: asyncio.Handle | None = None
        self._closed = False
        self._for_paho = b""
        client._sock_recv = self._give  # type: ignore[method-assign] # noqa: SLF001
        client.loop_read = self._read  # type: ignore[method-assign]

    def acknowledge(self, mids: Iterable[int]) -> None:
        """Send a PUBACK for each of these messages."""
        packets = b"".join(_PUBACK + mid.to_bytes(2, "big") for mid in mids)
        if packets:
            self._client._packet_queue(_PUBACK[0], packets, 0, 0)  # noqa: SLF001 - as its `ack` does

    def close(self) -> None:
        """Take nothing more: it would be acknowledged over another connection."""
        self._closed = True
        if self._next_turn is not None:
            self._next_turn.cancel()

    def _read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Do what `paho.Client.loop_read` does, for all packets of a turn."""
        del max_packets  # paho itself goes by how many messages are under way
        if self._closed:
            return self._lose()
        if self._next_turn is not None:
            return _SUCCESS  # nothing more is read before what came has been taken
        try:
            came = self._receive(_READ_BYTES)
        except BlockingIOError:
            return _SUCCESS
        except OSError:
            came = b""
        if not came:
            return self._lose()
        self._rest += came
        return self._take_turn()

    def _take_turn(self) -> MQTTErrorCode:
        data, begin, code = self._rest, 0, _SUCCESS
        self._next_turn = None
        messages: list[Message] = []
        for _ in range(self._turn_max):
            extent = _packet(data, begin)
            if extent is None or code != _SUCCESS:
                break
            content, end = extent
            message = self._message(data, begin, content, end)
            if message is None:
                code = self._leave_to_paho(data[begin:end])
            else:
                messages.append(message)
            begin = end
        else:
            self._next_turn = asyncio.get_running_loop().call_soon(self._take_turn)
        self._rest = data[begin:]
        if messages:
            self._take(messages)
        return code

    def _lose(self) -> MQTTErrorCode:
        """Let paho find out by itself that the connection is gone."""
        self._client._sock_recv = self._receive  # type: ignore[method-assign] # noqa: SLF001
        return paho.Client.loop_read(self._client)

    def _leave_to_paho(self, packet: bytes) -> MQTTErrorCode:
        self._for_paho = packet
        return paho.Client.loop_read(self._client)

    def _give(self, bufsize: int) -> bytes:
        """Stand in for the socket."""
        if not self._for_paho:
            raise BlockingIOError
        given, self._for_paho = self._for_paho[:bufsize], self._for_paho[bufsize:]
        return given

    def _message(self, data: bytes, begin: int, topic_at: int, end: int) -> Message | None:
        """Read a packet, if it is a message that we could have asked for."""
        first = data[begin]
        qos = first >> 1 & 3
        if first & 0xF0 != _PUBLISH or qos > _QOS_MAX:
            return None
        try:
            at = topic_at + 2 + int.from_bytes(data[topic_at : topic_at + 2], "big")
            topic = data[topic_at + 2 : at].decode(errors="replace")
            mid = int.from_bytes(data[at : at + 2], "big") if qos else 0
            at += 2 if qos else 0
            if self._has_properties:
                size, at = _number(data, at)
                at += size
        except (IndexError, ValueError):
            return None
        return Message(topic, data[at:end], mid, bool(first & 1)) if at <= end else None


def _packet(data: bytes, begin: int) -> tuple[int, int] | None:
    """
    Return where the packet's content begins and ends whose first byte is there.

    None where not all of it has come; what says no length of its own is left to the end.
    """
    try:
        size, at = _number(data, begin + 1)
    except IndexError:
        return None
    except ValueError:
        return len(data), len(data)
    return (at, at + size) if at + size <= len(data) else None


def _number(data: bytes, at: int) -> tuple[int, int]:
    """
    Read a number of variable length; return it, and where it ends.

    Raises:
        IndexError: Not all of it is here.
        ValueError: It is longer than numbers may be.
    """
    number = 0
    for place in range(_NUMBER_BYTES_MAX):
        byte = data[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return number, at + place + 1
    raise ValueError("a number of more than four bytes")
