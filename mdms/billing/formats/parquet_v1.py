"""
The tables of the billing files as Parquet or Arrow: the same rows, with types.

What a column of the CSV holds decides its type, by name; texts lose the apostrophe that keeps
spreadsheets from running them.
"""

import io
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

_INSTANT: Final = pa.timestamp("us", tz="UTC")
_TYPES: Final = (
    dict.fromkeys(
        ("window_start", "window_end", "from_on", "to_on", "due_on"), pa.date32()
    )
    | dict.fromkeys(("read_utc", "read_start_utc", "read_end_utc"), _INSTANT)
    | dict.fromkeys(
        (
            "register_start", "register_end", "usage_quanta", "usage", "interval_count",
            "estimated_count", "revision", "version", "service_days", "units", "number", "period",
            "superseded_version", "frozen", "present", "change",
        ),
        pa.int64(),
    )
    | dict.fromkeys(("value", "prev_value", "estimated_share", "amount_usd"), pa.decimal128(24, 6))
)  # fmt: skip
"""Every other column is text."""

_GUARD: Final = r"^'('*[=+\-@\t\r])"


def parquet(content: bytes) -> bytes:
    """Return a CSV table of the billing files as Parquet; equal bytes give equal bytes."""
    out = io.BytesIO()
    pq.write_table(_typed(content), out, compression="zstd")
    return out.getvalue()


def arrow(content: bytes) -> bytes:
    """Return a CSV table of the billing files as an Arrow stream."""
    table, out = _typed(content), io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue()


def _typed(content: bytes) -> pa.Table:
    header = content.split(b"\r\n", 1)[0].decode().split(",")
    types = {name: _TYPES.get(name, pa.string()) for name in header}
    table = pyarrow.csv.read_csv(
        io.BytesIO(content),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types),
    )
    plain = [
        pc.replace_substring_regex(column, _GUARD, r"\1")
        if pa.types.is_string(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(plain, schema=table.schema)
