"""What every seed puts to the test, told without a process: a draw depends on its seed only."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mdms.domain.time import from_epoch_s
from simulators.script import Call, Script
from tests.faults import people
from tests.faults.harness import Scenario, scenario

SEEDS = range(6_000, 6_100)
MIDNIGHT = datetime.fromisoformat("2026-11-03T08:00Z")
STALE_AFTER = timedelta(minutes=15)
TOO_LATE = MIDNIGHT + timedelta(hours=15)


@dataclass(frozen=True)
class Asked:
    """One command that is asked for; `fed_at` is how far the customer system's feed has come."""

    at: datetime
    action: str
    meter: str
    fed_at: datetime

    @property
    def on_time(self) -> bool:
        return self.at - self.fed_at < STALE_AFTER and self.at < TOO_LATE


@dataclass(frozen=True)
class Drawn:
    seed: int
    deeds: people.Deeds
    script: Script
    asked: list[Asked]
    plan: Scenario


@pytest.fixture(scope="module")
def draws(tmp_path_factory: pytest.TempPathFactory) -> list[Drawn]:
    path = tmp_path_factory.mktemp("people") / "script.json"
    return [_drawn(seed, path) for seed in SEEDS]


def _drawn(seed: int, path: Path) -> Drawn:
    deeds = people.draw(seed, path, meters=40)
    plan = scenario(
        seed, meters=40, days=1, weather="normal", daemon_kills=3, moments=deeds.moments
    )
    script = Script.load(path)
    return Drawn(seed, deeds, script, list(_asked(script.calls)), plan)


def _asked(calls: Sequence[Call]) -> Iterator[Asked]:
    fed_at = MIDNIGHT
    for call in calls:
        if _is_feed(call):
            fed_at = from_epoch_s(call.at_s)
        if call.path == "/v1/controls":
            at = from_epoch_s(call.at_s)
            yield Asked(at, call.body["action"], call.body["meter"], fed_at)


def _is_feed(call: Call) -> bool:
    return call.path == "/v1/facts" and call.body["facts"][0]["fact"] == "payments_through"


def test_every_seed_opens_and_closes_two_switches_that_nobody_else_asks_for(
    draws: list[Drawn],
) -> None:
    for drawn in draws:
        undisturbed = {
            opened.meter
            for opened, closed in pairwise(drawn.asked)
            if (opened.action, closed.action) == ("disconnect", "reconnect")
            and opened.meter == closed.meter
            and opened.on_time
            and closed.at - opened.at >= timedelta(minutes=15)
            and closed.at < drawn.deeds.dead_from
        }
        assert len(undisturbed) == 2, f"seed {drawn.seed}"


def test_every_open_has_a_second_person_at_once(draws: list[Drawn]) -> None:
    for drawn in draws:
        opens = Counter(
            (each.at, each.meter) for each in drawn.asked if each.action == "disconnect"
        )
        approvals = Counter(
            (from_epoch_s(call.at_s), call.newest_of)
            for call in drawn.script.calls
            if call.path.endswith("/approve")
        )
        assert opens == approvals, f"seed {drawn.seed}"


def test_some_seeds_ask_for_what_is_forbidden_in_each_way(draws: list[Drawn]) -> None:
    asked = [each for drawn in draws for each in drawn.asked]
    opens = [each for each in asked if each.action == "disconnect"]

    assert sum(each.at - each.fed_at >= STALE_AFTER and each.at < TOO_LATE for each in opens) > 50
    assert sum(each.at >= TOO_LATE for each in opens) > 50
    assert sum(each.at.second != 0 for each in asked) > 100, "the last command is on its way"
    kinds = Counter(
        (before.action, after.action)
        for drawn in draws
        for before, after in pairwise(
            each for each in drawn.asked if each.meter != drawn.deeds.dead
        )
    )
    assert min(kinds["reconnect", "reconnect"], kinds["disconnect", "arm"]) > 20


def test_a_dead_meter_is_asked_to_open_and_twice_whether_it_lives(draws: list[Drawn]) -> None:
    for drawn in draws:
        after = [
            each.action
            for each in drawn.asked
            if each.meter == drawn.deeds.dead and each.at > drawn.deeds.dead_from
        ]
        assert after == ["disconnect", "ping", "ping"], f"seed {drawn.seed}"


def test_every_blow_falls_within_a_minute_of_a_command_that_is_asked_for(
    draws: list[Drawn],
) -> None:
    for drawn in draws:
        for fault in drawn.plan.faults:
            at = MIDNIGHT + timedelta(days=fault.at)
            assert any(
                timedelta() <= at - each.at < timedelta(minutes=1) for each in drawn.asked
            ), f"seed {drawn.seed}: {fault}"


def test_time_stops_when_somebody_asks(draws: list[Drawn]) -> None:
    quarter = timedelta(minutes=15)
    for drawn in draws:
        times = {each.at for each in drawn.asked}
        for at in times:
            before = at - timedelta(seconds=1)
            assert (at - MIDNIGHT) % quarter == timedelta() or before in times, f"{drawn.seed}"
