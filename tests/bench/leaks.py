"""
`python -m tests.bench.leaks [--homes N] [--days D] [--seeds A,B]`: leaks put into homes, and found.

Homes are the simulated city's, each a household of its own; a leak is a constant flow from a random
minute on. Registers are made as coarse as asked for afterwards. Everything follows from the seeds.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from mdms.domain.readings import Int64
from simulators.calendar import LocalDay
from simulators.households import Households
from simulators.load.water import INTERVAL_S, HomeWater
from simulators.weather import Weather
from vee.leaks.day import LeakDay
from vee.leaks.journal import LeakEvent, Notice
from vee.leaks.memory import fresh
from vee.leaks.meters import Meters, Registered
from vee.leaks.rules import LeakRules
from vee.leaks.states import Signal, State
from vee.leaks.watch import advance

RULES = LeakRules.parse(
    (Path(__file__).parents[2] / "config/vee/leaks.toml").read_text(encoding="utf-8"),
    name="leaks.toml",
)
FIRST = date(2026, 6, 1)
"""Gardens are watered from here on; nobody travels over the end of the year."""
QUANTA_PER_GALLON = 10
GUARD_DAYS = RULES.guards.install_days
RESOLUTIONS = {"0.1 gal": 1, "1 gal": 10, "1 CF": 75}
RATES_GAL_H = (1.0, 2.0, 3.0, 10.0)
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Found:
    """
    What came of one rate and resolution; shares of homes, hours from the onset.

    Attributes:
        possible: Raised within 25 hours.
        confirmed: Confirmed within 49 hours.
        delay_h: Median to POSSIBLE, confirmed_h: to CONFIRMED; NaN when none was.
        rate_ok: Of those confirmed, whose rate was within a sixth of the register's step and 5 %;
            rate_ok_later: at the end of the next day.
    """

    possible: float
    confirmed: float
    delay_h: float
    confirmed_h: float
    rate_ok: float
    rate_ok_later: float


def water(homes: int, days: int, seed: int) -> list[tuple[LocalDay, Int64]]:
    """Return what homes use, day by day [0.1 gal], shape (homes, hours)."""
    source = HomeWater(
        Households(homes, seed),
        Weather(seed),
        np.arange(homes),
        np.ones(homes, np.int64),
        seed,
    )
    every = [LocalDay.of(FIRST + timedelta(days=number)) for number in range(days)]
    return [(day, source.day(day).value) for day in every]


def watched(
    days: Sequence[tuple[LocalDay, Int64]], resolution: int, leak: Int64 | None, seed: int
) -> tuple[list[LeakEvent], npt.NDArray[np.float64]]:
    """
    Return what happened at meters that count in steps, and their rates by the day [gal/h].

    Args:
        days: What their customers use [0.1 gal].
        resolution: Step of the register [0.1 gal].
        leak: What leaks in each hour of all the days [0.1 gal], shape (homes, hours).
        seed: Where registers stood.
    """
    homes = len(days[0][1])
    meters = Meters.of([_meter(resolution)] * homes, RULES)
    memory, events, rates = fresh(homes), [], []
    for day in _counted(days, resolution, leak, np.random.default_rng(seed)):
        memory, more = advance(memory, day, meters, RULES)
        events += more
        rates.append(memory["rate"] / QUANTA_PER_GALLON)
    return events, np.array(rates).T


def alarms(events: Sequence[LeakEvent], homes: int, days: int) -> tuple[float, float, float]:
    """Return what was raised, confirmed and called a burst, a year and meter; all of it false."""
    years = homes * (days - GUARD_DAYS) / 365
    raised = sum(event.signal is Signal.RAISE for event in events)
    confirmed = sum(event.notice is Notice.CONFIRMED for event in events)
    bursts = sum(event.notice is Notice.BURST for event in events)
    return raised / years, confirmed / years, bursts / years


def search(
    days: Sequence[tuple[LocalDay, Int64]], resolution: int, gal_h: float, seed: int
) -> Found:
    """Let every home leak from some minute on, and say when it was found."""
    homes, hours = len(days[0][1]), sum(value.shape[1] for _, value in days)
    rng = np.random.default_rng([seed, resolution])
    first_h = rng.uniform(24 * (GUARD_DAYS + 1), hours - 24 * 5, homes)
    share = np.clip(np.arange(hours) + 1 - first_h[:, None], 0, 1)
    rate = gal_h * QUANTA_PER_GALLON
    leak = np.diff(np.floor(np.cumsum(share * rate, axis=1) + 1e-6), prepend=0)
    onset_s = days[0][0].start_s + first_h * HOUR_S
    possible, confirmed, flow = (np.full(homes, np.nan) for _ in range(3))
    events, rates = watched(days, resolution, leak.astype(np.int64), seed)
    busy = np.zeros(homes, np.bool_)  # a case is open already: its episode goes on
    for event in events:
        if event.at_s <= onset_s[event.row]:
            busy[event.row] = event.state in (State.CONFIRMED, State.CLEARING)
    for event in events:
        row, delay_h = event.row, max(0.0, (event.at_s - onset_s[event.row]) / HOUR_S)
        if event.state is State.POSSIBLE and not possible[row] > 0:
            possible[row] = delay_h
        if event.signal is Signal.DROP and np.isnan(confirmed[row]):
            possible[row] = np.nan  # what was suspected before the leak began was withdrawn
        if event.notice is Notice.CONFIRMED and delay_h > 0 and np.isnan(confirmed[row]):
            confirmed[row], flow[row] = delay_h, event.rate_gal_h
        if event.signal is Signal.BURST and delay_h > 0 and np.isnan(confirmed[row]):
            confirmed[row], possible[row] = delay_h, np.fmin(possible[row], delay_h)
    possible, confirmed, flow = possible[~busy], confirmed[~busy], flow[~busy]
    rates, first_h = rates[~busy], first_h[~busy]
    known = np.isfinite(flow)
    a_day_later = ((first_h[known] + confirmed[known]) // 24 + 1).astype(np.int64)
    later = rates[known, np.minimum(a_day_later, len(days) - 1)]
    allowed = resolution / QUANTA_PER_GALLON / RULES.continuous.rate_window_h + 0.05 * gal_h
    return Found(
        possible=float((possible <= 25).mean()),
        confirmed=float((confirmed <= 49).mean()),
        delay_h=_median(possible),
        confirmed_h=_median(confirmed),
        rate_ok=_share(np.abs(flow[known] - gal_h) <= allowed + 1e-9),
        rate_ok_later=_share(np.abs(later - gal_h) <= allowed + 1e-9),
    )


def _median(value: npt.NDArray[np.float64]) -> float:
    known = value[np.isfinite(value)]
    return float(np.median(known)) if len(known) else np.nan


def _share(true: npt.NDArray[np.bool_]) -> float:
    return float(true.mean()) if len(true) else np.nan


def _meter(resolution: int) -> Registered:
    return Registered(
        unit="0.1gal",
        resolution=resolution,
        modulus=10**9,
        multiplier=1,
        place="single_family",
        flags=frozenset(),
        installed_s=LocalDay.of(FIRST).start_s,
        hourly=True,
    )


def _counted(
    days: Sequence[tuple[LocalDay, Int64]],
    resolution: int,
    leak: Int64 | None,
    rng: np.random.Generator,
) -> Iterator[LeakDay]:
    used = np.concatenate([value for _, value in days], axis=1)
    total = np.cumsum(used if leak is None else used + leak, axis=1)
    phase = rng.integers(0, resolution, (len(total), 1))
    steps = (total + phase) // resolution * resolution
    value = np.diff(steps, axis=1, prepend=0)
    hour = 0
    for day, use in days:
        hours = slice(hour, hour + use.shape[1])
        yield LeakDay.hourly(
            start_s=day.starts_s(INTERVAL_S),
            wall_h=day.wall_hours(INTERVAL_S).astype(np.int64),
            weekday=day.date.weekday(),
            value=value[:, hours],
            valid=np.ones_like(value[:, hours], np.bool_),
        )
        hour = hours.stop


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.leaks")
    parser.add_argument("--homes", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[1])
    options = parser.parse_args()
    console = Console(width=140)
    found = Table("seed", "register", "leak", "POSSIBLE <= 25 h", "median", "CONFIRMED <= 49 h",
                  "median", "rate within r/6 + 5 %", "a day later")  # fmt: skip
    false = Table("seed", "register", "POSSIBLE", "CONFIRMED", "bursts",
                  title="On leak-free homes, a meter-year")  # fmt: skip
    for seed in options.seeds:
        days = water(options.homes, options.days, seed)
        for name, resolution in RESOLUTIONS.items():
            events, _rates = watched(days, resolution, None, seed)
            rates = alarms(events, options.homes, options.days)
            false.add_row(str(seed), name, *(f"{rate:.2f}" for rate in rates))
            for gal_h in RATES_GAL_H:
                one = search(days, resolution, gal_h, seed)
                found.add_row(
                    str(seed), name, f"{gal_h:g} gal/h", f"{one.possible:.1%}",
                    f"{one.delay_h:.1f} h", f"{one.confirmed:.1%}", f"{one.confirmed_h:.1f} h",
                    f"{one.rate_ok:.1%}", f"{one.rate_ok_later:.1%}",
                )  # fmt: skip
    console.print(found)
    console.print(false)


if __name__ == "__main__":
    main()
