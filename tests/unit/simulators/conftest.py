"""A city played to its end without a broker: who published what, and what the ledger says."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from simulators import builder
from simulators.air import Air
from simulators.calendar import LocalDay
from simulators.city import City
from simulators.collector import Backhaul, Collector, CounterFile
from simulators.fleet import Fleet, Progress
from simulators.ledger import Ledger
from simulators.load.customers import customers_of
from simulators.profiles import Profiles
from simulators.radio import Faults

START = date(2026, 11, 3)


@dataclass
class Recorder:
    """A broker and a follower in one: it takes everything at once and remembers the order."""

    published: list[tuple[int, bytes]] = field(default_factory=list)
    grants: list[tuple[int, int, Mapping[int, int], int]] = field(default_factory=list)

    async def publish(self, collector_id: int, payload: bytes) -> None:
        self.published.append((collector_id, payload))

    async def grant(self, step: int, at_s: int, seqs: Mapping[int, int]) -> None:
        self.grants.append((step, at_s, dict(seqs), len(self.published)))


@dataclass
class Played:
    """What is left of a run."""

    city: City
    recorder: Recorder
    reports: list[Progress]
    truth: Path

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.truth / f"{name}.parquet")


Play = Callable[..., Coroutine[None, None, Played]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return a function that plays a small city and returns what is left of it."""

    async def run(
        *,
        meters: int = 40,
        days: int = 2,
        seed: int = 11,
        faults: Faults = Faults.NONE,
        start: date = START,
        profiles: Profiles | None = None,
        name: str = "run",
    ) -> Played:
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        intervals = profiles.intervals() if profiles else None
        city = builder.build(meters=meters, start=start, seed=seed, intervals=intervals)
        customers = customers_of(city, profiles)
        air = Air(city, customers, faults)
        counters = CounterFile(out / "counters.json")
        collectors = [
            Collector(
                tower.collector_id,
                *counters.boot(tower.collector_id, seed),
                Backhaul(seed, tower.collector_id, city.start_s, faults),
            )
            for tower in city.registry.collectors
        ]
        recorder = Recorder()
        reports: list[Progress] = []
        with Ledger(out / "truth", city, air, customers.leaks) as ledger:
            fleet = Fleet(
                air,
                collectors=collectors,
                counters=counters,
                ledger=ledger,
                uplink=recorder,
                pace=recorder,
            )
            await fleet.run(LocalDay.of(start + timedelta(days=days)).start_s, reports.append)
            ledger.write()
        return Played(city, recorder, reports, out / "truth")

    return run
