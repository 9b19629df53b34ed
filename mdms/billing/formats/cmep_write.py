"""
Write CMEP: 48 intervals a record, the time of the first one only, ends of intervals in UTC.

Registers come as rows of their own, whose constant is the meter's multiplier; values of intervals
are primary, so theirs is 1.

Source:
    headend.md 3.2; vee.md 6.1, column "CMEP out".
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np

from mdms.billing.formats import cmep
from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel, begins_run
from mdms.domain.quality_codes import QUALITY_CODES
from mdms.domain.reading_types import VOLTAGE_CHANNEL, ReadingType
from mdms.domain.readings import Int64, Status, UInt8
from mdms.domain.registry import Commodity
from mdms.domain.time import from_epoch_s

_FLAG_OF: Final = [""] * 256
for _status in Status:
    _FLAG_OF[_status.code] = QUALITY_CODES[_status].cmep
_DISTINCT: Final = sorted(set(_FLAG_OF))
_FLAG_CODE: Final = np.array([_DISTINCT.index(flag) for flag in _FLAG_OF], np.int64)

_UNITS: Final = {
    (Commodity.ELECTRIC, 0): "KWH",
    (Commodity.ELECTRIC, 1): "GKWH",
    (Commodity.ELECTRIC, 3): "KVARH",
    (Commodity.WATER, 0): "GAL",
    (Commodity.GAS, 0): "CF",
}
_PLACES: Final = {Commodity.ELECTRIC: 3, Commodity.WATER: 1, Commodity.GAS: 0}
"""Decimals of a quantum in these units."""


class Writer:
    """
    Writes the records of one file.

    Args:
        sender: Us, at most 16 characters.
        receiver: Them, likewise.
        written_at: When, UTC.
        purpose: OK, or RESEND for corrections.
    """

    def __init__(
        self, sender: str, receiver: str, written_at: datetime, purpose: str = "OK"
    ) -> None:
        self._named = (sender[:16], receiver[:16], f"{written_at:%Y%m%d%H%M}", purpose)

    def begin(self) -> bytes:
        """Return nothing: a record stands for itself."""
        return b""

    def write(self, block: Outgoing) -> Iterator[bytes]:
        """Yield the records of some channels; mean voltages are none that CMEP knows."""
        yield _intervals(block, self._named)
        yield _registers(block, self._named)

    def end(self) -> bytes:
        """Return nothing."""
        return b""


def _head(channel: OutgoingChannel, named: tuple[str, ...], *, is_register: bool) -> str:
    """Return the fields before the count."""
    sender, receiver, written_at, purpose = named
    kind = channel.kind
    suffix, constant = ("REG", f"{channel.multiplier}.0") if is_register else ("", "1.0")
    return ",".join(
        (
            cmep.INTERVAL_DATA, cmep.BASE_VERSION, sender, "", receiver, "", written_at,
            _quoted(channel.badge), purpose, cmep.LETTERS[kind.commodity],
            _UNITS[kind.commodity, kind.channel] + suffix, constant, _length(kind), "",
        )
    )  # fmt: skip


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if {",", '"'} & set(text) else text


def _length(kind: ReadingType) -> str:
    hours, minutes = divmod(kind.interval_s // 60, 60)
    return f"0000{hours:02}{minutes:02}"


def _intervals(block: Outgoing, named: tuple[str, ...]) -> bytes:
    steps = np.array([channel.kind.interval_s for channel in block.channels], np.int64)
    places = np.array([_PLACES[channel.kind.commodity] for channel in block.channels], np.int64)
    carried = np.array(
        [channel.kind.channel != VOLTAGE_CHANNEL for channel in block.channels], np.bool_
    )[block.place]
    place, start_s = block.place[carried], block.start_s[carried]
    if not len(place):
        return b""
    step_s = steps[place]
    cells = _cells(block.value[carried], block.status[carried], places[place])
    begins = begins_run(place, start_s, step_s)
    runs = np.flatnonzero(begins)
    position = np.arange(len(place)) - runs[np.cumsum(begins) - 1]
    first = np.flatnonzero(position % cmep.TRIPLETS_MAX == 0)
    last = np.append(first[1:], len(place))
    heads = [
        _head(channel, named, is_register=False) if channel.kind.channel != VOLTAGE_CHANNEL else ""
        for channel in block.channels
    ]
    ends = (start_s + step_s)[first]
    times = {end: f"{from_epoch_s(end):%Y%m%d%H%M}" for end in np.unique(ends).tolist()}
    return "".join(
        f"{heads[whose]}{end - begin},{times[at_s]}{','.join(cells[begin:end])}\r\n"
        for whose, at_s, begin, end in zip(
            place[first].tolist(), ends.tolist(), first.tolist(), last.tolist(), strict=True
        )
    ).encode()


def _cells(value: Int64, status: UInt8, places: Int64) -> list[str]:
    """Return flag and value of each interval, with the comma after the time before them."""
    shapes = len(_DISTINCT) * 4
    shape = places * len(_DISTINCT) + _FLAG_CODE[status]
    distinct, which = np.unique(value * shapes + shape, return_inverse=True)
    texts = [_cell(*divmod(key, shapes)) for key in distinct.tolist()]
    cells: list[str] = np.array(texts, object)[which].tolist()
    return cells


def _cell(value: int, shape: int) -> str:
    places, code = divmod(shape, len(_DISTINCT))
    flag = _DISTINCT[code]
    return f",{flag}," if flag.startswith(cmep.NONE) else f",{flag},{_amount(value, places)}"


def _amount(quanta: int, places: int) -> str:
    whole, rest = divmod(quanta, 10**places)
    return f"{whole}.{rest:0{places}}" if places else str(whole)


def _registers(block: Outgoing, named: tuple[str, ...]) -> bytes:
    rows = zip(
        block.register_place.tolist(),
        block.register_at_s.tolist(),
        block.register_value.tolist(),
        block.register_status.tolist(),
        strict=True,
    )
    heads = [
        _head(channel, named, is_register=True) if channel.kind.channel != VOLTAGE_CHANNEL else ""
        for channel in block.channels
    ]
    return "".join(
        f"{heads[whose]}1,{from_epoch_s(at_s):%Y%m%d%H%M},{_FLAG_OF[letter]},"
        f"{_amount(value, _PLACES[block.channels[whose].kind.commodity])}\r\n"
        for whose, at_s, value, letter in rows
        if heads[whose]
    ).encode()
