"""Decoding and dropping of copies, on one core and without a database."""

import hmac
import zlib
from collections.abc import Sequence
from functools import partial

import numpy as np

from ingest import codecs
from ingest.alarm_bits import AlarmBits
from ingest.assembly import Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.codecs.decoded import Decoded
from ingest.codecs.fnb1 import FLAG_HMAC, HEADER
from ingest.codecs.fnb1_readings import FLAG_LEAK, READ
from ingest.known import Sieved, Window, sieve
from ingest.trailers import KEY_SIZE, CollectorKeys, TrailerCheck
from mdms.domain.readings import IntervalReads
from mdms.ports.messages import Envelope
from tests.bench.measure import Figures, Row, interleave, per_cpu_second
from tests.bench.traffic import COLLECTOR_ID, NOW, SLOT_S, Traffic
from tests.channels import Installed, channel_table

TRAFFIC = Traffic(meters=5_000, reports=5, intervals=12, frames=500)
WINDOW_SLOTS = 64
ALARMED_EVERY = 100
"""Of so many meters one says that it leaks: two in a hundred homes with water do."""
KEY = bytes(range(KEY_SIZE))
FLAGS_AT = 3
"""Position among the header's fields."""
BARE_REPEATS = 20
"""One pass of a limit is too short to be timed."""

UNITS = {
    "limit.ingest.bare": "frames/CPU-s",
    "ingest.decode": "frames/CPU-s",
    "limit.ingest.bare.intervals": "intervals/CPU-s",
    "limit.ingest.copy": "intervals/CPU-s",
    "ingest.sieve": "intervals/CPU-s",
    "ingest.copies": "intervals/CPU-s",
    "ingest.copies.signed": "intervals/CPU-s",
    "ingest.copies.alarmed": "intervals/CPU-s",
}


def rows(rounds: int) -> list[Row]:
    """Measure on messages of 500 frames with 12 intervals each."""
    memory = _Memory()
    found = interleave(
        [
            memory.bare,
            memory.decode,
            memory.copy,
            memory.sieve,
            memory.copies,
            memory.signed,
            memory.alarmed,
        ],
        UNITS,
        rounds,
    )
    bare, bare_intervals = found["limit.ingest.bare"], found["limit.ingest.bare.intervals"]
    copy = found["limit.ingest.copy"]
    return [
        bare.row(),
        found["ingest.decode"].row(bare),
        copy.row(),
        found["ingest.sieve"].row(copy),
        bare_intervals.row(),
        found["ingest.copies"].row(bare_intervals, goal="value >= 5,000,000"),
        found["ingest.copies.signed"].row(found["ingest.copies"]),
        found["ingest.copies.alarmed"].row(found["ingest.copies"]),
    ]


