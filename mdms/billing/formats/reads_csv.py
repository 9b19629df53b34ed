"""
Read CSV as `mdms reading export` writes it, and as a spreadsheet gives it back.

A header names the columns, in any order. `meter`, `reading_type`, `value` (quanta) and either
`start_utc` (of an interval) or `at_utc` (of a register) must be there; `status` may be, and `dial`
beside `at_utc`, which names a further register of the meter: a time-of-use bucket or `demand`. The
other columns of our own files are read over.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import BinaryIO, Final

from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.lines import Line, fields_of, read_lines
from mdms.billing.formats.rfc4180 import unguarded
from mdms.billing.formats.runs import MeterName, Refusal, Run, Said
from mdms.domain.dials import is_dial
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import Status
from mdms.domain.time import to_epoch_s

LINE_LENGTH_MAX: Final = 1024
RUN_LENGTH_MAX: Final = 1024

_NEEDED: Final = ("meter", "reading_type", "value")
_INTERVAL: Final = "start_utc"
_REGISTER: Final = "at_utc"
_DIAL: Final = "dial"
_READ_OVER: Final = frozenset(
    {"start_local", "at_local", "unit", "amount", "amount_unit", "method", "version", "flags",
     "recorded_at"}
)  # fmt: skip
_MEASURED: Final = frozenset({"", Status.RAW, Status.VALIDATED, Status.ACCEPTED})
_LETTERS: Final = frozenset(Status)
_ABSENT: Final = frozenset({Status.MISSING, Status.SUSPECT, Status.NOT_EXPECTED})


def read(file: BinaryIO) -> Iterator[Said]:
    """Yield the rows, those of one meter that follow each other as one run."""
    header: dict[str, int] | None = None
    run: Run | None = None
    for line in read_lines(file, length_max=LINE_LENGTH_MAX):
        if isinstance(line, Refusal):
            yield line
            continue
        try:
            if header is None:
                header = _header(fields_of(line.text))
                continue
            cells = _cells(line, header)
            row = _row(line.number, cells)
            if run is None or not _belongs(row, run):
                yield from () if run is None else (run,)
                run = row
            _add(run, line.number, cells)
        except UnusableError as error:
            yield Refusal.of(line.number, error)
            if header is None:
                return
    if run is not None:
        yield run
    if header is None:
        yield Refusal(0, Flaw.BAD_RECORD, "is empty; it needs a header")


def _header(fields: list[str]) -> dict[str, int]:
    known = {*_NEEDED, *_READ_OVER, _INTERVAL, _REGISTER, _DIAL, "status"}
    header = {name: place for place, name in enumerate(fields)}
    unknown = [name for name in fields if name not in known]
    missing = [name for name in _NEEDED if name not in header]
    if unknown:
        raise UnusableError(Flaw.BAD_RECORD, f"has a column {unknown[0][:40]!r} that nobody knows")
    if len(header) != len(fields):
        raise UnusableError(Flaw.BAD_RECORD, "has a column twice")
    if missing:
        raise UnusableError(Flaw.BAD_RECORD, f"has no column {missing[0]}")
    if (_INTERVAL in header) == (_REGISTER in header):
        raise UnusableError(Flaw.BAD_RECORD, f"needs one of the columns {_INTERVAL}, {_REGISTER}")
    if _DIAL in header and _REGISTER not in header:
        raise UnusableError(Flaw.BAD_RECORD, "has a column dial, and intervals have no dials")
    return header


def _cells(line: Line, header: Mapping[str, int]) -> dict[str, str]:
    if not line.ended:
        raise UnusableError(Flaw.TRUNCATED, "the last line has no end: the file was cut off")
    fields = fields_of(line.text)
    if len(fields) != len(header):
        raise UnusableError(
            Flaw.BAD_COUNT, f"has {len(fields)} fields where the header has {len(header)}"
        )
    return {name: fields[place] for name, place in header.items()}


def _row(number: int, cells: Mapping[str, str]) -> Run:
    """Return an empty run of a row's meter and quantity."""
    kind = READING_TYPES.get(cells["reading_type"])
    if kind is None:
        raise UnusableError(
            Flaw.UNKNOWN_CHANNEL, f"{cells['reading_type'][:60]!r} is no reading type of ours"
        )
    meter = MeterName((unguarded(cells["meter"]),))
    interval_s = kind.interval_s if _INTERVAL in cells else None
    dial = cells.get(_DIAL, "")
    if dial and not is_dial(dial):
        raise UnusableError(Flaw.UNKNOWN_CHANNEL, f"{dial[:40]!r} is no name of a dial")
    return Run(number, meter, kind.commodity, kind.channel, interval_s, dial=dial)


def _belongs(row: Run, run: Run) -> bool:
    return (
        (row.meter, row.commodity, row.channel, row.interval_s, row.dial)
        == (run.meter, run.commodity, run.channel, run.interval_s, run.dial)
    ) and len(run.at_s) < RUN_LENGTH_MAX


def _add(run: Run, number: int, cells: Mapping[str, str]) -> None:
    status = cells.get("status", "")
    if status in _ABSENT:
        run.placeholders += 1
    elif status in _MEASURED:
        run.add(_instant_s(cells.get(_INTERVAL) or cells.get(_REGISTER, "")), cells["value"], 1)
        run.lines.append(number)
    elif status in _LETTERS:
        run.not_read += 1
    else:
        raise UnusableError(Flaw.BAD_QUALITY, f"{status[:8]!r} is no status")


def _instant_s(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnusableError(Flaw.BAD_TIME, f"{text[:40]!r} is no instant") from error
    if instant.tzinfo is None:
        raise UnusableError(Flaw.BAD_TIME, f"{text[:40]!r} needs an offset, such as Z")
    return to_epoch_s(instant)
