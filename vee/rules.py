"""
The rules as data: limits, tolerances and holidays, read strictly from one TOML file.

A ruleset is known by the hash of its content; what was judged by it is stored with that hash.
"""

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mdms.domain.readings import Int64, UInt8
from mdms.domain.registry import WIRE_COMMODITY, Commodity
from vee.rule_tables import CommodityRules, RuleTables
from vee.rules_file import RuleSetError, later_keys, read


@dataclass(frozen=True)
class RuleSet(RuleTables):
    """The tables, and what is asked of them."""

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
            return read(cls, table, where="")
        except RuleSetError as error:
            raise RuleSetError(f"{name}: {error}") from error

    @cached_property
    def hash(self) -> str:
        """
        SHA-256 of the content: order, comments and spelling of numbers do not count.

        Nor do keys that came later and say what their absence means: what judged keeps its hash.
        It is made once: each outcome of a day is kept with it.
        """
        canonical = json.dumps(_said(self), sort_keys=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def of(self, commodity: Commodity) -> CommodityRules:
        """Return what holds for a commodity."""
        return {
            Commodity.ELECTRIC: self.electric,
            Commodity.WATER: self.water,
            Commodity.GAS: self.gas,
        }[commodity]

    def per_commodity(self, commodity: UInt8, key: str) -> Int64:
        """
        Return a key of the commodities' tables for each channel.

        Args:
            commodity: Its number on the wire, shape (channels,).
            key: Name of the key; a flag counts as 0 or 1.
        """
        table = np.zeros(len(WIRE_COMMODITY) + 1, np.int64)
        for each, number in WIRE_COMMODITY.items():
            table[number] = getattr(self.of(each), key)
        return table[commodity]

    def interval_limit(self, commodity: Commodity, service_class: str, interval_s: int) -> int:
        """Return the physical maximum of one interval [quanta]; V21 and vee.md 3.3."""
        rules = self.of(commodity)
        per_hour = rules.classes.get(service_class, rules.quanta_per_hour_max)
        return per_hour * interval_s // 3600


def _said(rules: object) -> object:
    """Return rules as plain tables, without later keys that say what their absence means."""
    if isinstance(rules, type) or not dataclasses.is_dataclass(rules):
        return rules
    later = later_keys(type(rules))
    values = {each.name: getattr(rules, each.name) for each in dataclasses.fields(rules)}
    return {
        name: _said(value)
        for name, value in values.items()
        if name not in later or value != later[name]
    }
