"""
Read Green Button feeds of any maker, as streams.

A feed may name a reading's type after the readings, so a file is read twice: first what entries
are and how they hang together, then the values. Nothing outside of the file is ever looked at: no
entity is expanded, no network asked, and a file with a document type is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO, Final, NamedTuple

from lxml import etree

from mdms.billing.formats import espi
from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.quantities import factor_of
from mdms.billing.formats.runs import MeterName, Refusal, Run, Said
from mdms.domain.quality_codes import QualityOfReading
from mdms.domain.registry import Commodity

RUN_LENGTH_MAX: Final = 4096
_EXPONENT_MAX: Final = 12
_REACTIVE: Final = 3
_ENTRY: Final = f"{{{espi.ATOM}}}entry"
_LINK: Final = f"{{{espi.ATOM}}}link"
_TITLE: Final = f"{{{espi.ATOM}}}title"
_USAGE_POINT: Final = f"{{{espi.ESPI}}}UsagePoint"
_METER_READING: Final = f"{{{espi.ESPI}}}MeterReading"
_READING_TYPE: Final = f"{{{espi.ESPI}}}ReadingType"
_BLOCK: Final = f"{{{espi.ESPI}}}IntervalBlock"
_READING: Final = f"{{{espi.ESPI}}}IntervalReading"
_RESOURCES: Final = (_USAGE_POINT, _METER_READING, _READING_TYPE, _BLOCK)
_NS: Final = {"e": espi.ESPI, "a": espi.ATOM}


@dataclass(slots=True)
class _Entry:
    """What an entry says besides its readings."""

    line: int
    kind: str = ""
    self_: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)
    title: str = ""
    codes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Series:
    """Whose values a block holds, and how to read them."""

    meter: MeterName
    commodity: Commodity
    channel: int
    is_register: bool
    factor: Decimal
    duration_s: int | None
    quality: int


def read(file: BinaryIO) -> Iterator[Said]:
    """
    Yield the readings block by block, and what is wrong with a feed.

    Args:
        file: Is read from its beginning, twice.
    """
    try:
        feed = _Feed.of(file)
        file.seek(0)
        yield from _values(file, feed)
    except etree.XMLSyntaxError as error:
        line = int(error.lineno or 0)
        yield Refusal(line, Flaw.TRUNCATED, f"is no XML from here on: {error.msg}")
    except UnusableError as error:
        yield Refusal.of(0, error)


def _events(file: BinaryIO, *tags: str) -> Iterator[Any]:
    """Yield elements as they end; whoever has read an entry clears it."""
    parser = etree.iterparse(
        file,
        events=("start", "end"),
        tag=("{*}feed", *tags),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    is_first = True
    for event, element in parser:
        if is_first and element.getroottree().docinfo.doctype:
            raise UnusableError(Flaw.BAD_RECORD, "has a document type, which no feed needs")
        is_first = False
        if event == "end":
            yield element


@dataclass(slots=True)
class _Feed:
    """The entries of a feed by their own address, and each block's reading in their order."""

    usage_points: dict[str, _Entry] = field(default_factory=dict)
    meter_readings: dict[str, _Entry] = field(default_factory=dict)
    reading_types: dict[str, _Entry] = field(default_factory=dict)
    blocks: list[tuple[str, str]] = field(default_factory=list)
    """Own and upper address of each."""

    @classmethod
    def of(cls, file: BinaryIO) -> "_Feed":
        """Read everything but values."""
        feed, is_feed = cls(), False
        for element in _events(file, _ENTRY, _READING):
            if element.tag == _READING:
                _forget(element)
            elif element.tag == _ENTRY:
                feed.take(_entry(element))
                _forget(element)
            else:
                is_feed = True
        if not is_feed:
            raise UnusableError(Flaw.BAD_RECORD, "is no feed of Green Button")
        return feed

    def take(self, entry: _Entry) -> None:
        if entry.kind == _BLOCK:
            self.blocks.append((entry.self_, entry.up))
        for kind, entries in (
            (_USAGE_POINT, self.usage_points),
            (_METER_READING, self.meter_readings),
            (_READING_TYPE, self.reading_types),
        ):
            if entry.kind == kind:
                entries[entry.self_] = entry

    def series(self, block: int) -> _Series:
        """
        Return whose values a block holds.

        Raises:
            UnusableError: The feed does not say, or it is nothing that we count.
        """
        if block == len(self.blocks):
            raise UnusableError(Flaw.BAD_RECORD, "stands in no IntervalBlock of the feed")
        own, up = self.blocks[block]
        reading = self.meter_readings.get(_parent(up, "IntervalBlock")) or next(
            (each for each in self.meter_readings.values() if {own, up} & set(each.related)), None
        )
        if reading is None:
            raise UnusableError(Flaw.BAD_RECORD, "belongs to no MeterReading of the feed")
        types = [self.reading_types[link] for link in reading.related if link in self.reading_types]
        if len(types) != 1:
            raise UnusableError(Flaw.BAD_RECORD, f"its MeterReading has {len(types)} ReadingTypes")
        point = self.usage_points.get(_parent(reading.up, "MeterReading"))
        return _series(types[0].codes, reading, point)


