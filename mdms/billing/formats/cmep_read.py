"""
Read CMEP as Sensus sends it: interval and register rows, placeholders, catch-up rows.

Fields 5 and 6 of FlexNet's files hold radio and badge, and field 8 may be empty or a channel
number; a meter is looked for under field 8, then 6. What carries an N is no value, whatever number
stands beside it. A check code after the last comma is not verified: its polynomial is not public.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import BinaryIO, Final

from mdms.billing.formats import cmep
from mdms.billing.formats.cmep import Unit
from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.lines import Line, fields_of, read_lines
from mdms.billing.formats.quantities import factor_of, quanta
from mdms.billing.formats.runs import MeterName, PassedOver, Refusal, Run, Said
from mdms.billing.formats.wall_clock import WallClock

_FLAG: Final = re.compile(r"[A-Z]\d{0,9}|")
_CHECK_CODE: Final = re.compile(r"H[0-9A-F]{4}|")
_INTERVAL: Final = re.compile(r"00(\d\d)([01]\d|2[0-3])([0-5]\d)")
"""MMDDHHMM without months, which have no length."""


def read(file: BinaryIO, zone: tzinfo) -> Iterator[Said]:
    """
    Yield what each line says.

    Args:
        file: From its beginning.
        zone: Of its times: UTC by the specification, local by some senders.
    """
    clock = WallClock(zone)
    for line in read_lines(file, length_max=cmep.LINE_LENGTH_MAX):
        if isinstance(line, Refusal):
            yield line
            continue
        if not line.ended:
            yield Refusal(
                line.number, Flaw.TRUNCATED, "the last line has no end: the file was cut off"
            )
            continue
        try:
            yield _record(line, clock)
        except UnusableError as error:
            yield Refusal.of(line.number, error)


def _record(line: Line, clock: WallClock) -> Run | PassedOver:
    fields = fields_of(line.text)
    if fields[0] in cmep.OTHER_RECORDS:
        return PassedOver(line.number, fields[0])
    if fields[0] != cmep.INTERVAL_DATA:
        raise UnusableError(Flaw.BAD_RECORD, f"{fields[0][:16]!r} is no record of CMEP")
    if len(fields) < cmep.HEADER_FIELDS:
        raise UnusableError(
            Flaw.BAD_COUNT, f"has {len(fields)} fields, and a header has {cmep.HEADER_FIELDS}"
        )
    if fields[8] in cmep.OTHER_PURPOSES:
        return PassedOver(line.number, f"{fields[0]} {fields[8]}")
    if fields[8] not in cmep.READS:
        raise UnusableError(Flaw.BAD_RECORD, f"{fields[8][:16]!r} is no purpose of CMEP")
    unit, interval_s = _unit(fields), _interval_s(fields[12])
    run = Run(
        line=line.number,
        meter=_meter(fields),
        commodity=unit.commodity,
        channel=unit.channel,
        interval_s=None if unit.is_register else interval_s,
        multiplier=_multiplier(fields[11]),
    )
    if interval_s == 0 and not unit.is_register:
        raise UnusableError(Flaw.BAD_INTERVAL, f"{fields[12]!r} is no length of an interval")
    _fill(run, _triplets(fields), unit, interval_s, clock)
    return run


def _meter(fields: Sequence[str]) -> MeterName:
    names = tuple(dict.fromkeys(name for name in (fields[7], fields[5]) if name))
    radio = fields[4]
    return MeterName(names, int(radio) if radio.isascii() and radio.isdigit() else None)


def _unit(fields: Sequence[str]) -> Unit:
    unit = cmep.UNITS.get((fields[9], fields[10]))
    if unit is None:
        raise UnusableError(
            Flaw.BAD_UNIT, f"commodity {fields[9][:8]!r} is not read in {fields[10][:16]!r}"
        )
    return unit


def _interval_s(text: str) -> int:
    if not text:
        return 0
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise UnusableError(Flaw.BAD_INTERVAL, f"{text[:16]!r} is no length of an interval")
    days, hours, minutes = map(int, found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60


def _multiplier(text: str) -> int | None:
    if not text:
        return None
    value, is_fraction = quanta(text, 1)
    if is_fraction or value == 0:
        raise UnusableError(Flaw.BAD_MULTIPLIER, f"no meter multiplies by {text}")
    return value


def _triplets(fields: Sequence[str]) -> Sequence[str]:
    text, rest = fields[13], len(fields) - cmep.HEADER_FIELDS
    count = int(text) if text.isascii() and text.isdigit() else -1
    more = rest - 3 * count
    is_counted = more == 0 or (more == 1 and _CHECK_CODE.fullmatch(fields[-1]))
    if not (0 <= count <= cmep.TRIPLETS_MAX and is_counted):
        raise UnusableError(Flaw.BAD_COUNT, f"says {text[:8]!r} triplets, and {rest} fields follow")
    return fields[cmep.HEADER_FIELDS : cmep.HEADER_FIELDS + 3 * count]


def _fill(run: Run, triplets: Sequence[str], unit: Unit, interval_s: int, clock: WallClock) -> None:
    factor = factor_of(unit.commodity, unit.name)
    if factor is None:
        raise UnusableError(
            Flaw.BAD_UNIT, f"{unit.name} is no whole number of what {unit.commodity} is counted in"
        )
    back_s = 0 if unit.is_register else interval_s
    series = (*run.meter.names, run.meter.radio_id, unit)
    at_s: int | None = None
    points = iter(triplets)
    for time, flag, text in zip(points, points, points, strict=True):
        at_s = _time(time, at_s, interval_s, series, clock)
        if _FLAG.fullmatch(flag) is None:
            raise UnusableError(Flaw.BAD_QUALITY, f"{flag[:12]!r} is no flag of CMEP")
        letter = flag[:1]
        if letter == cmep.NONE:
            run.placeholders += 1
        elif letter and letter in cmep.NOT_READ:
            run.not_read += 1
        elif letter and letter not in cmep.ACTUAL:
            raise UnusableError(Flaw.BAD_QUALITY, f"nobody knows what flag {flag} says")
        else:
            run.add(at_s - back_s, text, factor)


def _time(
    text: str, before_s: int | None, interval_s: int, series: object, clock: WallClock
) -> int:
    if text:
        return clock.read(text, series, before_s)
    if before_s is None or interval_s == 0:
        raise UnusableError(Flaw.BAD_TIME, "a time is left out that follows from no other")
    at_s = before_s + interval_s
    clock.note(series, at_s)
    return at_s
