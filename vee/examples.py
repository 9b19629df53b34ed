"""
Worked examples: days on which a rule should or should not speak, to try a rule set on.

They are made of the cases of vee.md 11; what a candidate makes of them is shown beside what the
rules in force do, so that a slip of a digit is seen before it judges a city.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Int64
from mdms.domain.registry import Commodity
from vee.block import Block, Limits, Registers, SlotTable
from vee.context import ELECTRIC, Context, History, Quantity
from vee.examination import examine
from vee.rules import RuleSet

_SLOTS = SlotTable.of_days(
    date(2026, 11, 3), date(2026, 11, 3), interval_s=900, zone=ZoneInfo("America/Los_Angeles")
)
_VALID_DAYS = 60


@dataclass(frozen=True, slots=True)
class Example:
    """A day of a 200 A service, and the rule that it is about."""

    name: str
    rule: int
    make: Callable[[RuleSet], Block]


def examples() -> Iterator[Example]:
    """Yield every example."""
    yield Example("12.6 kWh in a quarter of an hour", 21, lambda rules: _day(rules, {40: 12_600}))
    yield Example("12.7 kWh in a quarter of an hour", 21, lambda rules: _day(rules, {40: 12_700}))
    yield Example("-0.05 kWh delivered", 20, lambda rules: _day(rules, {40: -50}))
    yield Example("highest 8.4, third 3.0 kWh", 23, lambda rules: _spike(rules, 8_400, 8_000))
    yield Example("highest 9.0, third 3.0 kWh", 23, lambda rules: _spike(rules, 9_000, 8_000))
    yield Example("the same, 60-day maximum 8.0", 24, lambda rules: _spike(rules, 9_000, 8_000))
    yield Example("the same, 60-day maximum 5.0", 24, lambda rules: _spike(rules, 9_000, 5_000))
    yield Example("0.417 kWh 23 times", 26, lambda rules: _day(rules, _repeated(23)))
    yield Example("0.417 kWh 24 times", 26, lambda rules: _day(rules, _repeated(24)))
    yield Example("register 2 Wh above the sum", 45, lambda rules: _summed(rules, 2))
    yield Example("register 500 Wh above the sum", 45, lambda rules: _summed(rules, 500))
    yield Example("1.2 kWh received, no generation", 31, _received)
    yield Example("two days without usage", 25, _idle)


def tried(rules: RuleSet) -> dict[str, bool]:
    """Return whether a rule set lets each example's rule speak, by name."""
    spoken = {}
    for example in examples():
        found = examine(example.make(rules), rules)
        mask = int(np.bitwise_or.reduce(found.flags, axis=None))
        mask |= int(np.bitwise_or.reduce(found.marks.day_flags(1), axis=None))
        spoken[f"V{example.rule:02} {example.name}"] = bool(mask >> example.rule & 1)
    return spoken


def _day(rules: RuleSet, values: dict[int, int], *, register: int | None = None) -> Block:
    value = 200 + np.arange(len(_SLOTS))[None, :] % 7
    for slot, quanta in values.items():
        value[0, slot] = quanta
    ends = np.array([0, len(_SLOTS)]) if register is not None else np.zeros(0, np.int64)
    total = [] if register is None else [0, int(value.sum()) + register]
    limit = rules.interval_limit(Commodity.ELECTRIC, "electric_200a", _SLOTS.interval_s)

    def one(number: int) -> Int64:
        return np.array([number], np.int64)

    return Block(
        slots=_SLOTS,
        channel_id=np.zeros(1, np.int32),
        limits=Limits(
            one(limit), one(10**9), one(1), one(1), np.ones(1, np.bool_), np.zeros(1, np.bool_)
        ),
        value=value,
        present=np.ones(value.shape, np.bool_),
        expected=np.ones(value.shape, np.bool_),
        flags=np.zeros(value.shape, np.int64),
        registers=Registers(np.zeros(len(ends), np.int64), ends, np.array(total, np.int64)),
    )


def _known(block: Block, *, quantity: Quantity = Quantity.DELIVERED, history: History) -> Block:
    plain = Context.plain(np.array([ELECTRIC], np.uint8), 1)
    kinds = np.array([quantity], np.uint8)
    return replace(block, known=replace(plain, quantity=kinds, history=history))


def _past(*, peak: int = 0, zero_days: int = 0) -> History:
    days = np.full((1, 1), _VALID_DAYS)
    return History(0, np.full((1, 1), peak), days, np.array([zero_days]), np.zeros(1, np.int64))


def _spike(rules: RuleSet, highest: int, peak: int) -> Block:
    values = {40: highest, 50: 3_000, 51: 3_000}
    return _known(_day(rules, values), history=_past(peak=peak))


def _repeated(times: int) -> dict[int, int]:
    return dict.fromkeys(range(30, 30 + times), 417)


def _summed(rules: RuleSet, off: int) -> Block:
    return _day(rules, {}, register=off)


def _received(rules: RuleSet) -> Block:
    values = dict.fromkeys(range(len(_SLOTS)), 0) | dict.fromkeys(range(40, 64), 50)
    return _known(_day(rules, values), quantity=Quantity.RECEIVED, history=_past())


def _idle(rules: RuleSet) -> Block:
    zeros = dict.fromkeys(range(len(_SLOTS)), 0)
    return _known(_day(rules, zeros), history=_past(zero_days=1))