class _Memory:
    """Messages whose intervals are all known already."""

    def __init__(self) -> None:
        self._messages = TRAFFIC.messages()
        self._frames = len(self._messages) * TRAFFIC.frames
        self._intervals = self._frames * TRAFFIC.intervals
        table = channel_table(
            *(
                Installed(channel_id=number, radio_id=radio_id, interval_s=SLOT_S)
                for number, radio_id in enumerate(TRAFFIC.radio_ids())
            )
        )
        self._roster = Roster(ChannelIndex(table), frozenset([COLLECTOR_ID]))
        self._known = Window(WINDOW_SLOTS)
        self._known.cover(table.channel_id, table.interval_s)
        self._reads = TRAFFIC.interval_reads(table.channel_id.astype(np.int64), slice(None))
        self._known.remember(self._reads.channel_id, self._reads.start_s, self._reads.value)

    def bare(self) -> Figures:
        def look() -> int:
            right = 0
            for _ in range(BARE_REPEATS):
                for message in self._messages:
                    payload = message.payload
                    frames = np.frombuffer(payload, READ, offset=HEADER.size)
                    crc = zlib.crc32(payload[HEADER.size :], zlib.crc32(payload[: HEADER.size - 4]))
                    stated = int.from_bytes(payload[HEADER.size - 4 : HEADER.size], "little")
                    right += len(frames) * (crc == stated)
            return right

        rate, right = per_cpu_second(BARE_REPEATS * self._frames, look)
        assert right == BARE_REPEATS * self._frames, "every frame is whole"
        return {
            "limit.ingest.bare": rate,
            "limit.ingest.bare.intervals": rate * TRAFFIC.intervals,
        }

    def decode(self) -> Figures:
        def decode() -> list[Decoded]:
            return [codecs.decode(each.topic, each.payload, NOW) for each in self._messages]

        rate, decoded = per_cpu_second(self._frames, decode)
        total = sum(int(each.frames.value[each.frames.present].sum()) for each in decoded)
        assert total == TRAFFIC.value.sum(), "every interval was decoded"
        return {"ingest.decode": rate}

    def copy(self) -> Figures:
        """Copy the columns that say which read a copy is of, and what it says."""
        columns = [getattr(self._reads, name) for name in ("channel_id", "start_s", "value")]
        copies = [np.empty_like(column) for column in columns]

        def copy() -> None:
            for _ in range(BARE_REPEATS):
                for column, copied in zip(columns, copies, strict=True):
                    np.copyto(copied, column)

        rate, _ = per_cpu_second(BARE_REPEATS * self._intervals, copy)
        for column, copied in zip(columns, copies, strict=True):
            assert (copied == column).all(), "every row was copied"
        return {"limit.ingest.copy": rate}

    def sieve(self) -> Figures:
        rate, sieved = per_cpu_second(self._intervals, partial(sieve, self._known, self._reads))
        self._check(sieved)
        return {"ingest.sieve": rate}

    def copies(self) -> Figures:
        return {"ingest.copies": self._dropped(self._messages)}

    def signed(self) -> Figures:
        """Verify what each message is signed with, too."""
        trailers = TrailerCheck({COLLECTOR_ID: CollectorKeys((KEY,))})
        messages = [_resealed(each, flags=FLAG_HMAC) for each in self._messages]
        return {"ingest.copies.signed": self._dropped(messages, trailers=trailers)}

    def alarmed(self) -> Figures:
        """Follow alarms that last, too."""
        messages = [_resealed(each, alarms=FLAG_LEAK) for each in self._messages]
        alarms = AlarmBits()
        alarms.keep(self._assemble(messages, alarms=alarms).alarms)
        assert len(alarms.noticed.standing) > 0, "some last"
        return {"ingest.copies.alarmed": self._dropped(messages, alarms=alarms)}

    def _dropped(
        self,
        messages: Sequence[Envelope],
        *,
        trailers: TrailerCheck | None = None,
        alarms: AlarmBits | None = None,
    ) -> float:
        def drop() -> Sieved[IntervalReads]:
            assembled = self._assemble(messages, trailers=trailers, alarms=alarms)
            return sieve(self._known, assembled.intervals)

        rate, sieved = per_cpu_second(self._intervals, drop)
        self._check(sieved)
        return rate

    def _assemble(
        self,
        messages: Sequence[Envelope],
        *,
        trailers: TrailerCheck | None = None,
        alarms: AlarmBits | None = None,
    ) -> Assembled:
        return assemble(
            messages,
            self._roster,
            {},
            received_at=NOW,
            recorded_at=NOW,
            trailers=trailers,
            alarms=alarms,
        )

    def _check(self, sieved: Sieved[IntervalReads]) -> None:
        assert sieved.duplicate_count == self._intervals, "every copy was recognised"
        assert len(sieved.sure) == len(sieved.unsure) == 0, "and nothing else was found"


def _resealed(envelope: Envelope, *, flags: int = 0, alarms: int = 0) -> Envelope:
    """Return a message with more flags, signed if they say so, some of its meters with alarms."""
    frames = np.frombuffer(envelope.payload, READ, offset=HEADER.size).copy()
    frames["flags"][frames["meter_id"] % ALARMED_EVERY == 0] |= np.uint16(alarms)
    fields = list(HEADER.unpack_from(envelope.payload))
    fields[FLAGS_AT] |= flags
    body = frames.tobytes()
    fields[-1] = zlib.crc32(body, zlib.crc32(HEADER.pack(*fields)[:-4]))
    signed = HEADER.pack(*fields) + body
    trailer = hmac.digest(KEY, signed, "sha256") if flags & FLAG_HMAC else b""
    return Envelope(envelope.topic, signed + trailer)
