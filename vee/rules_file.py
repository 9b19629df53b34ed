"""
Reading a ruleset strictly: every key is needed, none other is known, every number has its range.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeVar, get_type_hints

from mdms.domain.errors import OperatorError

T = TypeVar("T")


class RuleSetError(OperatorError):
    """A ruleset file that cannot be used; the message names the key and what it must be."""


QUANTA_PER_HOUR_MAX = 10_000_000
"""No service comes near it; keeps exact scaling of a year's bracket within 64 bits."""

_RANGES: Mapping[str, tuple[float, float]] = {
    "align_s": (0, 300),
    "backstep_quanta_max": (0, 1_000_000),
    "resolutions": (1, 100),
    "usage_per_mille": (0, 1000),
    "fine_quanta_max": (1, 1_000_000),
    "gap_days_max": (1, 366),
    "alpha_min": (0.0, 1.0),
    "alpha_max": (1.0, 1000.0),
    "linear_h_max": (0.0, 24.0),
    "edge_decay_h": (0.01, 24.0),
    "profile_days": (7, 366),
    "profile_decay_days": (1.0, 366.0),
    "other_weekday_weight": (0.0, 1.0),
    "weight_sum_min": (0.0, 100.0),
    "references_min": (1, 100),
    "nearest_count": (1, 100),
    "average_days_min": (0.01, 366.0),
    "outage_h_max": (0.0, 24.0),
    "window_days": (1, 366),
    "window_decay_days": (1.0, 366.0),
    "window_other_weekday_weight": (0.0, 1.0),
    "window_shift_h": (0.01, 24.0),
    "window_edge_h": (0.01, 1000.0),
    "window_shrink": (0.01, 1000.0),
    "quanta_per_hour_max": (1, QUANTA_PER_HOUR_MAX),
    "ordinary_quanta_per_hour": (0, QUANTA_PER_HOUR_MAX),
    "classes": (1, QUANTA_PER_HOUR_MAX),
    "warn_s": (1, 86_400),
    "hold_s": (1, 86_400),
    "days": (1, 366),
    "valid_days_min": (1, 366),
    "max_per_cent": (100, 10_000),
    "floor_w": (0, 1_000_000),
    "excess_per_cent": (1, 10_000),
    "intervals": (3, 10_000),
    "quanta_min": (1, 1_000_000),
    "rise_per_cent_max": (0, 1_000_000),
    "intervals_max": (0, 100),
    "power_factor_min": (0.0, 1.0),
    "load_w_min": (0, 1_000_000),
    "day_wh_max": (0, 1_000_000),
    "night_wh_max": (0, 1_000_000),
    "night_intervals_max": (0, 100),
    "night_from_h": (12, 24),
    "night_until_h": (0, 12),
    "a_low": (0, 10_000),
    "a_high": (0, 10_000),
    "b_low": (0, 10_000),
    "b_high": (0, 10_000),
    "per_cent_max": (0.0, 100.0),
    "service_days_min": (1, 400),
    "service_days_max": (1, 400),
    "estimated_share_max": (0.0, 1.0),
    "estimated_bucket_share_max": (0.0, 1.0),
    "estimated_share_hold": (0.0, 1.0),
    "estimated_days_max": (1, 366),
    "estimated_bills_max": (1, 100),
    "load_factor_min": (0.0, 1.0),
    "load_factor_max": (0.0, 10.0),
    "reference_days_min": (1, 366),
    "self_read_misses_max": (0, 100),
    "self_read_days_max": (1, 3660),
    "gas_factor_min": (0.0, 10.0),
    "gas_factor_max": (0.0, 10.0),
    "zero_days": (1, 366),
    "zero_days_summer": (1, 366),
    "disconnected_quanta_max": (0, 1_000_000),
    "inactive_day_quanta_max": (0, 1_000_000_000),
    "inactive_quanta_max": (0, 1_000_000_000),
    "day_ratio_min": (0.0, 1.0),
    "day_ratio_max": (1.0, 1000.0),
    "bill_ratio_min": (0.0, 1.0),
    "bill_ratio_max": (1.0, 1000.0),
    "bill_floor_quanta": (0, 1_000_000_000),
    "silent_h": (0.0, 25.0),
    "meters_per_cent_max": (0.0, 100.0),
    "meters_min": (1, 1_000_000),
    "reach_days": (1, 366),
    "heating_base_f": (-100.0, 150.0),
    "cooling_base_f": (-100.0, 150.0),
    "days_min": (3, 366),
    "explained_min": (0.0, 1.0),
    "bill_weather_ratio_min": (0.0, 1.0),
    "bill_weather_ratio_max": (1.0, 1000.0),
    "quanta_max": (0, 1_000_000),
    "day_per_cent_max": (0.0, 100.0),
}
"""What each number may be, both ends included, by the name of its key."""


