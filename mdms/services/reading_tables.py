"""
Reads as others see them: Arrow tables, and CSV rows for people.

Here a status R that validation left unchanged becomes V: the database writes no version for a
channel-day that passed, only one `vee_day` row (design D6).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from mdms.billing.formats.rfc4180 import guarded
from mdms.billing.units import unrounded_units
from mdms.domain.dials import DEMAND, DialRead
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import Int64, IntervalReads, Method, RegisterReads, Status, UInt8
from mdms.domain.registry import ChannelTable
from mdms.domain.time import (
    days_between,
    from_epoch_s,
    local_day,
    local_midnight,
    to_epoch_s,
    to_epoch_us,
)
from mdms.ports.vee import VeeDay

_INSTANT: Final = pa.timestamp("us", tz="UTC")

INTERVAL_SCHEMA: Final = pa.schema(
    [
        ("meter", pa.string()),
        ("reading_type", pa.string()),
        ("start_utc", _INSTANT),
        ("version", pa.int16()),
        ("value", pa.int64()),
        ("status", pa.string()),
        ("method", pa.string()),
        ("flags", pa.int64()),
        ("recorded_at", _INSTANT),
    ]
)
"""`readings.parquet` of design.md 5; value in quanta, flags the rule mask of vee.md 1.3."""

REGISTER_SCHEMA: Final = pa.schema(
    [
        ("meter", pa.string()),
        ("reading_type", pa.string()),
        ("at_utc", _INSTANT),
        ("value", pa.int64()),
        ("status", pa.string()),
        ("recorded_at", _INSTANT),
    ]
)
"""`registers.parquet` of design.md 5."""

CSV_COLUMNS: Final = (
    "meter", "reading_type", "start_local", "start_utc", "value", "unit", "amount",
    "amount_unit", "status", "method",
)  # fmt: skip
"""value counts quanta (unit: Wh, 0.1gal, 0.01ccf); amount is the same in kWh or ccf."""

REGISTER_CSV_COLUMNS: Final = (
    "meter", "reading_type", "at_local", "at_utc", "value", "unit", "amount", "amount_unit",
    "status", "dial",
)  # fmt: skip
"""value counts quanta of the register; amount is what it shows in kWh or ccf."""

_LETTERS: Final = pa.array([chr(code) for code in range(256)])
_METHODS: Final = pa.array(["" if method is Method.NONE else method.name for method in Method])


@dataclass(frozen=True, slots=True)
class NamedChannels:
    """
    Some channels in the order in which they are written: by badge, then reading type.

    Attributes:
        channel_id: Channels, ours.
        badge: Meter of each.
        reading_type: What each measures.
    """

    channel_id: Sequence[int]
    badge: Sequence[str]
    reading_type: Sequence[str]

    @classmethod
    def of(cls, table: ChannelTable, meter: str | None = None) -> Self:
        """Return every channel, or those of a badge or usage point; a moved meter's once."""
        named = sorted(
            {
                (str(table.badge[i]), str(table.reading_type[i]), int(table.channel_id[i]))
                for i in range(len(table))
                if meter in (None, table.badge[i], table.usage_point_id[i])
            }
        )
        return cls(
            channel_id=[channel_id for _, _, channel_id in named],
            badge=[badge for badge, _, _ in named],
            reading_type=[reading_type for _, reading_type, _ in named],
        )

    def __len__(self) -> int:
        return len(self.channel_id)

    def blocks(self, size: int) -> Iterator[Self]:
        """Yield them in parts of at most `size` channels."""
        for first in range(0, len(self), size):
            part = slice(first, first + size)
            yield type(self)(self.channel_id[part], self.badge[part], self.reading_type[part])

    def position_of(self, channel_id: np.ndarray[Any, Any]) -> Int64:
        """Return where each of these channels stands in the order."""
        ids = np.array(self.channel_id, np.int64)
        order = np.argsort(ids)
        return order[np.searchsorted(ids, channel_id, sorter=order)]


def displayed_status(reads: IntervalReads, days: Sequence[VeeDay], zone: ZoneInfo) -> UInt8:
    """
    Return each row's status letter, R as V where validation has seen the row and left it.

    Args:
        reads: Versions of intervals.
        days: The newest outcome of each of their channel-days, as far as there is one.
        zone: Where local days begin.
    """
    if not len(reads) or not days:
        return reads.status
    first = local_day(from_epoch_s(reads.start_s.min()), zone)
    last = local_day(from_epoch_s(reads.start_s.max()), zone)
    midnight_s = np.array(
        [to_epoch_s(local_midnight(day, zone)) for day in days_between(first, last)], np.int64
    )
    channel_ids = np.unique(reads.channel_id)
    judged_us = np.full((len(channel_ids), len(midnight_s)), -1, np.int64)
    row_of = {channel_id: row for row, channel_id in enumerate(channel_ids.tolist())}
    for day in days:
        if day.channel_id in row_of and first <= day.local_day <= last:
            column = (day.local_day - first).days
            judged_us[row_of[day.channel_id], column] = to_epoch_us(day.recorded_at)
    seen_us = judged_us[
        np.searchsorted(channel_ids, reads.channel_id),
        np.searchsorted(midnight_s, reads.start_s, side="right") - 1,
    ]
    passed = (reads.status == Status.RAW.code) & (reads.recorded_us <= seen_us)
    return np.where(passed, np.uint8(Status.VALIDATED.code), reads.status)


def encoded(schema: pa.Schema) -> pa.Schema:
    """Return the schema with texts as codes of a dictionary: how whole files are written."""
    text = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [field.with_type(text) if pa.types.is_string(field.type) else field for field in schema]
    )


ENCODED_INTERVALS: Final = encoded(INTERVAL_SCHEMA)
ENCODED_REGISTERS: Final = encoded(REGISTER_SCHEMA)


