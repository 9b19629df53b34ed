"""
Reading files of rules strictly: every key is needed, none other is known, numbers have a range.

What a file may hold is said by the data classes that it is read into, key by key.
"""

import collections.abc
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from mdms.domain.errors import OperatorError

T = TypeVar("T")


class RuleSetError(OperatorError):
    """A file of rules that cannot be used; the message names the key and what it must be."""


@dataclass(frozen=True, slots=True)
class Range:
    """
    What a number may be, both ends included.

    It stands in the type of its key: `Annotated[int, Range(0, 9)]`.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.12g} to {self.high:.12g}"


AMOUNT: Final = Range(0, 1_000_000)
"""For files whose keys need no ranges of their own."""


def read(
    kind: type[T], table: Mapping[str, Any], *, where: str = "", within: Range | None = None
) -> T:
    """
    Build a data class from a TOML table that has exactly its fields.

    A field with a default is a key that came after the first editions: what was promoted before it
    is still read, and means the default.

    Args:
        kind: The class.
        table: What was read.
        where: What messages put before the names of its keys.
        within: What numbers may be whose type has no range; None where each must have one.

    Raises:
        RuleSetError: A key is missing, unknown, or broken.
    """
    types = get_type_hints(kind, include_extras=True)
    for key in table.keys() - types.keys():
        raise RuleSetError(f"{where}{key} is not a known key; known are {', '.join(types)}.")
    for key in types.keys() - table.keys() - later_keys(kind).keys():
        raise RuleSetError(f"{where}{key} is missing.")
    given = types.keys() & table.keys()
    return kind(**{key: _value(types[key], table[key], where + key, within) for key in given})


def later_keys(kind: type) -> Mapping[str, object]:
    """Return the keys that may be left out, with what they mean then."""
    assert dataclasses.is_dataclass(kind), "tables of rules are data classes"
    later: dict[str, object] = {}
    for each in dataclasses.fields(kind):
        if each.default is not dataclasses.MISSING:
            later[each.name] = each.default
        elif each.default_factory is not dataclasses.MISSING:
            later[each.name] = each.default_factory()
    return later


def _value(kind: object, value: object, name: str, within: Range | None) -> object:
    if get_origin(kind) is Annotated:
        kind, within = get_args(kind)
    for plain, reads in _PLAIN:
        if kind == plain:
            return reads(value, name)
    if kind is int or kind is float:
        assert within is not None, f"{name}: say in its type between what it may lie, Range(...)"
        return _number(value, name, within, whole=kind is int)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return read(kind, _table(value, name), where=f"{name}.", within=within)
    if get_origin(kind) is tuple:
        each = get_args(kind)[0]
        items = enumerate(_list(value, name))
        return tuple(_value(each, item, f"{name}[{at}]", within) for at, item in items)
    assert get_origin(kind) is collections.abc.Mapping, f"{name}: rules have no fields of {kind}"
    each = get_args(kind)[1]
    return {
        item: _value(each, amount, f"{name}.{item}", within)
        for item, amount in _table(value, name).items()
    }


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


def _number(value: object, name: str, within: Range, *, whole: bool) -> float:
    """Return the number; a whole one may stand where any may, never the other way round."""
    wanted = "a whole number" if whole else "a number"
    accepted = (int,) if whole else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, accepted)
        or not within.low <= value <= within.high
    ):
        raise RuleSetError(f"{name} must be {wanted} from {within}, not {value!r}.")
    return value if whole else float(value)


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise RuleSetError(f"{name} must be true or false, not {value!r}.")
    return value


def _dates(value: object, name: str) -> tuple[date, ...]:
    return tuple(sorted({_date(item, name) for item in _list(value, name, "a list of dates")}))


def _date(value: object, name: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise RuleSetError(f"{name} must be a date like 2026-11-26, not {value!r}.")
    return value


def _list(value: object, name: str, wanted: str = "a list") -> list[object]:
    if not isinstance(value, list):
        raise RuleSetError(f"{name} must be {wanted}, not {value!r}.")
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