def read(kind: type[T], table: Mapping[str, Any], *, where: str) -> T:
    """
    Build a dataclass from a TOML table that has exactly its fields.

    A field with a default is a key that came after the first editions: what was promoted before it
    is still read, and means the default.
    """
    types = get_type_hints(kind)
    for key in table.keys() - types.keys():
        raise RuleSetError(f"{where}{key} is not a known key; known are {', '.join(types)}.")
    for key in types.keys() - table.keys() - later_keys(kind).keys():
        raise RuleSetError(f"{where}{key} is missing.")
    given = types.keys() & table.keys()
    return kind(**{key: _value(types[key], table[key], where, key) for key in given})


def later_keys(kind: type) -> Mapping[str, object]:
    """Return the keys that may be left out, with what they mean then."""
    assert dataclasses.is_dataclass(kind), "tables of rules are data classes"
    return {
        each.name: each.default
        for each in dataclasses.fields(kind)
        if each.default is not dataclasses.MISSING
    }


def _value(kind: object, value: object, where: str, key: str) -> object:
    name = where + key
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return read(kind, _table(value, name), where=f"{name}.")
    for plain, reads in _PLAIN:
        if kind == plain:
            return reads(value, name)
    if kind == Mapping[str, int]:
        return {
            item: _number(int, amount, f"{name}.{item}", key)
            for item, amount in _table(value, name).items()
        }
    return _number(kind, value, name, key)


def written(rules: object) -> str:
    """Return a rule set as a file that reads as the same: every key, without comments."""
    assert dataclasses.is_dataclass(rules), "tables of rules are data classes"
    assert not isinstance(rules, type), "with values"
    return "\n".join(_lines(dataclasses.asdict(rules), where="")) + "\n"


def _lines(table: Mapping[str, object], where: str) -> Iterator[str]:
    """Yield the keys of a table, then the tables in it."""
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_literal(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield f"[{where}{key}]"
            yield from _lines(value, f"{where}{key}.")


def _literal(value: object) -> str:
    """Return a value as TOML has it: text as JSON has it, which TOML reads, dates as they are."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def _number(kind: object, value: object, name: str, key: str) -> float:
    """Return the number; a whole one may stand where any may, never the other way round."""
    low, high = _RANGES[key]
    wanted = "a whole number" if kind is int else "a number"
    accepted = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, accepted) or not low <= value <= high:
        raise RuleSetError(f"{name} must be {wanted} from {low:g} to {high:g}, not {value!r}.")
    return value if kind is int else float(value)


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise RuleSetError(f"{name} must be true or false, not {value!r}.")
    return value


def _dates(value: object, name: str) -> tuple[date, ...]:
    if not isinstance(value, list):
        raise RuleSetError(f"{name} must be a list of dates, not {value!r}.")
    return tuple(sorted({_date(item, name) for item in value}))


def _date(value: object, name: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise RuleSetError(f"{name} must hold dates like 2026-11-26, not {value!r}.")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RuleSetError(f"{name} must be text, not {value!r}.")
    return value


def _table(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RuleSetError(f"{name} must be a table, not {value!r}.")
    return value


_PLAIN: tuple[tuple[object, Callable[[object, str], object]], ...] = (
    (str, _text),
    (bool, _flag),
    (date, _date),
    (tuple[date, ...], _dates),
)
"""How a value is read that has no range."""
