"""
Faults put into the reads of simulated homes: what is kept from billing, and what is so for nothing.

One fault of a kind strikes each home on a day of its last weeks; the registers go on telling the
truth. A value is kept from billing when it is estimated or held instead of being published. Kept in
vain is what is kept beside the fault, compared with the same reads without it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.random import Generator

from mdms.domain.readings import Bool, Int64, Status, rule_bit
from mdms.domain.registry import WIRE_COMMODITY, Commodity
from simulators.calendar import LocalDay
from simulators.households import Households
from simulators.load.electric import HomePower, Homes
from simulators.load.gas import HomeGas
from simulators.load.water import HomeWater
from simulators.weather import Weather
from tests.bench.arrivals import Arrivals, clocks_of
from tests.bench.measure import Row
from vee import engine
from vee.block import Block, Limits, Registers, SlotTable
from vee.context import Clocks, Context
from vee.examination import examine
from vee.rules import RuleSet

RULES = RuleSet.load(Path(__file__).parents[2] / "config/vee/residential.toml")
ZONE = ZoneInfo("America/Los_Angeles")
FIRST_DAY = date(2026, 1, 5)
HISTORY_DAYS, DAYS = 35, 56
"""Faults strike after so many days of history; days in all. No clock changes in these weeks."""
MODULUS = 10**9
ROLLOVER = rule_bit(40)
_GOOD = (Status.VALIDATED.code, Status.ACCEPTED.code)


@dataclass(frozen=True, slots=True)
class Service:
    """What is metered: its class, its intervals, and the wrong unit that its values may come in."""

    commodity: Commodity
    service_class: str
    interval_s: int
    wrong_unit: int


ELECTRIC = Service(Commodity.ELECTRIC, "electric_200a", 900, 1000)
WATER = Service(Commodity.WATER, "water_5_8", 3600, 75)
GAS = Service(Commodity.GAS, "gas_250", 3600, 100)
SERVICES = (ELECTRIC, WATER, GAS)
REGISTERS: Mapping[str, int | None] = {"8 intervals": 8, "day": 0, "none": None}
"""How often a register is read: slots, 0 for every midnight, None for never."""


@dataclass(frozen=True, slots=True)
class Struck:
    """Reads with a fault in each home; grids have the shape (homes, slots)."""

    value: Int64
    present: Bool
    wrong: Bool
    """Where the value is not the true one."""
    rolled: Int64
    """Added to each home's register, shape (homes,)."""
    clocks: Clocks = field(default_factory=Clocks.none)
    """What intake says of clocks."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One home's reads, to be spoiled in place, and where; columns have the shape (slots,)."""

    value: Int64
    present: Bool
    day: slice
    slots: slice
    """Within the day, or a little beyond; something flows in the first one."""
    service: Service


def _drop(at: Spot) -> None:
    at.present[at.slots] = False
    at.value[at.slots] = 0


def _spike(at: Spot) -> None:
    at.value[at.slots.start] *= 10


def _negative(at: Spot) -> None:
    at.value[at.slots.start] *= -1


def _stuck(at: Spot) -> None:
    at.value[at.slots] = at.value[at.slots.start]


def _multiplier(at: Spot) -> None:
    at.value[at.day] *= 10


def _later(at: Spot) -> None:
    hour = 3600 // at.service.interval_s
    at.value[at.day] = at.value[at.day.start - hour : at.day.stop - hour].copy()


def _earlier(at: Spot) -> None:
    hour = 3600 // at.service.interval_s
    at.value[at.day] = at.value[at.day.start + hour : at.day.stop + hour].copy()


def _unit(at: Spot) -> None:
    at.value[at.day] //= at.service.wrong_unit


def _zeros(at: Spot) -> None:
    at.value[at.slots] = 0


def _nothing(_: Spot) -> None:
    """Leave the values alone: the register rolls over."""


ROLLS = "rollover"
CLOCKS: Mapping[str, int] = {"clock + 1 h": 3600, "clock - 1 h": -3600}
"""Clocks as intake sees them; *shifted* are values of which nobody knows when they were sent."""
KINDS: Mapping[str, Callable[[Spot], None]] = {
    "drop": _drop,
    "spike x 10": _spike,
    "negative": _negative,
    "stuck": _stuck,
    "multiplier x 10": _multiplier,
    ROLLS: _nothing,
    "clock + 1 h": _later,
    "clock - 1 h": _earlier,
    "shifted by 1 h": _later,
    "unit swap": _unit,
    "zeros for values": _zeros,
}


