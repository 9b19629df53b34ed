"""A city played to its end without a broker: who published what, and what the ledger says."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simulators import builder
from simulators.air import Air
from simulators.backhaul import Backhaul
from simulators.calendar import LocalDay
from simulators.city import City
from simulators.collector import Collector, Topic
from simulators.counters import CounterFile
from simulators.field import Field
from simulators.fleet import Fleet, Progress
from simulators.journal import Journal, Received
from simulators.keys import Keys
from simulators.ledger import Ledger
from simulators.load.customers import customers_of
from simulators.mishaps import Mishaps
from simulators.outages import plan_outages
from simulators.profiles import Profiles
from simulators.radio import Faults
from simulators.script import Api, Director, Script
from simulators.supply import Supply

START = date(2026, 11, 3)


@dataclass
class Recorder:
    """A broker and a follower in one: it takes everything at once and remembers the order."""

    published: list[tuple[int, bytes]] = field(default_factory=list)
    topics: list[Topic] = field(default_factory=list)
    grants: list[tuple[int, int, Mapping[int, int], int]] = field(default_factory=list)
    absent: list[Mapping[int, Sequence[int]]] = field(default_factory=list)
    announced: list[dict[str, Any]] = field(default_factory=list)
    inbox: dict[int, list[Received]] = field(default_factory=dict)
    answer: Callable[[int], int] = lambda at_s: 900
    """Given the time, how far the next step may go."""
    killed_after: int | None = None
    """How many messages it takes before the process dies."""

    async def attend(self) -> None:
        """Every collector is always connected."""

    async def publish(self, collector_id: int, topic: Topic, payload: bytes) -> None:
        if len(self.published) == self.killed_after:
            raise RuntimeError("the process was killed")
        self.published.append((collector_id, payload))
        self.topics.append(topic)

    async def announce(self, collector: Collector) -> None:
        self.announced.append(collector.describe())

    def received(self) -> Sequence[Received]:
        at_s = self.grants[-1][1]
        due = [time for time in self.inbox if time <= at_s]
        return [message for time in due for message in self.inbox.pop(time)]

    async def grant(
        self,
        step: int,
        at_s: int,
        seqs: Mapping[int, int],
        absent: Mapping[int, Sequence[int]],
    ) -> int:
        self.grants.append((step, at_s, dict(seqs), len(self.published)))
        self.absent.append(absent)
        return self.answer(at_s)


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
def recorder() -> Recorder:
    """Return a broker and follower to give to `play`."""
    return Recorder()


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
        keys: Keys | None = None,
        script: Script | None = None,
        api: Api | None = None,
        inbox: Mapping[int, list[Received]] | None = None,
        answer: Callable[[int], int] = lambda at_s: 900,
        settle: bool = False,
        recorder: Recorder | None = None,
    ) -> Played:
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        intervals = profiles.intervals() if profiles else None
        city = builder.build(meters=meters, start=start, seed=seed, intervals=intervals)
        customers = customers_of(city, profiles)
        end_s = LocalDay.of(start + timedelta(days=days)).start_s
        script = script or Script()
        outages = plan_outages(city, script.cuts, end_s=end_s, faults=faults)
        air = Air(city, customers, faults, supply=Supply(outages), keys=keys)
        meters_field = Field(city, air, keys=keys, faults=faults)
        counters = CounterFile(out / "counters.json")
        path = out / "journal.jsonl"
        journal = Journal.resume(path, {})
        if journal is None:
            ids = [tower.collector_id for tower in city.registry.collectors]
            journal = Journal.begin(path, {}, {key: counters.boot(key, seed) for key in ids})
        collectors = [
            Collector(
                key, *boot, Backhaul(seed, key, city.start_s, faults), Mishaps(seed, key, faults)
            )
            for key, boot in journal.boots.items()
        ]
        recorder = recorder or Recorder()
        recorder.inbox, recorder.answer = dict(inbox or {}), answer
        reports: list[Progress] = []
        with Ledger(out / "truth", city, air, customers.leaks, meters_field.log) as ledger:
            fleet = Fleet(
                meters_field,
                start_s=city.start_s,
                collectors=collectors,
                counters=counters,
                ledger=ledger,
                uplink=recorder,
                pace=recorder,
                director=Director(script, meters_field, api),
                journal=journal,
            )
            await fleet.run(end_s, reports.append)
            if settle:
                await fleet.settle()
            ledger.write()
        return Played(city, recorder, reports, out / "truth")

    return run
