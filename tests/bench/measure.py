"""
How figures are taken: all contenders in turn, round after round, median and spread.

Contenders that are compared run within seconds of each other, so a slow minute of the machine
slows both. Every figure is a rate: more is better.
"""

import gc
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")

Figures = Mapping[str, float]
"""What one run of a contender gave: rates by name."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    A line of the report, as `build/bench.json` holds it.

    Attributes:
        name: What was measured.
        value: Its rate, the median of all rounds.
        unit: Of the rate.
        against: Name of the row it is compared with; None for what others are compared with.
        ratio: How many times the rate of that row, the median of the rounds' own ratios.
        goal: What is aimed at, such as `ratio >= 0.9`; nothing fails when it is missed.
        rounds: How many rounds.
        spread: Largest less smallest value, as a share of the median.
    """

    name: str
    value: float
    unit: str
    against: str | None
    ratio: float | None
    goal: str | None
    rounds: int
    spread: float


@dataclass(frozen=True, slots=True)
class Series:
    """The rates of one contender, one a round."""

    name: str
    unit: str
    rates: tuple[float, ...]

    def row(self, against: "Series | None" = None, *, goal: str | None = None) -> Row:
        """Return the line that compares this series with another one, round by round."""
        pairs = zip(self.rates, against.rates, strict=True) if against else ()
        value = median(self.rates)
        return Row(
            name=self.name,
            value=value,
            unit=self.unit,
            against=against.name if against else None,
            ratio=median(mine / other for mine, other in pairs) if against else None,
            goal=goal,
            rounds=len(self.rates),
            spread=(max(self.rates) - min(self.rates)) / value,
        )


def interleave(
    contenders: Iterable[Callable[[], Figures]], units: Mapping[str, str], rounds: int
) -> dict[str, Series]:
    """
    Run all contenders in turn, once to warm up and then once a round.

    Args:
        contenders: Each does its work once and checks what came of it.
        units: Of every rate that the contenders give, by its name.
        rounds: How many times.
    """
    contenders = list(contenders)
    rates: dict[str, list[float]] = {name: [] for name in units}
    for number in range(1 + rounds):
        for contender in contenders:
            for name, rate in contender().items():
                if number > 0:
                    rates[name].append(rate)
    return {name: Series(name, units[name], tuple(each)) for name, each in rates.items()}


def per_cpu_second(count: int, work: Callable[[], T]) -> tuple[float, T]:
    """
    Do something and return how many of `count` a CPU second would bring, and its result.

    CPU seconds of this process, not seconds on the wall: neighbours on the machine count less.
    """
    gc.collect()  # what others left behind is not charged to this one
    began_s = time.process_time()
    result = work()
    return count / (time.process_time() - began_s), result