@dataclass(frozen=True, slots=True)
class Found:
    """
    What came of one kind of fault; shares are NaN where there is nothing to share.

    Attributes:
        faults: How many changed any value at all; the others are no faults.
        caught: Share of them of which some value was kept from billing, or the rollover was seen.
        told: Share of them that were caught, or of whose day some rule spoke that had not.
        rows: Share of the wrong values that were kept from billing.
        right: Share of the values kept because of the fault that were wrong.
    """

    faults: int
    caught: float
    told: float
    rows: float
    right: float


def homes(service: Service, count: int, seed: int) -> Int64:
    """Return what simulated homes use, shape (homes, slots)."""
    people, weather, rows = Households(count, seed), Weather(seed), np.arange(count)
    source: HomeGas | HomeWater | Homes
    if service.commodity is Commodity.ELECTRIC:
        source = Homes(HomePower(people, weather, seed), rows, service.interval_s, seed)
    elif service.commodity is Commodity.WATER:
        source = HomeWater(people, weather, rows, np.ones(count, np.int64), seed)
    else:
        source = HomeGas(people, weather, rows, seed)
    days = [LocalDay.of(FIRST_DAY + timedelta(days=number)) for number in range(DAYS)]
    return np.concatenate([source.day(day).value for day in days], axis=1)


