"""Which rule set judges which local day, and how two of them differ."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from mdms.domain.readings import Bool
from vee.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Reign:
    """A rule set with the first and the last local day that it judges."""

    rules: RuleSet
    first: date
    last: date

    def mask(self, days: Sequence[date]) -> Bool:
        """Return which of these days it judges, shape (days,)."""
        return np.array([self.first <= day <= self.last for day in days], np.bool_)


@dataclass(frozen=True, slots=True)
class Editions:
    """
    Rule sets by the day from which each judges; a day keeps its rule set for ever.

    Attributes:
        rulesets: At least one, by effective date, no two alike; the first judges older days too.
    """

    rulesets: tuple[RuleSet, ...]

    @classmethod
    def of(cls, first: RuleSet, *later: RuleSet) -> "Editions":
        """Put rule sets in order; where two begin on one day, the later named counts."""
        by_day = {each.edition.effective: each for each in (first, *later)}
        return cls(tuple(by_day[day] for day in sorted(by_day)))

    def on(self, day: date) -> RuleSet:
        """Return what judges a local day."""
        begun = [each for each in self.rulesets if each.edition.effective <= day]
        return begun[-1] if begun else self.rulesets[0]

    def reigns(self) -> Iterator[Reign]:
        """Yield each rule set with its first and last day, in order."""
        starts = [date.min, *(each.edition.effective for each in self.rulesets[1:])]
        ends = [date.fromordinal(start.toordinal() - 1) for start in starts[1:]]
        yield from map(Reign, self.rulesets, starts, [*ends, date.max])


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that two rule sets have differently; None where one does not have it."""

    key: str
    old: object
    new: object


def differences(old: RuleSet, new: RuleSet) -> Sequence[Difference]:
    """List the keys that differ, by name."""
    before, after = dict(_keys(dataclasses.asdict(old))), dict(_keys(dataclasses.asdict(new)))
    return [
        Difference(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _keys(table: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
