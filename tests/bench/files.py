"""Files of reads: written from columns and read back, beside the usual way of writing lines."""

import io
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mdms.billing.formats import cmep_read
from mdms.billing.formats.cmep_write import Writer
from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel
from mdms.billing.formats.runs import Run
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, Source, Status
from mdms.domain.registry import Commodity
from mdms.domain.time import from_epoch_s, to_epoch_s
from mdms.services.reading_tables import ENCODED_INTERVALS, NamedChannels, interval_table
from tests.bench.load import SLOTS_A_DAY, electric_wh
from tests.bench.measure import Figures, Row, interleave, per_cpu_second

CHANNELS = 256
"""A block of the service's."""
DAYS = 35
SLOTS = DAYS * SLOTS_A_DAY
READS = CHANNELS * SLOTS
START = datetime(2026, 11, 3, 8, tzinfo=UTC)
WRITTEN = datetime(2026, 12, 8, tzinfo=UTC)
SLOT_S = 900
ESTIMATED_EVERY = 97
"""One read in so many is an estimate."""

UNITS = {
    "baseline.files.cmep": "reads/CPU-s",
    "files.cmep": "reads/CPU-s",
    "files.cmep.read": "reads/CPU-s",
    "limit.files.parquet": "reads/CPU-s",
    "files.parquet": "reads/CPU-s",
}


def rows(rounds: int) -> list[Row]:
    """Measure five weeks of a block of channels."""
    block = _Block()
    found = interleave([block.lines, block.cmep, block.bare_parquet, block.parquet], UNITS, rounds)
    lines, bare = found["baseline.files.cmep"], found["limit.files.parquet"]
    return [
        lines.row(),
        found["files.cmep"].row(lines, goal="value >= 1,000,000"),
        found["files.cmep.read"].row(lines),
        bare.row(),
        found["files.parquet"].row(bare, goal="value >= 5,000,000"),
    ]


class _Block:
    """Channels with every interval of five weeks."""

    def __init__(self) -> None:
        kind = reading_type(Commodity.ELECTRIC, 0, SLOT_S)
        badges = [f"E{number:06}" for number in range(CHANNELS)]
        self._place = np.repeat(np.arange(CHANNELS), SLOTS)
        self._start_s = np.tile(to_epoch_s(START) + SLOT_S * np.arange(SLOTS), CHANNELS)
        self._value = electric_wh(CHANNELS, SLOTS, seed=1).ravel()
        self._status = np.full(READS, Status.VALIDATED.code, np.uint8)
        self._status[::ESTIMATED_EVERY] = Status.ESTIMATED.code
        none = np.empty(0, np.int64)
        self._named = NamedChannels(list(range(CHANNELS)), badges, [kind.name] * CHANNELS)
        self._reads = IntervalReads.raw(
            self._place, self._start_s, self._value, recorded_us=0, source=Source.UPLINK
        )
        self._outgoing = Outgoing(
            channels=[
                OutgoingChannel(badge, badge, number, kind, 1)
                for number, badge in enumerate(badges)
            ],
            place=self._place,
            start_s=self._start_s,
            value=self._value,
            status=self._status,
            method=self._reads.method,
            flags=self._reads.flags,
            register_place=none,
            register_at_s=none,
            register_value=none,
            register_status=none.astype(np.uint8),
        )

    def lines(self) -> Figures:
        """Write a record a read, as most programs do."""

        def write() -> str:
            out = io.StringIO()
            for place, start_s, value, status in zip(
                self._place.tolist(),
                self._start_s.tolist(),
                self._value.tolist(),
                self._status.tolist(),
                strict=True,
            ):
                flag = "E0" if status == Status.ESTIMATED.code else "R0"
                end = from_epoch_s(start_s + SLOT_S)
                out.write(
                    f"MEPMD01,19970819,CPAU,,BILLING,,{WRITTEN:%Y%m%d%H%M},E{place:06},OK,E,KWH,"
                    f"1.0,00000015,1,{end:%Y%m%d%H%M},{flag},{value / 1000:.3f}\r\n"
                )
            return out.getvalue()

        rate, text = per_cpu_second(READS, write)
        assert text.count("\n") == READS, "every read is a line"
        return {"baseline.files.cmep": rate}

    def cmep(self) -> Figures:
        """Write CMEP, and read it again."""
        writer = Writer("CPAU", "BILLING", WRITTEN)
        write_rate, content = per_cpu_second(READS, lambda: b"".join(writer.write(self._outgoing)))

        def read() -> tuple[int, int, int]:
            count = total = others = 0
            for said in cmep_read.read(io.BytesIO(content), UTC):
                assert isinstance(said, Run), "nothing is refused"
                count += len(said.value)
                total += sum(said.value)
                others += said.not_read
            return count, total, others

        read_rate, (count, total, others) = per_cpu_second(READS, read)
        measured = self._status == Status.VALIDATED.code
        assert count + others == READS, "every read came back"
        assert total == self._value[measured].sum(), "with its value"
        return {"files.cmep": write_rate, "files.cmep.read": read_rate}

    def bare_parquet(self) -> Figures:
        """Write starts and values alone."""

        def write() -> bytes:
            table = pa.table({"start": self._start_s, "value": self._value})
            out = io.BytesIO()
            pq.write_table(table, out, compression="zstd")
            return out.getvalue()

        rate, content = per_cpu_second(READS, write)
        assert pq.read_metadata(io.BytesIO(content)).num_rows == READS, "every read is a row"
        return {"limit.files.parquet": rate}

    def parquet(self) -> Figures:
        """Write `readings.parquet`, all its columns."""

        def write() -> bytes:
            out = io.BytesIO()
            table = interval_table(self._reads, self._status, self._named, ENCODED_INTERVALS)
            pq.write_table(table, out, compression="zstd", store_schema=False)
            return out.getvalue()

        rate, content = per_cpu_second(READS, write)
        found = pq.read_table(io.BytesIO(content))
        assert found.num_rows == READS, "every read is a row"
        assert found["value"].to_numpy().sum() == self._value.sum(), "with its value"
        return {"files.parquet": rate}
