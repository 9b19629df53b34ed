"""
How large a machine: the table of docs/operations/capacity.md, from what the bench measured.

    python -m tests.bench.capacity

Rates are CPU seconds of our process, the database and the broker together, on one core of a Xeon of
2.x GHz; put in what `make bench` says on yours.
"""

import sys
from dataclasses import dataclass
from itertools import pairwise

_DAY_S = 86_400
_READS_A_DAY = 96
"""Of a quarter-hourly channel; hourly ones of water and gas count a quarter."""
_YEARS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """
    What the bench says.

    Attributes:
        ingest: Interval reads a CPU second, from payload to commit (ingest.pipeline.cpu).
        vee: Intervals judged a CPU second, loaded and stored (vee.line.cpu).
        billing: Bill windows a CPU second, determined and written (billing.determine+csv).
        row_bytes: An interval read in rows, index included (timescale.bytes.rows).
        column_bytes: The same in the columnstore (timescale.bytes.columnstore).
        raw_bytes: Raw messages, compressed, for each interval read.
    """

    ingest: float = 370_000
    vee: float = 530_000
    billing: float = 1_800
    row_bytes: float = 148
    column_bytes: float = 3.0
    raw_bytes: float = 25


@dataclass(frozen=True, slots=True)
class Need:
    """What a utility needs; disk in bytes, times in CPU seconds."""

    endpoints: int
    reads_a_day: int
    ingest_share: float
    """Of one core, all day."""
    backlog_s: float
    """CPU seconds to take in a day that was missed."""
    night_s: float
    """CPU seconds of a night's validation."""
    cycle_s: float
    """CPU seconds to bill a twentieth of the endpoints."""
    recent_bytes: float
    """60 days in rows, 90 days of raw messages."""
    plain_bytes: float
    """Seven years, all in rows: plain PostgreSQL."""
    columnstore_bytes: float
    """Seven years, older than 60 days in the columnstore."""


def need(endpoints: int, measured: Measured) -> Need:
    """Work out a utility of which half the endpoints are quarter-hourly and half hourly."""
    reads = round(endpoints * _READS_A_DAY * (0.5 + 0.5 / 4))
    raw = reads * 90 * measured.raw_bytes
    rows = reads * 60 * measured.row_bytes
    days = _YEARS * 365.25
    return Need(
        endpoints=endpoints,
        reads_a_day=reads,
        ingest_share=reads / measured.ingest / _DAY_S,
        backlog_s=reads / measured.ingest,
        night_s=reads / measured.vee,
        cycle_s=endpoints / 20 / measured.billing,
        recent_bytes=rows + raw,
        plain_bytes=reads * days * measured.row_bytes + raw,
        columnstore_bytes=rows + raw + reads * (days - 60) * measured.column_bytes,
    )


def table(measured: Measured) -> str:
    """Return the table in Markdown."""
    needs = [need(each, measured) for each in (75_000, 1_000_000, 10_000_000)]
    lines = [
        ("Endpoints", [f"{each.endpoints:,}" for each in needs]),
        ("Interval reads a day", [f"{each.reads_a_day / 1e6:,.1f} million" for each in needs]),
        ("Ingest, share of a core", [f"{each.ingest_share:.2%}" for each in needs]),
        ("A missed day, taken in [CPU]", [_time(each.backlog_s) for each in needs]),
        ("A night of VEE [CPU]", [_time(each.night_s) for each in needs]),
        ("A cycle of 20, billed [CPU]", [_time(each.cycle_s) for each in needs]),
        ("Disk of the newest months", [_size(each.recent_bytes) for each in needs]),
        ("Disk of seven years, TimescaleDB", [_size(each.columnstore_bytes) for each in needs]),
        ("Disk of seven years, plain PostgreSQL", [_size(each.plain_bytes) for each in needs]),
    ]
    rows = [f"| {name} | {' | '.join(cells)} |" for name, cells in lines]
    return "\n".join([rows[0], "|---|" + "---:|" * len(needs), *rows[1:]])


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _size(size: float) -> str:
    units = ((1, "B"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB"))
    for (scale, unit), (next_scale, _) in pairwise(units):
        if size < next_scale and scale > 1:
            return f"{size / scale:,.1f} {unit}"
    return f"{size / 1e15:,.1f} PB"


if __name__ == "__main__":
    sys.stdout.write(table(Measured()) + "\n")
