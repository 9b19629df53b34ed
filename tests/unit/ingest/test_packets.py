import asyncio
import socket
import struct
from collections.abc import Sequence
from typing import Self

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.packets import Message, Packets

PINGRESP = b"\xd0\x00"
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


async def a_turn() -> None:
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


class Link:
    """A paho client at one end of a socket, the broker's bytes at the other."""

    def __init__(self, *, protocol: MQTTProtocolVersion = V5, turn_max: int = 1000) -> None:
        ours, self.broker = socket.socketpair()
        for end in (ours, self.broker):
            end.setblocking(False)
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.client._sock = ours
        self.taken: list[Message] = []
        self.packets = Packets(self.client, self.taken.extend, turn_max=turn_max)

    def hear(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.broker.sendall(chunk)
            self.client.loop_read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.close()
        if (ours := self.client.socket()) is not None:
            ours.close()


def number(value: int) -> bytes:
    digits = bytearray()
    while True:
        value, digit = divmod(value, 128)
        digits.append(digit | (128 if value else 0))
        if not value:
            return bytes(digits)


def publish(message: Message, *, properties: bytes | None = b"") -> bytes:
    topic = message.topic.encode()
    body = struct.pack("!H", len(topic)) + topic
    body += struct.pack("!H", message.mid) if message.mid else b""
    body += b"" if properties is None else number(len(properties)) + properties
    body += message.payload
    first = 0x30 | (2 if message.mid else 0) | message.retained
    return bytes([first]) + number(len(body)) + body


def numbered(*mids: int) -> list[Message]:
    return [Message("ami/v1/cpau/col/7/up/read", b"%d" % mid, mid, retained=False) for mid in mids]


def stream(messages: Sequence[Message]) -> bytes:
    return b"".join(map(publish, messages))


published = st.lists(
    st.builds(
        Message,
        topic=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        payload=st.binary(max_size=300),
        mid=st.integers(0, 65_535),
        retained=st.booleans(),
    ),
    max_size=8,
)


@given(published, st.sampled_from([V5, V311]), st.binary(max_size=200), st.data())
def test_however_the_bytes_are_cut_the_messages_are_those_that_were_sent(
    messages, protocol, properties, data
):
    properties = properties if protocol == V5 else None
    sent = b"".join(publish(message, properties=properties) + PINGRESP for message in messages)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(sent) - 1, 1)), max_size=6)))
    chunks = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]

    with Link(protocol=protocol) as link:
        link.hear(*filter(None, chunks))

        assert link.taken == messages
        assert link.client.socket() is not None


def test_what_is_no_message_is_left_to_paho():
    with Link() as link:
        link.client._ping_t = 1.0

        link.hear(stream(numbered(1)) + PINGRESP + stream(numbered(2)))

        assert link.client._ping_t == 0
        assert link.taken == numbered(1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x00\x00",
        b"\x30\xff\xff\xff\xff\x01",
        b"\x32\x03\x00\x09a",
    ],
    ids=["no packet", "a length of five bytes", "a topic beyond its packet"],
)
def test_a_broker_that_breaks_the_rules_is_left_after_the_messages_before(wrong):
    with Link() as link:
        link.hear(stream(numbered(1)) + wrong + stream(numbered(2)))

        assert link.taken == numbered(1)
        assert link.client.socket() is None


def test_a_topic_that_is_no_text_is_one_that_nobody_has():
    with Link() as link:
        link.hear(b"\x32\x08\x00\x02\xff\xfe\x00\x01\x00?")

        assert link.taken == [Message("\N{REPLACEMENT CHARACTER}" * 2, b"?", 1, retained=False)]


def test_a_broker_that_goes_is_noticed():
    with Link() as link:
        link.broker.close()

        link.client.loop_read()

        assert link.client.socket() is None


def test_acknowledgements_go_out_together_in_their_order():
    with Link() as link:
        link.packets.acknowledge([1, 258, 65_535])
        link.client.loop_write()

        assert link.broker.recv(100) == b"\x40\x02\x00\x01\x40\x02\x01\x02\x40\x02\xff\xff"


async def test_a_turn_takes_its_share_and_the_next_ones_the_rest():
    with Link(turn_max=2) as link:
        link.hear(stream(numbered(1, 2, 3, 4, 5)))
        first = list(link.taken)
        for _ in range(3):
            await a_turn()

        assert first == numbered(1, 2)
        assert link.taken == numbered(1, 2, 3, 4, 5)


async def test_nothing_is_taken_any_more_once_the_connection_is_given_up():
    with Link(turn_max=2) as link:
        link.hear(stream(numbered(1, 2, 3)))

        link.packets.close()
        await a_turn()
        link.hear(stream(numbered(4)))

        assert link.taken == numbered(1, 2)