def strike(kind: str, true: Int64, service: Service, generator: Generator) -> Struck:
    """Put one fault of a kind into each home, of an hour to a day, where something flows."""
    value, present = true.copy(), np.ones(true.shape, np.bool_)
    arrivals: list[tuple[int, Arrivals]] = []
    a_day = true.shape[1] // DAYS
    for row in range(len(true)):
        first = int(generator.integers(HISTORY_DAYS, DAYS - 1)) * a_day
        day = slice(first, first + a_day)
        flowing = first + np.flatnonzero(true[row, day])
        start = int(generator.choice(flowing)) if len(flowing) else first
        length = int(generator.integers(a_day // 24, a_day // 4 + 1))
        if kind == "stuck":
            length = max(length, RULES.static.intervals)
        slots = slice(start, min(start + length, true.shape[1]))
        KINDS[kind](Spot(value[row], present[row], day, slots, service))
        if kind in CLOCKS:
            seen = Arrivals.of(day, service.interval_s, CLOCKS[kind], generator)
            arrivals.append((row, seen))
            present[row, day] &= ~seen.refused()
            value[row, day] *= present[row, day]
    wrong = (value != true) | ~present
    rolled = np.zeros(len(true), np.int64)
    if kind == ROLLS:
        middle = true[:, : (HISTORY_DAYS + DAYS) // 2 * a_day].sum(axis=1)
        rolled = MODULUS - middle
    return Struck(value, present, wrong, rolled, clocks_of(arrivals, len(true), _slots(service)))


def measure(
    kind: str, true: Int64, service: Service, every: int | None, generator: Generator
) -> Found:
    """Strike homes with one kind of fault and see what is made of it."""
    hit = strike(kind, true, service, generator)
    before, said_before = _judged(_block(_clean(true), true, service, every))
    after, said = _judged(_block(hit, true, service, every))
    because, told = after & ~before, (said & ~said_before) != 0
    if kind == ROLLS:
        seen = _any(said & ROLLOVER != 0)
        return Found(len(true), _share(seen & ~_any(because)), _share(seen), np.nan, np.nan)
    faulty = _any(hit.wrong)
    struck = np.asarray(hit.wrong.reshape(len(true), DAYS, -1).any(axis=2))
    caught = _any(hit.wrong & after)[faulty]
    return Found(
        faults=int(faulty.sum()),
        caught=_share(caught),
        told=_share(caught | _any(told & struck)[faulty]),
        rows=_share(after[hit.wrong]),
        right=_share(hit.wrong[because]),
    )


def kept_in_vain(true: Int64, service: Service, every: int | None) -> float:
    """Return the share of good channel-days of which any value is kept from billing."""
    kept, _ = _judged(_block(_clean(true), true, service, every))
    days = kept.reshape(len(true), DAYS, -1)[:, HISTORY_DAYS:]
    return _share(np.asarray(days.any(axis=2)))


def _clean(true: Int64) -> Struck:
    every = np.ones(true.shape, np.bool_)
    return Struck(true, every, ~every, np.zeros(len(true), np.int64))


def _any(mask: Bool) -> Bool:
    """Return which homes have any true, shape (homes,)."""
    return np.asarray(mask.any(axis=1))


def _share(mask: Bool) -> float:
    """Return how much of a mask is true."""
    return float(mask.mean()) if mask.size else np.nan


def _judged(block: Block) -> tuple[Bool, Int64]:
    """Return what is kept from billing, shape (homes, slots), and rules, shape (homes, days)."""
    target = np.zeros((len(block.channel_id), DAYS), np.bool_)
    target[:, HISTORY_DAYS:] = True
    outcome = engine.run(block, RULES, target, ahead=np.ones(DAYS, np.bool_))
    found = examine(block, RULES)
    said = found.marks.day_flags(DAYS)
    flags = np.where(outcome.covered, outcome.flags, 0)
    said |= np.bitwise_or.reduceat(flags, block.slots.first[:-1], axis=1)
    rolled, last = found.sums.rolled, len(block.slots) - 1
    day = block.slots.day[np.minimum(rolled.boundary, last)]
    np.bitwise_or.at(said, (rolled.channel, day), ROLLOVER)
    return outcome.covered & ~np.isin(outcome.status, _GOOD), said


def _block(reads: Struck, true: Int64, service: Service, every: int | None) -> Block:
    """Return reads beside registers that tell the truth."""
    slots, count = _slots(service), len(true)
    shown = (np.pad(true.cumsum(axis=1), ((0, 0), (1, 0))) + reads.rolled[:, None]) % MODULUS
    step = None if every is None else every or len(slots) // DAYS
    boundaries = np.arange(0, len(slots) + 1, step) if step else np.zeros(0, np.int64)
    rules = RULES.of(service.commodity)
    limit = RULES.interval_limit(service.commodity, service.service_class, service.interval_s)

    def each(number: int) -> Int64:
        return np.full(count, number, np.int64)

    return Block(
        slots=slots,
        channel_id=np.arange(count, dtype=np.int32),
        limits=Limits(
            each(limit),
            each(MODULUS),
            each(1),
            each(1),
            np.full(count, rules.linear),
            np.full(count, rules.reversible),
        ),
        value=reads.value,
        present=reads.present,
        expected=np.ones(true.shape, np.bool_),
        flags=np.zeros(true.shape, np.int64),
        registers=Registers(
            np.repeat(np.arange(count), len(boundaries)),
            np.tile(boundaries, count),
            shown[:, boundaries].ravel(),
        ),
        known=replace(
            Context.plain(np.full(count, WIRE_COMMODITY[service.commodity], np.uint8), DAYS),
            clocks=reads.clocks,
        ),
    )


def _slots(service: Service) -> SlotTable:
    last = FIRST_DAY + timedelta(days=DAYS - 1)
    return SlotTable.of_days(FIRST_DAY, last, interval_s=service.interval_s, zone=ZONE)


def rows(count: int, seeds: Sequence[int], done: Callable[[str], None] = print) -> list[Row]:
    """
    Measure every kind in every service, with registers read often, daily and never.

    Args:
        count: Homes of each service and seed.
        seeds: Homes and faults follow from them.
        done: Told a line of the Markdown table whenever one is ready.
    """
    listed = []
    done("| service | register every | fault | faults | caught | told of | values kept | rightly |")
    done("|---|---|---|---|---|---|---|---|")
    for service in SERVICES:
        name = service.commodity.value.lower()
        true = np.concatenate([homes(service, count, seed) for seed in seeds])
        for register, every in REGISTERS.items():
            for kind in KINDS:
                if kind == ROLLS and every is None:
                    continue
                found = measure(kind, true, service, every, np.random.default_rng(seeds[0]))
                shares = (found.caught, found.told, found.rows, found.right)
                cells = " | ".join("-" if np.isnan(each) else f"{each:.1%}" for each in shares)
                done(f"| {name} | {register} | {kind} | {found.faults} | {cells} |")
                goal = None if every is None else "value >= 99.5"
                listed.append(_row(f"{name}.{register}.{kind}", found.caught, goal))
            vain = kept_in_vain(true, service, every)
            days = len(true) * (DAYS - HISTORY_DAYS)
            done(f"| {name} | {register} | none: kept in vain | {days} days | {vain:.3%} | | | |")
            listed.append(_row(f"{name}.{register}.kept in vain", vain, "value <= 0.1"))
    return listed


def _row(name: str, share: float, goal: str | None) -> Row:
    plain = f"faults.{name}".replace(" ", ".")
    return Row(plain, 100 * share, "%", None, None, goal, rounds=1, spread=0.0)
