"""Read NEM12 and NEM13 as metering data providers send them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import BinaryIO, Final

from mdms.billing.formats import nem
from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.lines import Line, fields_of, read_lines
from mdms.billing.formats.quantities import factor_of
from mdms.billing.formats.runs import MeterName, PassedOver, Refusal, Run, Said
from mdms.domain.registry import Commodity
from mdms.domain.time import to_epoch_s

_MINUTES_A_DAY: Final = 1440
_AFTER_VALUES: Final = 1
"""Fields that a 300 has at least after its values: the quality."""


def read(file: BinaryIO, zone: tzinfo) -> Iterator[Said]:
    """
    Yield what each record says; a day with its 400s comes as one run.

    Args:
        file: From its beginning.
        zone: The one offset of its times; of a zone whose clocks change, days of the change are
            refused, for they have not as many values as the format wants.
    """
    reader = _Reader(zone)
    for line in read_lines(file, length_max=nem.LINE_LENGTH_MAX):
        if isinstance(line, Refusal):
            yield line
        else:
            yield from reader.take(line)
    yield from reader.end()


@dataclass(slots=True)
class _Meter:
    """What a 200 says of the days that follow it."""

    name: MeterName
    channel: int
    minutes: int
    factor: int


@dataclass(slots=True)
class _Day:
    """A 300, until its last 400 has come."""

    line: int
    start_s: int
    values: Sequence[str]
    qualities: list[str]
    """One letter a value, as far as they are known."""


@dataclass(slots=True)
class _Reader:
    zone: tzinfo
    _version: str | None = None
    _meter: _Meter | None = None
    _day: _Day | None = None
    _is_over: bool = False
    _suffixes: dict[tuple[tuple[str, ...], int], str] = field(default_factory=dict)

    def take(self, line: Line) -> Iterator[Said]:
        kind = line.text[:3]
        if kind != nem.DAY_PART:
            yield from self._finish_day()
        try:
            yield from self._record(kind, line)
        except UnusableError as error:
            if kind == nem.METER:
                self._meter = None
            if kind == nem.DAY_PART:
                self._day = None
            yield Refusal.of(line.number, error)

    def end(self) -> Iterator[Said]:
        yield from self._finish_day()
        if not self._is_over:
            yield Refusal(0, Flaw.TRUNCATED, "there is no record 900: the file was cut off")

    def _record(self, kind: str, line: Line) -> Iterator[Said]:
        fields = fields_of(line.text)
        if kind == nem.HEADER:
            self._begin(fields)
            return
        if self._version is None or self._is_over:
            raise UnusableError(Flaw.BAD_RECORD, "stands before a 100 or after a 900")
        match (self._version, fields[0]):
            case (nem.INTERVALS, nem.METER):
                self._meter = _meter(fields)
                self._expect_one(self._meter.name, self._meter.channel, _at(fields, 4))
            case (nem.INTERVALS, nem.DAY):
                self._begin_day(line.number, fields)
            case (nem.INTERVALS, nem.DAY_PART):
                self._add_part(fields)
            case (nem.REGISTERS, nem.REGISTER):
                yield self._register(line.number, fields)
            case (_, nem.END):
                self._is_over = True
            case (_, nem.READ_FOR | nem.TRANSACTION):
                yield PassedOver(line.number, fields[0])
            case (version, other):
                raise UnusableError(Flaw.BAD_RECORD, f"{other[:16]!r} is no record of {version}")

    def _begin(self, fields: Sequence[str]) -> None:
        """Begin a file; some senders put several into one."""
        if self._version is not None and not self._is_over:
            raise UnusableError(Flaw.BAD_RECORD, "a 100 follows no 900: a part was cut off")
        version = _at(fields, 1)
        if version not in {nem.INTERVALS, nem.REGISTERS}:
            raise UnusableError(Flaw.BAD_RECORD, f"{version[:16]!r} is neither NEM12 nor NEM13")
        self._version, self._meter, self._is_over = version, None, False

    def _expect_one(self, name: MeterName, channel: int, suffix: str) -> None:
        """
        Refuse a second stream of what we have one channel for: its values would be lost.

        Raises:
            UnusableError: The meter has come with another suffix for the same channel.
        """
        known = self._suffixes.setdefault((name.names, channel), suffix)
        if known != suffix:
            raise UnusableError(
                Flaw.UNKNOWN_CHANNEL,
                f"{suffix[:4]} of {name.names[0][:16]} would go where {known[:4]} goes: "
                "a meter has one channel of each quantity here",
            )

    def _begin_day(self, number: int, fields: Sequence[str]) -> None:
        if self._meter is None:
            raise UnusableError(Flaw.UNKNOWN_METER, "belongs to no 200 that could be read")
        count = _MINUTES_A_DAY // self._meter.minutes
        start_s = self._midnight_s(_at(fields, 1))
        if len(fields) < 2 + count + _AFTER_VALUES:
            raise UnusableError(
                Flaw.BAD_COUNT, f"has {len(fields)} fields, and a day has {count} values"
            )
        quality = fields[2 + count][:1]
        qualities = [] if quality == nem.VARIABLE else [_quality(quality)] * count
        self._day = _Day(number, start_s, fields[2 : 2 + count], qualities)

    def _add_part(self, fields: Sequence[str]) -> None:
        day = self._day
        if day is None or len(day.qualities) == len(day.values):
            raise UnusableError(Flaw.BAD_RECORD, "belongs to no 300 of quality V")
        first, last = (_number(_at(fields, place)) for place in (1, 2))
        if first != len(day.qualities) + 1 or not first <= last <= len(day.values):
            raise UnusableError(
                Flaw.BAD_COUNT, f"covers {first} to {last}, after {len(day.qualities)} intervals"
            )
        day.qualities += [_quality(_at(fields, 3)[:1])] * (last - first + 1)

    def _finish_day(self) -> Iterator[Said]:
        day, self._day = self._day, None
        if day is None:
            return
        if len(day.qualities) < len(day.values):
            yield Refusal(
                day.line,
                Flaw.BAD_COUNT,
                f"its records 400 cover {len(day.qualities)} of {len(day.values)} intervals",
            )
            return
        try:
            yield self._run(day)
        except UnusableError as error:
            yield Refusal.of(day.line, error)

    def _run(self, day: _Day) -> Run:
        meter = self._meter
        assert meter is not None, "a day belongs to a meter"
        step_s = meter.minutes * 60
        run = Run(day.line, meter.name, Commodity.ELECTRIC, meter.channel, step_s)
        for place, (text, quality) in enumerate(zip(day.values, day.qualities, strict=True)):
            if quality == nem.NULL:
                run.placeholders += 1
            elif quality in nem.NOT_READ:
                run.not_read += 1
            else:
                run.add(day.start_s + place * step_s, text, meter.factor)
        return run

    def _register(self, number: int, fields: Sequence[str]) -> Run:
        """Read both readings of a 250; the earlier one is usually known already."""
        channel = _channel(_at(fields, 4), direction=_at(fields, 7))
        name, factor = _name(fields), _factor(_at(fields, 19), channel)
        self._expect_one(name, channel, _at(fields, 4))
        run = Run(number, name, Commodity.ELECTRIC, channel, interval_s=None)
        for value_at in (8, 13):
            text, time, quality = (_at(fields, value_at + place) for place in range(3))
            letter = _quality(quality[:1]) if quality else nem.NULL
            if letter == nem.NULL:
                run.placeholders += 1
            elif letter in nem.NOT_READ:
                run.not_read += 1
            else:
                run.add(self._instant_s(time), text, factor)
        return run

    def _midnight_s(self, text: str) -> int:
        midnight = self._read_time(text, "%Y%m%d")
        next_day = date.fromordinal(midnight.toordinal() + 1)
        end = datetime(next_day.year, next_day.month, next_day.day, tzinfo=self.zone)
        if to_epoch_s(end) - to_epoch_s(midnight) != _MINUTES_A_DAY * 60:
            raise UnusableError(
                Flaw.BAD_TIME, f"{text} has no 24 hours in this zone; name a fixed offset"
            )
        return to_epoch_s(midnight)

    def _instant_s(self, text: str) -> int:
        return to_epoch_s(self._read_time(text, "%Y%m%d%H%M%S"))

    def _read_time(self, text: str, form: str) -> datetime:
        try:
            shown = datetime.strptime(text, form)  # noqa: DTZ007 the zone is the file's
        except ValueError as error:
            raise UnusableError(Flaw.BAD_TIME, f"{text[:20]!r} is no time") from error
        return shown.replace(tzinfo=self.zone)


def _at(fields: Sequence[str], place: int) -> str:
    return fields[place] if place < len(fields) else ""


def _meter(fields: Sequence[str]) -> _Meter:
    minutes = _number(_at(fields, 8))
    if minutes not in nem.MINUTES:
        raise UnusableError(Flaw.BAD_INTERVAL, f"no meter has intervals of {minutes} minutes")
    channel = _channel(_at(fields, 4))
    return _Meter(_name(fields), channel, minutes, _factor(_at(fields, 7), channel))


def _name(fields: Sequence[str]) -> MeterName:
    names = (_at(fields, 6).strip(), _at(fields, 1).strip())
    if not any(names):
        raise UnusableError(Flaw.UNKNOWN_METER, "names neither a meter nor a NMI")
    return MeterName(tuple(name for name in names if name))


def _channel(suffix: str, direction: str = "") -> int:
    """Return the quantity; suffixes of basic meters are numbers, and a direction stands apart."""
    is_basic = suffix[:1].isdigit()
    channel = (nem.DIRECTIONS if is_basic else nem.CHANNELS).get(
        (direction if is_basic else suffix)[:1]
    )
    if channel is None:
        raise UnusableError(Flaw.UNKNOWN_CHANNEL, f"suffix {suffix[:4]!r} is no channel of ours")
    return channel


def _factor(unit: str, channel: int) -> int:
    factor = factor_of(Commodity.ELECTRIC, unit)
    if factor is None or unit.upper() not in nem.UNITS.get(channel, nem.UNITS[0]):
        raise UnusableError(Flaw.BAD_UNIT, f"{unit[:8]!r} is no unit of what the suffix names")
    return factor


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UnusableError(Flaw.BAD_COUNT, f"{text[:12]!r} is no number")
    return int(text)


def _quality(letter: str) -> str:
    if not letter or letter not in nem.ACTUAL + nem.NULL + nem.NOT_READ:
        raise UnusableError(Flaw.BAD_QUALITY, f"{letter!r} is no quality")
    return letter
