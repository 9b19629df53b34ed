"""
Write NEM12: a day of 24 hours a record, in the utility's standard time the year round.

Only energy goes into NEM12. A NMI has ten characters: ours is the radio's number. What validation
has not seen, or holds, is null here, as vee.md 6.1 wants it of AEMO's flags.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Final

import numpy as np

from mdms.billing.formats import nem
from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel
from mdms.domain.quality_codes import nem12_quality
from mdms.domain.readings import FLAG_EST_UNSCALED, Method, Status
from mdms.domain.registry import Commodity

_DAY_S: Final = 86_400


class Writer:
    """
    Writes one file.

    Args:
        sender: Us, at most 10 characters.
        receiver: Them, likewise.
        written_at: When.
        offset: Of all times; a day of the file begins at its midnight.
    """

    def __init__(self, sender: str, receiver: str, written_at: datetime, offset: timezone) -> None:
        self._parties = f"{sender[:10]},{receiver[:10]}"
        self._at = written_at.astimezone(offset)
        self._offset_s = int((offset.utcoffset(None) or timedelta(0)).total_seconds())

    def begin(self) -> bytes:
        """Return the record that a file begins with."""
        header = f"{nem.HEADER},{nem.INTERVALS},{self._at:%Y%m%d%H%M},{self._parties}\r\n"
        return header.encode()

    def write(self, block: Outgoing) -> Iterator[bytes]:
        """Yield the records of each channel of energy."""
        stamp = f"{self._at:%Y%m%d%H%M%S}"
        for number, channel in enumerate(block.channels):
            rows = block.of_channel(number)
            if _is_energy(channel) and rows.start < rows.stop:
                days = _days(block, rows, channel.kind.interval_s, self._offset_s, stamp)
                yield (_meter(channel) + "".join(days)).encode()

    def end(self) -> bytes:
        """Return the record that a file ends with."""
        return f"{nem.END}\r\n".encode()


def _is_energy(channel: OutgoingChannel) -> bool:
    return channel.kind.commodity is Commodity.ELECTRIC and channel.kind.channel in nem.SUFFIXES


def _meter(channel: OutgoingChannel) -> str:
    suffix = nem.SUFFIXES[channel.kind.channel]
    return (
        f"{nem.METER},{channel.radio_id:010},{suffix},1,{suffix},N1,{channel.badge},"
        f"{channel.kind.billing_unit},{channel.kind.interval_s // 60},\r\n"
    )


def _days(block: Outgoing, rows: slice, length_s: int, offset_s: int, stamp: str) -> Iterator[str]:
    """Yield the records of each day that has a value, 400s included."""
    per_day = _DAY_S // length_s
    day, slot = np.divmod(block.start_s[rows] + offset_s, _DAY_S)
    slot //= length_s
    value, status = block.value[rows], block.status[rows]
    method, scaled = block.method[rows], block.flags[rows] & FLAG_EST_UNSCALED == 0
    for each in np.unique(day).tolist():
        of_day = slice(*np.searchsorted(day, [each, each + 1]).tolist())
        values, qualities = ["0"] * per_day, [nem.NULL] * per_day
        columns = (slot, value, status, method, scaled)
        cells = zip(*(column[of_day].tolist() for column in columns), strict=True)
        for place, quanta, letter, how, by_register in cells:
            values[place] = f"{quanta // 1000}.{quanta % 1000:03}"
            qualities[place] = _quality(letter, how, scaled=by_register)
        date = f"{datetime.fromtimestamp(each * _DAY_S, UTC):%Y%m%d}"
        yield from _day(date, values, qualities, stamp)


def _day(date: str, values: list[str], qualities: list[str], stamp: str) -> Iterator[str]:
    uniform = len(set(qualities)) == 1
    quality = qualities[0] if uniform else nem.VARIABLE
    yield f"{nem.DAY},{date},{','.join(values)},{quality},,,{stamp},\r\n"
    if not uniform:
        first = 0
        for place in range(1, len(qualities) + 1):
            if place == len(qualities) or qualities[place] != qualities[first]:
                yield f"{nem.DAY_PART},{first + 1},{place},{qualities[first]},,\r\n"
                first = place


@cache
def _quality(letter: int, method: int, *, scaled: bool) -> str:
    flag, how = nem12_quality(Status(chr(letter)), Method(method), scaled=scaled)
    return f"{flag or nem.NULL}{'' if how is None else how}"


def standard_offset(at: datetime) -> timezone:
    """Return the standard time of an instant's zone: its offset without daylight saving."""
    saving = at.dst() or timedelta(0)
    return timezone((at.utcoffset() or timedelta(0)) - saving)