def interval_table(
    reads: IntervalReads,
    status: UInt8,
    channels: NamedChannels,
    schema: pa.Schema = INTERVAL_SCHEMA,
) -> pa.Table:
    """
    Return rows sorted by meter, reading type, start and version.

    Args:
        reads: Sorted by channel, start and version, as stores give them.
        status: Letter of each as displayed.
        channels: Whose they are.
        schema: `INTERVAL_SCHEMA` or `ENCODED_INTERVALS`.
    """
    position = channels.position_of(reads.channel_id)
    order = np.argsort(position, kind="stable")
    rows, meter = reads.take(order), position[order]
    kinds, kind = np.unique(np.array(channels.reading_type, str), return_inverse=True)
    columns = [
        _text(meter, pa.array(channels.badge, pa.string())),
        _text(kind[meter], pa.array(kinds)),
        _instant(rows.start_s * 1_000_000),
        pa.array(rows.version),
        pa.array(rows.value),
        _text(status[order], _LETTERS),
        _text(rows.method, _METHODS),
        pa.array(rows.flags),
        _instant(rows.recorded_us),
    ]
    return _table(columns, schema)


def register_table(
    reads: RegisterReads, channels: NamedChannels, schema: pa.Schema = REGISTER_SCHEMA
) -> pa.Table:
    """Return rows sorted by meter, reading type, instant and version; else as for intervals."""
    position = channels.position_of(reads.channel_id)
    order = np.argsort(position, kind="stable")
    rows, meter = reads.take(order), position[order]
    kinds, kind = np.unique(np.array(channels.reading_type, str), return_inverse=True)
    columns = [
        _text(meter, pa.array(channels.badge, pa.string())),
        _text(kind[meter], pa.array(kinds)),
        _instant(rows.at_s * 1_000_000),
        pa.array(rows.value),
        _text(rows.status, _LETTERS),
        _instant(rows.recorded_us),
    ]
    return _table(columns, schema)


def _table(columns: Sequence[pa.Array], schema: pa.Schema) -> pa.Table:
    """Return a table; where the schema has plain texts, codes are looked up."""
    return pa.table(
        [
            column.dictionary_decode() if pa.types.is_string(field.type) else column
            for column, field in zip(columns, schema, strict=True)
        ],
        schema=schema,
    )


def csv_rows(
    reads: IntervalReads, status: UInt8, channels: NamedChannels, zone: ZoneInfo
) -> Iterator[tuple[object, ...]]:
    """Yield rows of `CSV_COLUMNS`, sorted by meter, reading type and start."""
    times = {start_s: _times(start_s, zone) for start_s in np.unique(reads.start_s).tolist()}
    amounts: dict[tuple[str, int], str] = {}
    position = channels.position_of(reads.channel_id)
    order = np.lexsort((reads.start_s, position))
    for channel, start_s, value, letter, method in zip(
        position[order].tolist(),
        reads.start_s[order].tolist(),
        reads.value[order].tolist(),
        status[order].tolist(),
        reads.method[order].tolist(),
        strict=True,
    ):
        reading_type = channels.reading_type[channel]
        kind = READING_TYPES[reading_type]
        amount = amounts.get((reading_type, value))
        if amount is None:
            amount = amounts[reading_type, value] = str(unrounded_units(value, kind))
        yield (
            guarded(channels.badge[channel]),
            reading_type,
            *times[start_s],
            value,
            kind.unit,
            amount,
            kind.billing_unit,
            chr(letter),
            _METHODS[method].as_py(),
        )


def register_csv_rows(
    reads: RegisterReads, channels: NamedChannels, zone: ZoneInfo
) -> Iterator[tuple[object, ...]]:
    """Yield rows of `REGISTER_CSV_COLUMNS`, sorted by meter, reading type and instant."""
    position = channels.position_of(reads.channel_id)
    order = np.lexsort((reads.at_s, position))
    for channel, at_s, value, letter in zip(
        position[order].tolist(),
        reads.at_s[order].tolist(),
        reads.value[order].tolist(),
        reads.status[order].tolist(),
        strict=True,
    ):
        reading_type = channels.reading_type[channel]
        kind = READING_TYPES[reading_type]
        yield (
            guarded(channels.badge[channel]),
            reading_type,
            *_times(at_s, zone),
            value,
            kind.unit,
            str(unrounded_units(value, kind)),
            kind.billing_unit,
            chr(letter),
            "",
        )


def dial_csv_rows(
    reads: Sequence[DialRead], channels: NamedChannels, zone: ZoneInfo
) -> Iterator[tuple[object, ...]]:
    """Yield rows of `REGISTER_CSV_COLUMNS` of further registers; a demand is in W and kW."""
    numbers = np.array([each.channel_id for each in reads], np.int32)
    for channel, each in zip(channels.position_of(numbers).tolist(), reads, strict=True):
        kind = READING_TYPES[channels.reading_type[channel]]
        is_demand = each.dial == DEMAND
        yield (
            guarded(channels.badge[channel]),
            kind.name,
            *_times(each.at_s, zone),
            each.value,
            "W" if is_demand else kind.unit,
            str(unrounded_units(each.value, kind)),
            "kW" if is_demand else kind.billing_unit,
            Status.RAW,
            each.dial,
        )


def _text(codes: np.ndarray[Any, Any], names: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), names.cast(pa.string()))


def _instant(microseconds: Int64) -> pa.Array:
    return pa.array(microseconds).cast(_INSTANT)


def _times(start_s: int, zone: ZoneInfo) -> tuple[str, str]:
    start = from_epoch_s(start_s)
    return start.astimezone(zone).isoformat(), start.strftime("%Y-%m-%dT%H:%M:%SZ")