def _entry(element: Any) -> _Entry:  # noqa: ANN401 lxml ships no types
    entry = _Entry(int(element.sourceline or 0))
    for link in element.iterfind(_LINK):
        target = link.get("href", "")
        match link.get("rel"):
            case "self":
                entry.self_ = target
            case "up":
                entry.up = target
            case "related":
                entry.related.append(target)
            case _:
                pass
    entry.title = (element.findtext(_TITLE) or "").strip()
    for kind in _RESOURCES:
        resource = element.find(f"{{{espi.ATOM}}}content/{kind}")
        if resource is not None:
            entry.kind = kind
            if kind == _READING_TYPE:
                entry.codes = {
                    etree.QName(child).localname: _code(child)
                    for child in resource
                    if len(child) == 0
                }
    return entry


def _code(element: Any, flaw: Flaw = Flaw.BAD_UNIT) -> int:  # noqa: ANN401 lxml ships no types
    text = (element.text or "").strip()
    try:
        return int(text)
    except ValueError as error:
        name = etree.QName(element).localname
        raise UnusableError(flaw, f"{text[:20]!r} is no {name}") from error


def _parent(up: str, collection: str) -> str:
    """Return the address of what a collection belongs to."""
    return up.rstrip("/").removesuffix("/" + collection)


def _series(codes: dict[str, int], reading: _Entry, point: _Entry | None) -> _Series:
    commodity = espi.BY_COMMODITY.get(codes.get("commodity", espi.BY_UNIT))
    if codes.get("commodity", espi.BY_UNIT) == espi.BY_UNIT and codes.get("uom") in espi.ELECTRIC:
        commodity = Commodity.ELECTRIC
    unit = espi.UNIT_NAME.get(codes.get("uom", -1))
    if commodity is None or unit is None:
        raise UnusableError(
            Flaw.BAD_UNIT,
            f"commodity {codes.get('commodity')} in unit {codes.get('uom')} is nothing of ours",
        )
    accumulation = codes.get("accumulationBehaviour", espi.DELTA)
    if accumulation not in {espi.DELTA, espi.CUMULATIVE, espi.BULK}:
        raise UnusableError(Flaw.BAD_UNIT, f"accumulation {accumulation} is no usage")
    kind = codes.get("kind", espi.ENERGY)
    direction = codes.get("flowDirection", espi.FORWARD)
    channel = {espi.FORWARD: 0, espi.REVERSE: 1}.get(direction)
    if kind not in {espi.ENERGY, espi.VOLUME} or channel is None:
        raise UnusableError(
            Flaw.UNKNOWN_CHANNEL, f"kind {kind} in direction {direction} is no channel of ours"
        )
    if codes.get("uom") == espi.VAR_HOUR:
        channel = _REACTIVE
    factor, exponent = factor_of(commodity, unit), codes.get("powerOfTenMultiplier", 0)
    if factor is None or abs(exponent) > _EXPONENT_MAX:
        raise UnusableError(Flaw.BAD_UNIT, f"{unit} is no unit of {commodity}")
    return _Series(
        meter=MeterName(_names(reading, point)),
        commodity=commodity,
        channel=channel,
        is_register=accumulation != espi.DELTA,
        factor=factor * Decimal(10) ** exponent,
        duration_s=codes.get("intervalLength"),
        quality=codes.get("defaultQuality", QualityOfReading.VALID),
    )


