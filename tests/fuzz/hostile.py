"""
Messages that nobody honest sends, made of arbitrary bytes, and what must hold of every one.

Hypothesis (`tests/unit/ingest/test_hostile.py`) and atheris (`make fuzz`) drive the same functions.
"""

import json
import struct
import zlib
from collections.abc import Callable, Sequence

import pyarrow as pa

from ingest.assembly import LETTERS_MAX, Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.codecs import fnb1
from ingest.codecs.limits import EARLY_S_MAX, LATE_S_MAX
from ingest.quota import Quotas
from ingest.sequence import OFFERED_BATCHES_MAX, SPAN_BATCHES_MAX, Following, Offer
from ingest.tags import TagCheck
from ingest.trailers import CollectorKeys, TrailerCheck
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.messages import NOON, NOON_S, event_frame, frame, message

COLLECTOR = 7
RADIO = 47_622_887
SILENT = 9
KINDS = ("read", "event", "ack", "backfill")
ROSTER = Roster(
    ChannelIndex(
        channel_table(
            Installed(channel_id=0, radio_id=RADIO),
            Installed(channel_id=1, radio_id=SILENT, radio_on=False),
        )
    ),
    frozenset({COLLECTOR}),
)
TAGS = TagCheck({1: bytes(range(16))})
TRAILERS = TrailerCheck({COLLECTOR: CollectorKeys((bytes(range(32)),), required=False)})
_HEADER = struct.Struct("<4sBBHIIQQIHHIIiIII")
_WORDS = (0, 1, 63, 64, 65, 255, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
_LONG_WORDS = (*_WORDS, 1 << 40, (1 << 62) - 1, 1 << 63, (1 << 64) - 1, NOON_S * 1_000_000)


class Bytes:
    """Arbitrary bytes, taken from the front; nothing but zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        self._at += count
        return part.ljust(count, b"\0")

    def number(self, below: int) -> int:
        return int.from_bytes(self.take(2), "little") % below

    def rest(self) -> bytes:
        part, self._at = self._data[self._at :], len(self._data)
        return part


def envelopes(data: bytes) -> list[Envelope]:
    """Return a few messages, each of a kind that the bytes choose."""
    source = Bytes(data)
    made = []
    for _ in range(1 + source.number(3)):
        maker = _MAKERS[source.number(len(_MAKERS))]
        made.append(maker(source))
    return made


def check(data: bytes) -> Assembled:
    """Read hostile messages and assert that nothing came of them that should not."""
    batch = envelopes(data)
    assembled = assemble(
        batch, ROSTER, {COLLECTOR: 1000}, received_at=NOON, recorded_at=NOON, tags=TAGS,
        trailers=TRAILERS, quotas=Quotas(),
    )  # fmt: skip
    assert_harmless(batch, assembled)
    return assembled


def assert_harmless(batch: Sequence[Envelope], assembled: Assembled) -> None:
    """Assert what holds of every batch, whoever sent it."""
    refused = [r for r in assembled.rejected if not r.detail.endswith(" more frames")]
    whole = [each for each in refused if each.frame_index is None]
    assert len(assembled.messages) + len(assembled.reports) + len(whole) == len(batch)
    assert all(each.detail != "the decoder failed" for each in refused)
    assert len(refused) <= (LETTERS_MAX + 1) * len(batch)
    for letter in assembled.rejected:
        letter.detail.encode()
    reads, registers = assembled.intervals, assembled.registers
    frame_count = sum(min(m.frame_count, fnb1.RAW_BYTES_MAX // 64) for m in assembled.messages)
    assert len(reads) <= 12 * frame_count
    assert len(registers) <= frame_count
    for at_s in (reads.start_s, registers.at_s):
        assert (at_s >= NOON_S - LATE_S_MAX - 86_400).all()
        assert (at_s <= NOON_S + EARLY_S_MAX + 150).all()
    assert ((reads.value >= 0) & (reads.value < 1 << 30)).all()
    assert ((registers.value >= 0) & (registers.value < 1 << 54)).all()
    assert not (reads.channel_id == 1).any(), "a silent meter's values are nobody's business"
    for event in assembled.events:
        assert -(1 << 63) <= event.value < 1 << 63
    following = Following(COLLECTOR, None, [])
    for counted in assembled.counted:
        if isinstance(counted, Offer):
            following.offer(counted)
        else:
            following.take(counted)
    if assembled.counted:
        change = following.change()
        assert change.count.top_seq < 1 << 63
        spans_max = len(batch) * (OFFERED_BATCHES_MAX // SPAN_BATCHES_MAX + 1)
        assert len(change.opened) + len(change.lost) <= spans_max


def _topic(source: Bytes, kind: str) -> str:
    """Return a collector's topic, now and then another one's or none."""
    match source.number(12):
        case 0:
            return source.take(12).decode(errors="replace")
        case 1:
            return f"ami/v1/cpau/col/{source.number(1 << 16) << 20}/up/{kind}"
        case 2:
            return f"ami/v1/cpau/col/7/{kind}"
        case _:
            return f"ami/v1/cpau/col/{COLLECTOR}/up/{kind}"


def _anything(source: Bytes) -> Envelope:
    return Envelope(_topic(source, KINDS[source.number(4)]), source.take(source.number(400)))


def _state(source: Bytes) -> Envelope:
    values: tuple[object, ...] = (
        0, -1, 1 << 62, 1 << 64, "", "online", "\0", "x" * 300, None, True, 1e308, [], {},
        "2106-02-07T06:28:15Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z",
    )  # fmt: skip
    said: dict[str, object] = {"s": "online", "id": COLLECTOR, "boot": 99, "seq": 12}
    for name in ("s", "id", "boot", "seq", "oldest_seq", "off_ms", "fw", "temp", "t", "gps"):
        if source.number(3) == 0:
            said[name] = values[source.number(len(values))]
    payload = json.dumps(said).encode()
    if source.number(4) == 0:
        payload = payload[: source.number(len(payload))] + source.take(source.number(20))
    retained = bool(source.number(2))
    return Envelope(f"ami/v1/cpau/col/{COLLECTOR}/state", payload, retained=retained)


def _sound_frames(source: Bytes) -> Envelope:
    """Return arbitrary frames in a message that is sound as a whole."""
    kind = KINDS[source.number(3)]
    schema_id = {"read": 1, "event": 2, "ack": 3}[kind]
    body = source.take(64 * (1 + source.number(8)))
    radio = (RADIO, SILENT, 5)[source.number(3)]
    frames = [
        radio.to_bytes(4, "little") + body[at + 4 : at + 64] for at in range(0, len(body), 64)
    ]
    return Envelope(_topic(source, kind), message(*frames, schema_id=schema_id))


def _mutated(source: Bytes) -> Envelope:
    """Return a good message with a few bytes changed, its checksum put right or not."""
    if source.number(2):
        good, kind = message(frame(), frame(deltas=[1, 2])), "read"
    else:
        good, kind = message(event_frame(), schema_id=2), "event"
    changed = bytearray(good)
    for _ in range(1 + source.number(6)):
        changed[source.number(len(changed))] = source.take(1)[0]
    if source.number(4):
        changed[60:64] = zlib.crc32(changed[64:], zlib.crc32(changed[:60])).to_bytes(4, "little")
    end = len(changed) - source.number(70) if source.number(4) == 0 else len(changed)
    return Envelope(_topic(source, kind), bytes(changed[: max(end, 0)]))


def _lying_header(source: Bytes) -> Envelope:
    """Return a header that says anything, over a body that may be compressed, under a right sum."""
    body = source.take(64 * source.number(4))
    raw_len = len(body)
    flags = source.number(32)
    if flags & fnb1.FLAG_ZSTD:
        bomb = source.number(3) == 0
        raw_len = fnb1.RAW_BYTES_MAX if bomb else raw_len
        body = pa.compress(bytes(raw_len) if bomb else body, codec="zstd", asbytes=True)

    def word(honest: int, words: Sequence[int] = _WORDS) -> int:
        return words[source.number(len(words))] if source.number(8) == 0 else honest

    header = (
        b"FNB1", 1, 64, flags, word(COLLECTOR), word(99), word(5, _LONG_WORDS),
        word(NOON_S * 1_000_000, _LONG_WORDS), word(raw_len // 64), word(64) & 0xFFFF,
        word(1 + source.number(4)) & 0xFFFF, word(len(body)), word(raw_len),
        word(0) & 0x7FFF_FFFF, word(0), word(0),
    )  # fmt: skip
    head = _HEADER.pack(*header, 0)[:60]
    payload = head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "little") + body
    kind = "backfill" if flags & fnb1.FLAG_BACKFILL else KINDS[source.number(3)]
    return Envelope(_topic(source, kind), payload)


_MAKERS: tuple[Callable[[Bytes], Envelope], ...] = (
    _anything, _state, _sound_frames, _mutated, _lying_header,
)  # fmt: skip
