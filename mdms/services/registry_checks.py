"""
What must hold between the rows of a registry, those already stored included.

A row is blamed with its file and line; stored rows count as context and are never blamed.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from mdms.domain.reading_types import READING_TYPES
from mdms.domain.registry import Channel, Meter, Registry
from mdms.services.registry_csv import SHEETS, ReadDirectory
from mdms.services.sheets import Fault

_REFERENCES: Final = (
    ("premises", "transformer_id", "transformers"),
    ("usage_points", "premise_id", "premises"),
    ("accounts", "master_account_id", "accounts"),
    ("agreements", "account_id", "accounts"),
    ("agreements", "usage_point_id", "usage_points"),
    ("meters", "usage_point_id", "usage_points"),
    ("channels", "badge", "meters"),
    ("contacts", "account_id", "accounts"),
)
"""File, column, and the file whose first key column it names; an empty cell names nothing."""

_DEVICE_COLUMNS: Final = (
    "serial", "model", "has_switch", "register_dials", "register_resolution", "key_id",
)  # fmt: skip
"""What a meter keeps when it moves: alike in all of a badge's rows."""

_KEYS: Final = {sheet.name: sheet.key for sheet in SHEETS}
_MODULUS_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row and where it stands; line 0 is the stored registry."""

    line: int
    row: Any

    def __str__(self) -> str:
        return f"line {self.line}" if self.line else "the stored registry"


def check(read: ReadDirectory, stored: Registry) -> list[Fault]:
    """Return everything that is wrong between the rows that could be read."""
    return list(_faults(read, stored))


def _faults(read: ReadDirectory, stored: Registry) -> Iterator[Fault]:
    for sheet in SHEETS:
        yield from _repeated(read, sheet.name)
    yield from _dangling(read, stored)
    yield from _reversed(read)
    yield from _meters(read, stored)
    yield from _overlapping(
        "agreements",
        _merged(read, stored, "agreements"),
        key=lambda row: row.usage_point_id,
        span=lambda row: (row.start_on, row.end_on),
        column="start_on",
        what="the usage point has another agreement at that time",
    )
    yield from _channels(read, stored)


def _placed(read: ReadDirectory, name: str) -> list[_Placed]:
    rows = getattr(read.registry, name)
    return [_Placed(line, row) for line, row in zip(read.lines[name], rows, strict=True)]


def _key(name: str, row: object) -> tuple[Hashable, ...]:
    return tuple(getattr(row, column) for column in _KEYS[name])


def _merged(read: ReadDirectory, stored: Registry, name: str) -> list[_Placed]:
    """Return the rows as they would be after the import."""
    merged = {_key(name, row): _Placed(0, row) for row in getattr(stored, name)}
    merged |= {_key(name, placed.row): placed for placed in _placed(read, name)}
    return list(merged.values())


def _repeated(read: ReadDirectory, name: str) -> Iterator[Fault]:
    first: dict[tuple[Hashable, ...], int] = {}
    for placed in _placed(read, name):
        key = _key(name, placed.row)
        if key in first:
            yield Fault(f"{name}.csv", placed.line, _KEYS[name][-1], f"repeats line {first[key]}")
        first.setdefault(key, placed.line)


def _dangling(read: ReadDirectory, stored: Registry) -> Iterator[Fault]:
    for name, column, target in _REFERENCES:
        known = read.named[target] | {
            getattr(row, _KEYS[target][0]) for row in getattr(stored, target)
        }
        for placed in _placed(read, name):
            reference = getattr(placed.row, column)
            if reference and reference not in known:
                yield Fault(
                    f"{name}.csv",
                    placed.line,
                    column,
                    f"{reference!r} is neither in {target}.csv nor stored",
                )


def _reversed(read: ReadDirectory) -> Iterator[Fault]:
    for name, start, end in (
        ("accounts", "opened_on", "closed_on"),
        ("agreements", "start_on", "end_on"),
        ("meters", "installed_at", "removed_at"),
    ):
        for placed in _placed(read, name):
            last = getattr(placed.row, end)
            if last is not None and last < getattr(placed.row, start):
                yield Fault(f"{name}.csv", placed.line, end, f"lies before {start}")


def _meters(read: ReadDirectory, stored: Registry) -> Iterator[Fault]:
    devices: dict[str, _Placed] = {}
    for placed in _placed(read, "meters"):
        meter: Meter = placed.row
        if 10**meter.register_dials * meter.register_resolution > _MODULUS_MAX:
            yield Fault(
                "meters.csv",
                placed.line,
                "register_dials",
                "the register would count further than 64 bits",
            )
        known = devices.setdefault(meter.badge, placed)
        for column in _DEVICE_COLUMNS:
            if getattr(meter, column) != getattr(known.row, column):
                yield Fault(
                    "meters.csv",
                    placed.line,
                    column,
                    f"differs from {known}, which has the same badge",
                )
    merged = _merged(read, stored, "meters")
    yield from _overlapping(
        "meters",
        merged,
        key=lambda row: row.badge,
        span=lambda row: (row.installed_at, row.removed_at),
        column="installed_at",
        what="the meter is at another usage point at that time",
    )
    yield from _overlapping(
        "meters",
        merged,
        key=lambda row: row.radio_id,
        span=lambda row: (row.installed_at, row.removed_at),
        column="radio_id",
        what="another meter has this radio at that time",
        ignore=lambda one, other: one.badge == other.badge,
    )


def _overlapping(
    name: str,
    rows: Iterable[_Placed],
    *,
    key: Callable[[Any], Hashable],
    span: Callable[[Any], tuple[date | datetime, date | datetime | None]],
    column: str,
    what: str,
    ignore: Callable[[Any, Any], bool] = lambda _one, _other: False,
) -> Iterator[Fault]:
    """Yield a fault for each row that shares some time with an earlier one of the same key."""
    by_key: defaultdict[Hashable, list[_Placed]] = defaultdict(list)
    for placed in rows:
        by_key[key(placed.row)].append(placed)
    for group in by_key.values():
        group.sort(key=lambda placed: span(placed.row)[0])
        for i, later in enumerate(group):
            for earlier in group[:i]:
                end = span(earlier.row)[1]
                overlaps = end is None or end > span(later.row)[0]
                if overlaps and not ignore(earlier.row, later.row):
                    blamed, context = (later, earlier) if later.line else (earlier, later)
                    if blamed.line:
                        yield Fault(f"{name}.csv", blamed.line, column, f"{what}: {context}")
                    break


def _channels(read: ReadDirectory, stored: Registry) -> Iterator[Fault]:
    commodity_of = {
        placed.row.usage_point_id: placed.row.commodity
        for placed in _merged(read, stored, "usage_points")
    }
    point_of = {
        placed.row.badge: placed.row.usage_point_id for placed in _merged(read, stored, "meters")
    }
    for placed in _placed(read, "channels"):
        channel: Channel = placed.row
        kind = READING_TYPES[channel.reading_type]
        commodity = commodity_of.get(point_of.get(channel.badge, ""), kind.commodity)
        for column, found, expected in (
            ("reading_type", kind.commodity, commodity),
            ("channel", channel.channel, kind.channel),
            ("interval_s", channel.interval_s, kind.interval_s),
            ("unit", channel.unit, kind.unit),
        ):
            if found != expected:
                yield Fault(
                    "channels.csv",
                    placed.line,
                    column,
                    f"says {found}; the reading type and its meter say {expected}",
                )