def _names(reading: _Entry, point: _Entry | None) -> tuple[str, ...]:
    """Return titles and the last part of addresses: foreign feeds name meters in any of them."""
    entries = [reading] if point is None else [reading, point]
    names = [entry.title for entry in entries]
    names += [entry.self_.rstrip("/").rsplit("/", 1)[-1] for entry in reversed(entries)]
    return tuple(dict.fromkeys(name for name in names if name))


def _values(file: BinaryIO, feed: _Feed) -> Iterator[Said]:
    values = _Values(feed)
    for element in _events(file, _ENTRY, _READING):
        if element.tag == _READING:
            yield from values.reading(element)
        elif element.tag == _ENTRY:
            yield from values.end_entry(_entry(element).kind)
        _forget(element)


@dataclass(slots=True)
class _Values:
    """Gathers the readings of one block after the other."""

    feed: _Feed
    _block: int = 0
    _series: _Series | None = None
    _run: Run | None = None
    _is_broken: bool = False

    def reading(self, element: Any) -> Iterator[Said]:  # noqa: ANN401 lxml ships no types
        if self._is_broken:
            return
        line = int(element.sourceline or 0)
        try:
            if self._series is None:
                self._series = self.feed.series(self._block)
        except UnusableError as error:
            self._is_broken = True  # nothing of this block can be read
            yield Refusal.of(line, error)
            return
        try:
            yield from self._take(_point(element, self._series), self._series, line)
        except UnusableError as error:
            yield Refusal.of(line, error)

    def end_entry(self, kind: str) -> Iterator[Said]:
        if self._run is not None:
            yield self._run
        self._block += kind == _BLOCK
        self._series, self._run, self._is_broken = None, None, False

    def _take(self, point: "_Point", series: _Series, line: int) -> Iterator[Said]:
        interval_s = None if series.is_register else point.duration_s
        run = self._run
        if run is None or run.interval_s != interval_s or len(run.at_s) >= RUN_LENGTH_MAX:
            if run is not None:
                yield run
            run = self._run = Run(line, series.meter, series.commodity, series.channel, interval_s)
        if point.quality == QualityOfReading.QUESTIONABLE:
            run.placeholders += 1
        elif point.quality in espi.NOT_READ:
            run.not_read += 1
        elif point.quality in espi.MEASURED:
            shown_s = point.duration_s if series.is_register else 0
            run.add(point.start_s + shown_s, point.text, series.factor)
            run.lines.append(line)
        else:
            raise UnusableError(Flaw.BAD_QUALITY, f"nobody knows what quality {point.quality} is")


class _Point(NamedTuple):
    """One IntervalReading."""

    start_s: int
    duration_s: int
    text: str
    quality: int


def _point(element: Any, series: _Series) -> _Point:  # noqa: ANN401 lxml ships no types
    period, value = element.find("e:timePeriod", _NS), element.find("e:value", _NS)
    if period is None or value is None:
        raise UnusableError(Flaw.BAD_VALUE, "has no time, or no value")
    start, length = period.find("e:start", _NS), period.find("e:duration", _NS)
    if start is None or (length is None and series.duration_s is None):
        raise UnusableError(Flaw.BAD_TIME, "does not say when")
    quality = element.find("e:ReadingQuality/e:quality", _NS)
    return _Point(
        start_s=_code(start, Flaw.BAD_TIME),
        duration_s=_code(length, Flaw.BAD_TIME) if length is not None else series.duration_s or 0,
        text=(value.text or "").strip(),
        quality=series.quality if quality is None else _code(quality, Flaw.BAD_QUALITY),
    )


def _forget(element: Any) -> None:  # noqa: ANN401 lxml ships no types
    """Give an element's memory back, and that of what came before it."""
    element.clear()
    while element.getprevious() is not None and element.getprevious().tag == element.tag:
        del element.getparent()[0]
