"""Water by the hour, for tests: one meter or many, days in a row."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.day import HOUR_S, LeakDay
from vee.leaks.journal import LeakEvent
from vee.leaks.memory import UNHEARD, Memory, fresh
from vee.leaks.meters import DAY_S, Meters, Registered
from vee.leaks.rules import LeakRules
from vee.leaks.watch import advance

TEXT = Path("config/vee/leaks.toml").read_text(encoding="utf-8")
RULES = LeakRules.parse(TEXT, name="leaks.toml")
START_S = 1_793_689_200
"""2026-11-03 00:00 in Palo Alto, a Tuesday."""
GAL = 10
"""Quanta of 0.1 gal."""


def home(
    *,
    resolution: int = GAL,
    unit: str = "0.1gal",
    place: str = "single_family",
    installed_s: int = 0,
    hourly: bool = True,
    modulus: int = 10**9,
) -> Registered:
    return Registered(
        unit=unit,
        resolution=resolution,
        modulus=modulus,
        multiplier=1,
        place=place,
        flags=frozenset(),
        installed_s=installed_s,
        hourly=hourly,
    )


def days(
    value: Int64,
    valid: Bool | None = None,
    registers: Mapping[int, int | Int64] | None = None,
    moving: int | None = None,
    *,
    start_s: int = START_S,
) -> Iterator[LeakDay]:
    """Cut hours, shape (meters, 24 x days), into days; registers are {hour: value at its end}."""
    value = np.atleast_2d(np.asarray(value, np.int64))
    valid = np.ones(value.shape, np.bool_) if valid is None else np.atleast_2d(valid)
    register = np.full(value.shape, UNHEARD, np.int64)
    for hour, read in (registers or {}).items():
        register[:, hour] = read
    assert value.shape[1] % 24 == 0
    for number in range(value.shape[1] // 24):
        hours = slice(24 * number, 24 * number + 24)
        yield LeakDay(
            start_s=start_s + DAY_S * number + np.arange(24, dtype=np.int64) * HOUR_S,
            wall_h=np.arange(24, dtype=np.int64),
            weekday=(1 + number) % 7,
            value=value[:, hours],
            valid=valid[:, hours],
            register=register[:, hours],
            moving=np.full(len(value), UNHEARD) if moving is None else np.atleast_1d(moving),
            quarters=96,
        )


def watch(
    given: Iterable[LeakDay],
    meters: Meters | None = None,
    *,
    memory: Memory | None = None,
    rules: LeakRules = RULES,
) -> tuple[Memory, list[LeakEvent]]:
    """Look at days; return what is known then, and what happened."""
    events: list[LeakEvent] = []
    for day in given:
        known = meters or Meters.of([home()] * len(day.value), rules)
        memory = fresh(len(known)) if memory is None else memory
        memory, more = advance(memory, day, known, rules)
        events += more
    assert memory is not None, "there is a day, or a memory"
    return memory, events


def hour_of(event: LeakEvent) -> int:
    """Return how many hours had passed when something happened."""
    return (event.at_s - START_S) // HOUR_S
