"""Reading leak rules strictly: every key is needed, none other is known, no number is negative."""

import dataclasses
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from vee.rules_file import RuleSetError

T = TypeVar("T")

_NUMBER_MAX = 1_000_000


class LeakRuleError(RuleSetError):
    """A file of leak rules that cannot be used; the message names the key and what it must be."""


def read(kind: type[T], table: Mapping[str, Any], *, where: str = "") -> T:
    """Build a dataclass from a TOML table that has exactly its fields."""
    types = get_type_hints(kind)
    for key in table.keys() - types.keys():
        raise LeakRuleError(f"{where}{key} is not a known key; known are {', '.join(types)}.")
    for key in types.keys() - table.keys():
        raise LeakRuleError(f"{where}{key} is missing.")
    return kind(**{key: _value(types[key], table[key], where + key) for key in types})


def _value(kind: object, value: object, name: str) -> object:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise LeakRuleError(f"{name} must be a table, not {value!r}.")
        return read(kind, value, where=f"{name}.")
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise LeakRuleError(f"{name} must be a list, not {value!r}.")
        item = get_args(kind)[0]
        return tuple(_value(item, each, f"{name}[{at}]") for at, each in enumerate(value))
    if kind is int or kind is float:
        return _number(value, name, whole=kind is int)
    for plain, wanted in _PLAIN:
        if kind is plain and isinstance(value, plain) and not isinstance(value, datetime):
            return value
        if kind is plain:
            raise LeakRuleError(f"{name} must be {wanted}, not {value!r}.")
    raise AssertionError(f"{name}: rules have no fields of {kind}")


_PLAIN: tuple[tuple[type, str], ...] = (
    (str, "text"),
    (bool, "true or false"),
    (date, "a date like 2026-11-26"),
)


def _number(value: object, name: str, *, whole: bool) -> float:
    """Return the number; a whole one may stand where any may, never the other way round."""
    wanted = "a whole number" if whole else "a number"
    if (
        isinstance(value, bool)
        or not isinstance(value, int if whole else (int, float))
        or not (math.isfinite(value) and 0 <= value <= _NUMBER_MAX)
    ):
        raise LeakRuleError(f"{name} must be {wanted} from 0 to {_NUMBER_MAX}, not {value!r}.")
    return value if whole else float(value)
