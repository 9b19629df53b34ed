"""
Run a demo as real processes and break them at seeded moments.

The seed decides who is hit how at which part of the run; everything else is the run's own. Who is
away when a blow is due, still down from the one before, is hit when it is there again.

A limit of the broker's own queue cannot be drawn here: time goes in lockstep, so that a broker
never holds more than one step, and the time itself is among it: dropped, it stands still. What a
full queue does to collectors, who are told that all is well, is a mishap of the storm
(`simulators.mishaps`); a real broker at its limit is in `test_broker_limits`, and one in memory in
`world`.
"""

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import psutil

from tests.faults.nursery import Forked, Nursery

_TICK_S = 0.02
_TAIL_BYTES = 65_536
"""The last step lies within; a step's line holds the requests that collectors heard."""
_RUN_S_MAX = 3_600.0


class Blow(StrEnum):
    """What is done to a process."""

    KILL = "kill"
    FREEZE = "freeze"
    """Everything of it stands still for seconds: slow, then absent, then there again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One blow, at a share of the simulated time."""

    at: float
    process: str
    blow: Blow
    freeze_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run, and what breaks it."""

    seed: int
    meters: int
    days: int
    weather: str
    faults: tuple[Fault, ...]
    script: Path | None = None
    """What people do; None for what they do in every demo."""

    def __str__(self) -> str:
        blows = ", ".join(f"{f.blow} {f.process} at {f.at:.2f}" for f in self.faults)
        return f"seed {self.seed}: {self.meters} meters, {self.days} days, {self.weather}: {blows}"


def scenario(
    seed: int,
    *,
    meters: int,
    days: int,
    weather: str = "storm",
    daemon_kills: int = 5,
    moments: Sequence[float] = (),
) -> Scenario:
    """
    Draw a scenario: kills of the daemon, one of broker, database and signer each, a slow database.

    `moments` are shares of the time at which something is under way; any time without them.
    """
    rng = random.Random(seed)
    hits = [("daemon", Blow.KILL)] * daemon_kills
    hits += [("broker", Blow.KILL), ("database", Blow.KILL), ("database", Blow.FREEZE)]
    hits += [("signer", Blow.KILL)]
    faults = [
        Fault(
            rng.choice(moments) if moments else rng.uniform(0.05, 0.98),
            process,
            blow,
            rng.uniform(0.5, 3.0),
        )
        for process, blow in hits
    ]
    return Scenario(seed, meters, days, weather, tuple(sorted(faults, key=lambda f: f.at)))


class RunFailedError(Exception):
    """The run itself did not end well."""


def run(plan: Scenario, directory: Path) -> list[str]:
    """
    Play a scenario to its end and return what was done, in order.

    Raises:
        RunFailedError: The demo ended with an error, or not at all.
    """
    log = directory.with_name(f"{directory.name}.log")
    arguments: list[object] = [
        "demo", "--meters", plan.meters, "--days", plan.days,
        "--seed", plan.seed, "--faults", plan.weather, "--out", directory,
    ]  # fmt: skip
    if plan.script is not None:
        arguments += ["--script", plan.script]
    demo = _nursery().fork("tests.faults.nursery", [str(each) for each in arguments], log)
    try:
        done = _break(plan, directory, demo)
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait()
    if demo.returncode:
        raise RunFailedError(f"{plan}\n{log.read_text(errors='replace')[-4000:]}")
    return done


@cache
def _nursery() -> Nursery:
    """Return the one that all runs of this process share."""
    return Nursery()


def _break(plan: Scenario, directory: Path, demo: Forked) -> list[str]:
    """Deal each blow when its time has come, then wait for the end."""
    done = []
    whole_s = plan.days * 86_400
    waiting = list(plan.faults)
    deadline_s = time.monotonic() + _RUN_S_MAX
    while demo.poll() is None:
        if time.monotonic() > deadline_s:
            raise RunFailedError(f"{plan}\nno end after {_RUN_S_MAX:.0f} s")
        if waiting and _elapsed_s(directory) >= waiting[0].at * whole_s:
            fault = waiting[0]
            if _deal(fault, directory):
                done.append(f"{fault.blow} {fault.process} at {fault.at:.2f}")
                waiting.pop(0)
        time.sleep(_TICK_S)
    if waiting:
        done.append(f"{len(waiting)} blows came too late")
    return done


def _elapsed_s(directory: Path) -> int:
    """
    Return how many simulated seconds have passed, by the simulator's journal.

    None have where the run is over: what follows is the proof, which no blow is meant for.
    """
    try:
        with (directory / "journal.jsonl").open("rb") as journal:
            head = journal.readline(), journal.readline()
            journal.seek(max(journal.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
            *whole, _unfinished = journal.read().split(b"\n")
    except FileNotFoundError:
        return 0
    steps = [json.loads(line) for line in whole[1:]]
    times_s = [step["at"] for step in steps if "at" in step]
    is_over = bool(steps) and "end" in steps[-1]
    return 0 if is_over or not times_s else times_s[-1] - json.loads(head[1])["at"]


def _deal(fault: Fault, directory: Path) -> bool:
    """Hit a process; return False if it was not there to be hit."""
    pid = json.loads((directory / "processes.json").read_text()).get(fault.process)
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if fault.blow is Blow.KILL:
            os.kill(pid, signal.SIGKILL)
            return True
        family = [process, *process.children(recursive=True)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.suspend()
        time.sleep(fault.freeze_s)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.resume()
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
    return True
