"""
Write Green Button: a feed of usage points, with a block a local day.

A resource's UUID is the version 5 of what it is about, so it is the same in every feed. Values of
status V carry no quality: it is their type's default. Only usage that a bill counts goes into it:
energy delivered and received, gas, water.

Source:
    headend.md 3.5; espi.xsd; function blocks 1, 4, 5, 10 and 11 of the Green Button Alliance.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID, uuid5
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.formats import espi
from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel
from mdms.domain.errors import UsageError
from mdms.domain.quality_codes import espi_quality
from mdms.domain.reading_types import ReadingType
from mdms.domain.readings import Int64, Method, Status
from mdms.domain.registry import Commodity
from mdms.domain.time import days_between, from_epoch_s, local_day, local_midnight, to_epoch_s

_ROOT: Final = "/espi/1_1/resource"
_DIRECTIONS: Final = {0: espi.FORWARD, 1: espi.REVERSE}
_PHASE: Final = 769
_NO_RULE: Final = "00000000"
_SPRING: Final = "360E2000"
_AUTUMN: Final = "B40E2000"
"""Second Sunday of March, first Sunday of November, both at 2:00 of the clocks' own time."""


class Feed:
    """
    Writes one feed, piece by piece.

    Args:
        zone: The utility's.
        written_at: When, UTC.
        billed: What is written was frozen for a bill: valid values are of revenue quality.
    """

    def __init__(self, zone: ZoneInfo, written_at: datetime, *, billed: bool = False) -> None:
        self._zone = zone
        self._at = f"{written_at:%Y-%m-%dT%H:%M:%SZ}"
        self._valid = espi_quality(Status.VALIDATED, Method.NONE, frozen=billed)
        self._types: set[str] = set()
        self._points: set[str] = set()

    def begin(self) -> bytes:
        """
        Return what a feed begins with: its name, and where the local time is.

        Raises:
            UsageError: The format has no words for the zone's clock changes.
        """
        path = f"{_ROOT}/Batch/Bulk/{_id('feed')}"
        time = f"{_ROOT}/LocalTimeParameters/{self._local_time}"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{espi.ATOM}">\n'
            f"<id>urn:uuid:{_id('feed')}</id>\n<title>Green Button Usage Feed</title>\n"
            f'<updated>{self._at}</updated>\n<link rel="self" href="{path}"/>\n'
            + self._entry(time, "Local time", (), self._clock())
        ).encode()

    def write(self, block: Outgoing) -> Iterator[bytes]:
        """Yield the entries of some channels: a usage point and a type once in a feed."""
        for number, channel in enumerate(block.channels):
            rows = block.of_channel(number)
            if channel.kind.channel in _DIRECTIONS and rows.start < rows.stop:
                yield from self._usage_point(channel)
                yield from self._meter_reading(channel, block, rows)

    def end(self) -> bytes:
        """Return what a feed ends with."""
        return b"</feed>\n"

    def _usage_point(self, channel: OutgoingChannel) -> Iterator[bytes]:
        if channel.usage_point_id in self._points:
            return
        self._points.add(channel.usage_point_id)
        path = _usage_point_path(channel)
        service = (
            f'<UsagePoint xmlns="{espi.ESPI}"><ServiceCategory>'
            f"<kind>{espi.SERVICE[channel.kind.commodity]}</kind></ServiceCategory></UsagePoint>"
        )
        related = (f"{path}/MeterReading", f"{_ROOT}/LocalTimeParameters/{self._local_time}")
        yield self._entry(path, channel.usage_point_id, related, service).encode()

    def _meter_reading(
        self, channel: OutgoingChannel, block: Outgoing, rows: slice
    ) -> Iterator[bytes]:
        kind = channel.kind
        if kind.name not in self._types:
            self._types.add(kind.name)
            yield self._reading_type(kind).encode()
        own = _id(f"{channel.usage_point_id} {channel.badge} {kind.name}")
        path = f"{_usage_point_path(channel)}/MeterReading/{own}"
        related = (f"{path}/IntervalBlock", f"{_ROOT}/ReadingType/{_id(kind.name)}")
        body = f'<MeterReading xmlns="{espi.ESPI}"/>'
        yield self._entry(path, channel.badge, related, body).encode()
        start_s = block.start_s[rows]
        first, last = (
            local_day(from_epoch_s(int(edge)), self._zone) for edge in (start_s[0], start_s[-1])
        )
        for day in days_between(first, last):
            yield self._block(path, channel, block, rows, day).encode()

    def _block(
        self, meter_reading: str, channel: OutgoingChannel, block: Outgoing, rows: slice, day: date
    ) -> str:
        begin_s, end_s = (
            to_epoch_s(local_midnight(each, self._zone)) for each in (day, day + timedelta(days=1))
        )
        start_s: Int64 = block.start_s[rows]
        first, last = (int(at) for at in np.searchsorted(start_s, [begin_s, end_s]))
        if first == last:
            return ""
        within = slice(rows.start + first, rows.start + last)
        length = channel.kind.interval_s
        readings = "\n".join(
            f"<IntervalReading>{_quality(letter, method)}<timePeriod><duration>{length}"
            f"</duration><start>{at_s}</start></timePeriod><value>{value}</value></IntervalReading>"
            for at_s, value, letter, method in zip(
                block.start_s[within].tolist(),
                block.value[within].tolist(),
                block.status[within].tolist(),
                block.method[within].tolist(),
                strict=True,
            )
        )
        body = (
            f'<IntervalBlock xmlns="{espi.ESPI}"><interval><duration>{end_s - begin_s}</duration>'
            f"<start>{begin_s}</start></interval>\n{readings}\n</IntervalBlock>"
        )
        own = _id(f"{meter_reading} {begin_s}")
        path = f"{meter_reading}/IntervalBlock/{own}"
        return self._entry(path, str(day), (), body)

    def _reading_type(self, kind: ReadingType) -> str:
        own = _id(kind.name)
        path = f"{_ROOT}/ReadingType/{own}"
        is_electric = kind.commodity is Commodity.ELECTRIC
        codes = {
            "accumulationBehaviour": espi.DELTA,
            "commodity": espi.COMMODITY[kind.commodity],
            "dataQualifier": 12,
            "defaultQuality": self._valid,
            "flowDirection": _DIRECTIONS[kind.channel],
            "intervalLength": kind.interval_s,
            "kind": espi.ENERGY if is_electric else espi.VOLUME,
            "phase": _PHASE if is_electric else 0,
            "powerOfTenMultiplier": espi.TEN_TO[kind.commodity],
            "timeAttribute": 0,
            "uom": espi.UOM[kind.commodity],
        }
        inner = "".join(f"<{name}>{code}</{name}>" for name, code in codes.items())
        body = f'<ReadingType xmlns="{espi.ESPI}">{inner}</ReadingType>'
        flow = "received" if kind.channel else "delivered"
        title = f"{kind.commodity.value.capitalize()} {flow}"
        return self._entry(path, title, (), body)

    def _entry(self, path: str, title: str, related: Iterable[str], body: str) -> str:
        """Return an entry; its own UUID is the last part of its address."""
        up, own = path.rsplit("/", 1)
        links = "".join(f'<link rel="related" href="{each}"/>\n' for each in related)
        return (
            f"<entry>\n<id>urn:uuid:{own}</id>\n"
            f'<link rel="self" href="{path}"/>\n<link rel="up" href="{up}"/>\n{links}'
            f"<title>{escape(title)}</title>\n<content>\n{body}\n</content>\n"
            f"<published>{self._at}</published>\n<updated>{self._at}</updated>\n</entry>\n"
        )

    @property
    def _local_time(self) -> UUID:
        return _id(self._zone.key)

    def _clock(self) -> str:
        standard, saving = _offsets(self._zone)
        ends, starts = (_AUTUMN, _SPRING) if saving else (_NO_RULE, _NO_RULE)
        return (
            f'<LocalTimeParameters xmlns="{espi.ESPI}"><dstEndRule>{ends}</dstEndRule>'
            f"<dstOffset>{saving}</dstOffset><dstStartRule>{starts}</dstStartRule>"
            f"<tzOffset>{standard}</tzOffset></LocalTimeParameters>"
        )


