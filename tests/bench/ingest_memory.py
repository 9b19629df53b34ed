"""Decoding and dropping of copies, on one core and without a database."""

import zlib
from functools import partial

import numpy as np

from ingest import codecs
from ingest.assembly import Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.codecs.decoded import Decoded
from ingest.codecs.fnb1 import HEADER
from ingest.codecs.fnb1_readings import READ
from ingest.known import Sieved, Window, sieve
from mdms.domain.readings import IntervalReads
from tests.bench.measure import Figures, Row, interleave, per_cpu_second
from tests.bench.traffic import COLLECTOR_ID, NOW, SLOT_S, Traffic
from tests.channels import Installed, channel_table

TRAFFIC = Traffic(meters=5_000, reports=5, intervals=12, frames=500)
WINDOW_SLOTS = 64
BARE_REPEATS = 20
"""One pass of a limit is too short to be timed."""

UNITS = {
    "limit.ingest.bare": "frames/CPU-s",
    "ingest.decode": "frames/CPU-s",
    "limit.ingest.bare.intervals": "intervals/CPU-s",
    "limit.ingest.copy": "intervals/CPU-s",
    "ingest.sieve": "intervals/CPU-s",
    "ingest.copies": "intervals/CPU-s",
}


def rows(rounds: int) -> list[Row]:
    """Measure on messages of 500 frames with 12 intervals each."""
    memory = _Memory()
    found = interleave(
        [memory.bare, memory.decode, memory.copy, memory.sieve, memory.copies], UNITS, rounds
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
        def drop() -> Sieved[IntervalReads]:
            return sieve(self._known, self._assemble().intervals)

        rate, sieved = per_cpu_second(self._intervals, drop)
        self._check(sieved)
        return {"ingest.copies": rate}

    def _assemble(self) -> Assembled:
        return assemble(self._messages, self._roster, {}, received_at=NOW, recorded_at=NOW)

    def _check(self, sieved: Sieved[IntervalReads]) -> None:
        assert sieved.duplicate_count == self._intervals, "every copy was recognised"
        assert len(sieved.sure) == len(sieved.unsure) == 0, "and nothing else was found"
