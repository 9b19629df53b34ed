"""
TOML tables read into frozen dataclasses: every key is needed, an unknown one is refused.

Numbers with a point become Decimals, so that an amount of money is what was written.
"""

import dataclasses
import hashlib
import json
import tomllib
import types
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from mdms.domain.errors import OperatorError

T = TypeVar("T")


class TableError(OperatorError):
    """A file of rules that cannot be used; the message names the key and what it must be."""


def parse(text: str, *, name: str) -> dict[str, Any]:
    """
    Read TOML.

    Args:
        text: Contents of the file.
        name: What messages call it.

    Raises:
        TableError: It is no TOML.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{name} is not TOML: {error}.") from error


def read(kind: type[T], table: object, *, where: str) -> T:
    """
    Build a dataclass from a table that has exactly its fields; an optional one may be left out.

    Raises:
        TableError: A key is missing, unknown or has a value of the wrong type, or its values do not
            go together; names `where`.
    """
    if not isinstance(table, dict):
        raise TableError(f"{where} must be a table, not {table!r}.")
    hints = get_type_hints(kind)
    for key in table.keys() - hints.keys():
        raise TableError(f"{where}.{key} is not a known key; known are {', '.join(hints)}.")
    fields = {key: _field(hint, table, key, where) for key, hint in hints.items()}
    try:
        return kind(**fields)
    except ValueError as error:
        raise TableError(f"{where}: {error}.") from error


def content_hash(content: object) -> str:
    """Return the SHA-256 of rules as read: order and comments of their files do not count."""
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value.normalize())
    return value if isinstance(value, int | str | None) else str(value)


def _field(hint: object, table: dict[str, Any], key: str, where: str) -> object:
    name = f"{where}.{key}"
    optional = isinstance(hint, types.UnionType) and type(None) in get_args(hint)
    if key not in table:
        if optional:
            return None
        raise TableError(f"{name} is missing.")
    if optional:
        (hint,) = (kind for kind in get_args(hint) if kind is not type(None))
    return _value(hint, table[key], name)


def _value(hint: object, value: object, name: str) -> object:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return read(hint, value, where=name)
    origin, of = get_origin(hint), get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise TableError(f"{name} must be a list, not {value!r}.")
        return tuple(_value(of[0], item, name) for item in value)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise TableError(f"{name} must be a table, not {value!r}.")
        return {
            _key(of[0], key, name): _value(of[1], item, f"{name}.{key}")
            for key, item in value.items()
        }
    return _plain_value(hint, value, name)


def _key(kind: object, key: str, name: str) -> object:
    if kind is str:
        return key
    assert kind is date, f"no way to read a key as {kind}"
    try:
        return date.fromisoformat(key)
    except ValueError as error:
        raise TableError(f"{name}: {key!r} is no date like 2026-11-26.") from error


_WANTED: Mapping[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number, not negative"),
    Decimal: ((int, Decimal), "a number, not negative"),
    str: ((str,), "text"),
    date: ((date,), "a date like 2026-11-26"),
    time: ((time,), "a time of day like 16:30:00"),
}


def _plain_value(kind: object, value: object, name: str) -> object:
    accepted, words = _WANTED[kind]
    fits = isinstance(value, accepted) and not isinstance(value, datetime)
    if isinstance(value, bool) and kind is not bool:
        fits = False
    if isinstance(value, int | Decimal) and value < 0:
        fits = False
    if not fits:
        raise TableError(f"{name} must be {words}, not {value!r}.")
    return Decimal(cast("int | Decimal", value)) if kind is Decimal else value