@cache
def _quality(letter: int, method: int) -> str:
    """Return the element that says how good a value is; nothing where its type says it."""
    if letter == Status.VALIDATED.code:
        return ""
    quality = espi_quality(Status(chr(letter)), Method(method), frozen=False)
    assert quality is not None, "what nobody expected has no value"
    return f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>"


def _id(name: str) -> UUID:
    return uuid5(espi.NAMESPACE, name)


def _usage_point_path(channel: OutgoingChannel) -> str:
    return f"{_ROOT}/UsagePoint/{_id(channel.usage_point_id)}"


def _offsets(zone: ZoneInfo) -> tuple[int, int]:
    """Return standard offset and saving in seconds; rules are those of the United States."""
    winter, summer = (
        int((datetime(2026, month, 15, tzinfo=zone).utcoffset() or timedelta(0)).total_seconds())
        for month in (1, 7)
    )
    if winter == summer:
        return winter, 0
    changes = (datetime(2026, 3, 8, 4, tzinfo=zone), datetime(2026, 11, 1, 4, tzinfo=zone))
    before = tuple(
        (change - timedelta(hours=4)).replace(tzinfo=zone).utcoffset() for change in changes
    )
    after = tuple(change.utcoffset() for change in changes)
    expected = (timedelta(seconds=winter), timedelta(seconds=summer))
    if before != expected or after != expected[::-1]:
        raise UsageError(f"Green Button has no words for the clock changes of {zone.key}")
    return winter, summer - winter
