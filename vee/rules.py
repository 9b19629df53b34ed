"""
The rules as data: limits, tolerances and holidays, read strictly from one TOML file.

A ruleset is known by the hash of its content; what was judged by it is stored with that hash.
"""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from mdms.domain.errors import OperatorError
from mdms.domain.registry import Commodity

T = TypeVar("T")


class RuleSetError(OperatorError):
    """A ruleset file that cannot be used; the message names the key and what it must be."""


@dataclass(frozen=True, slots=True)
class BookendRules:
    """Which register reads may close a bracket."""

    align_s: int
    backstep_quanta_max: int


@dataclass(frozen=True, slots=True)
class SumCheckRules:
    """How far intervals and register may differ (V45, V46)."""

    resolutions: int
    usage_per_mille: int


@dataclass(frozen=True, slots=True)
class EstimateRules:
    """How estimates are made and scaled; vee.md 4."""

    fine_quanta_max: int
    gap_days_max: int
    alpha_min: float
    alpha_max: float
    linear_h_max: float
    edge_decay_h: float
    profile_days: int
    profile_decay_days: float
    other_weekday_weight: float
    weight_sum_min: float
    references_min: int
    nearest_count: int
    average_days_min: float
    outage_h_max: float


@dataclass(frozen=True, slots=True)
class CommodityRules:
    """What holds for all services of a commodity, and the physical limits of their classes."""

    linear: bool
    reversible: bool
    quanta_per_hour_max: int
    classes: Mapping[str, int]
    """Service class to its limit [quanta per hour]; V21."""


@dataclass(frozen=True, slots=True)
class ReverseFlowRules:
    """How much a reversible meter may run backwards in a day before it is held (V20)."""

    quanta_max: int
    day_per_cent_max: float


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything that validation and estimation may be told."""

    holidays: tuple[date, ...]
    bookend: BookendRules
    sum_check: SumCheckRules
    estimate: EstimateRules
    electric: CommodityRules
    water: CommodityRules
    gas: CommodityRules
    reverse_flow: ReverseFlowRules

    @classmethod
    def load(cls, path: Path) -> "RuleSet":
        """
        Read a ruleset file.

        Raises:
            RuleSetError: It is not there, is no TOML, or has a broken, missing or unknown key.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RuleSetError(f"The ruleset {path} cannot be read: {error}.") from error
        return cls.parse(text, name=path.name)

    @classmethod
    def parse(cls, text: str, *, name: str) -> "RuleSet":
        """Read a ruleset from its text; `name` is what messages call it."""
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RuleSetError(f"{name} is not TOML: {error}.") from error
        try:
            return _read(cls, table, where="")
        except RuleSetError as error:
            raise RuleSetError(f"{name}: {error}") from error

    @property
    def hash(self) -> str:
        """SHA-256 of the content: order, comments and spelling of numbers do not count."""
        canonical = json.dumps(dataclasses.asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def of(self, commodity: Commodity) -> CommodityRules:
        """Return what holds for a commodity."""
        return {
            Commodity.ELECTRIC: self.electric,
            Commodity.WATER: self.water,
            Commodity.GAS: self.gas,
        }[commodity]

    def interval_limit(self, commodity: Commodity, service_class: str, interval_s: int) -> int:
        """Return the physical maximum of one interval [quanta]; V21 and vee.md 3.3."""
        rules = self.of(commodity)
        per_hour = rules.classes.get(service_class, rules.quanta_per_hour_max)
        return per_hour * interval_s // 3600


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
    "quanta_per_hour_max": (1, QUANTA_PER_HOUR_MAX),
    "classes": (1, QUANTA_PER_HOUR_MAX),
    "quanta_max": (0, 1_000_000),
    "day_per_cent_max": (0.0, 100.0),
}
"""What each number may be, both ends included, by the name of its key."""


def _read(kind: type[T], table: Mapping[str, Any], *, where: str) -> T:
    """Build a dataclass from a TOML table that has exactly its fields."""
    types = get_type_hints(kind)
    for key in table.keys() - types.keys():
        raise RuleSetError(f"{where}{key} is not a known key; known are {', '.join(types)}.")
    for key in types.keys() - table.keys():
        raise RuleSetError(f"{where}{key} is missing.")
    return kind(**{key: _value(types[key], table[key], where, key) for key in types})


def _value(kind: object, value: object, where: str, key: str) -> object:
    name = where + key
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _read(kind, _table(value, name), where=f"{name}.")
    if kind is bool:
        if not isinstance(value, bool):
            raise RuleSetError(f"{name} must be true or false, not {value!r}.")
        return value
    if kind == tuple[date, ...]:
        return _dates(value, name)
    if kind == Mapping[str, int]:
        return {
            item: _number(int, amount, f"{name}.{item}", key)
            for item, amount in _table(value, name).items()
        }
    return _number(kind, value, name, key)


def _number(kind: object, value: object, name: str, key: str) -> float:
    """Return the number; a whole one may stand where any may, never the other way round."""
    low, high = _RANGES[key]
    wanted = "a whole number" if kind is int else "a number"
    accepted = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, accepted) or not low <= value <= high:
        raise RuleSetError(f"{name} must be {wanted} from {low:g} to {high:g}, not {value!r}.")
    return value if kind is int else float(value)


def _dates(value: object, name: str) -> tuple[date, ...]:
    if not isinstance(value, list):
        raise RuleSetError(f"{name} must be a list of dates, not {value!r}.")
    for item in value:
        if not isinstance(item, date) or isinstance(item, datetime):
            raise RuleSetError(f"{name} must hold dates like 2026-11-26, not {item!r}.")
    return tuple(sorted(set(value)))


def _table(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RuleSetError(f"{name} must be a table, not {value!r}.")
    return value
