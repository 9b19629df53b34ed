"""
The simulator as a process of its own: `python -m simulators registry|run`.

Exit status: 0 done, 2 usage, 128 + signal when a run was stopped before its end. A run that was
killed or stopped goes on where it was when it is started again with the same arguments.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from mdms.domain.errors import UsageError
from mdms.domain.time import from_epoch_s
from simulators import builder, registry_files
from simulators.air import Air
from simulators.backhaul import Backhaul
from simulators.calendar import LocalDay, next_office_morning
from simulators.city import City
from simulators.collector import Collector
from simulators.counters import CounterFile
from simulators.field import Field
from simulators.fleet import Fleet, Progress
from simulators.journal import Journal
from simulators.keys import Keys
from simulators.ledger import Ledger
from simulators.load.customers import customers_of
from simulators.mishaps import Mishaps
from simulators.mqtt import MqttPace, MqttUplink, Pause
from simulators.options import parser
from simulators.outages import plan_outages
from simulators.profiles import Profiles
from simulators.radio import Faults
from simulators.script import Director, HttpApi, Script
from simulators.supply import Supply

_EXIT_USAGE = 2
_EXIT_SIGNAL = 128
_CANCEL_AGAIN_S = 0.5
_LOOK_AGAIN_S = 0.2
_LOOK_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Stage:
    """The city of a command line, and who lives in it."""

    city: City
    profiles: Profiles | None
    end_s: int


def _stage(options: argparse.Namespace) -> Stage:
    profiles = Profiles.read(options.profiles, options.seed) if options.profiles else None
    city = builder.build(
        meters=options.meters,
        start=options.start,
        seed=options.seed,
        intervals=profiles.intervals() if profiles else None,
    )
    end_s = LocalDay.of(options.start + timedelta(days=options.days)).start_s
    return Stage(city, profiles, end_s)


def _report(progress: Progress) -> None:
    line = asdict(progress)
    line["at"] = f"{from_epoch_s(line.pop('at_s')):%Y-%m-%dT%H:%M:%SZ}"
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _journal(
    options: argparse.Namespace, script: Script, counters: CounterFile, city: City
) -> Journal:
    """Go on with the journal of an unfinished run of the same kind, or begin one."""
    arguments = {
        "meters": options.meters,
        "days": options.days,
        "start": options.start.isoformat(),
        "seed": options.seed,
        "profiles": str(options.profiles),
        "faults": options.faults.value,
        "script": repr(script),
        "has_keys": options.keys is not None,
    }
    path = options.out / "journal.jsonl"
    journal = Journal.resume(path, arguments)
    if journal is None:
        ids = [tower.collector_id for tower in city.registry.collectors]
        boots = {collector_id: counters.boot(collector_id, options.seed) for collector_id in ids}
        journal = Journal.begin(path, arguments, boots)
    return journal


def _tokens(path: Path) -> Mapping[str, str]:
    """
    Read whose calls are made with which token.

    Raises:
        UsageError: The file holds no such object.
    """
    try:
        tokens: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} holds no tokens: {error}") from error
    if not isinstance(tokens, dict):
        raise UsageError(f"{path} holds no tokens: a JSON object of names and tokens is due")
    return {str(name): str(token) for name, token in tokens.items()}


async def _run(options: argparse.Namespace) -> int:
    """Run until the end or until asked to stop; the truth of the days is written either way."""
    stage = _stage(options)
    city, faults = stage.city, options.faults
    script = Script.load(options.script) if options.script else Script()
    keys = Keys.load(options.keys) if options.keys else None
    customers = customers_of(city, stage.profiles)
    outages = plan_outages(city, script.cuts, end_s=stage.end_s, faults=faults)
    air = Air(city, customers, faults, supply=Supply(outages), keys=keys)
    field = Field(city, air, keys=keys, faults=faults)
    counters = CounterFile(options.out / "counters.json")
    journal = _journal(options, script, counters, city)
    collectors = [
        Collector(
            collector_id,
            *boot,
            Backhaul(options.seed, collector_id, city.start_s, faults),
            Mishaps(options.seed, collector_id, faults),
            key=keys.collectors.get(collector_id) if keys else None,
        )
        for collector_id, boot in journal.boots.items()
    ]
    pause = asyncio.sleep  # noqa: TID251 - this process's real clock is handed down from here
    async with AsyncExitStack() as stack:
        uplink = MqttUplink(options.broker, options.utility, collectors, pause)
        stack.push_async_callback(uplink.close)
        pace = MqttPace(options.broker, options.utility, options.followers, pause)
        stack.push_async_callback(pace.close)
        api = None
        if options.api and options.token_file:
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=options.api))
            tokens = _tokens(options.token_file)
            api = HttpApi(client, tokens, options.out / "script.jsonl", pause)
        elif script.calls:
            raise UsageError("a script with calls needs --api and --token-file")
        ledger = stack.enter_context(
            Ledger(options.out / "truth", city, air, customers.leaks, field.log)
        )
        fleet = Fleet(
            field,
            start_s=city.start_s,
            collectors=collectors,
            counters=counters,
            ledger=ledger,
            uplink=uplink,
            pace=pace,
            director=Director(script, field, api),
            journal=journal,
        )
        settles = faults is Faults.STORM and not options.serve
        playing = asyncio.create_task(
            _play(
                fleet,
                ledger,
                stage.end_s,
                pause if options.serve else None,
                settles=settles,
                serve_after=options.serve_after,
            )
        )
        stopped_by = await _until_done_or_stopped(playing)
        finished = not playing.cancelled() and await playing
        if finished:
            journal.end()
    return 0 if finished else _EXIT_SIGNAL + stopped_by


async def _until_done_or_stopped(playing: asyncio.Task[bool]) -> int:
    """Return when the task has ended, and the number of the signal that ended it, or 0."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    numbers: list[int] = []

    def stop(number: int) -> None:
        numbers.append(number)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    while not playing.done():
        # Once may not be enough: Python 3.11's wait_for loses a cancellation that comes together
        # with the result it waits for.
        playing.cancel()
        await asyncio.wait({playing}, timeout=_CANCEL_AGAIN_S)
    return numbers[0] if numbers else 0


async def _play(
    fleet: Fleet,
    ledger: Ledger,
    end_s: int,
    serve: Pause | None,
    *,
    settles: bool,
    serve_after: Path | None,
) -> bool:
    """
    Play all days, and serve afterwards when there is a real clock to go by.

    Returns:
        Whether all days were simulated; when stopped before, the truth of what was is written too.
        What is served afterwards is in no file: the truth stays that which others were compared to.
    """
    finished = False
    try:
        await fleet.run(end_s, _report)
        if settles:
            await fleet.settle()
        ledger.write()
        finished = True
        _report(fleet.progress(end_s, done=True))
        if serve is not None:
            while serve_after is not None and not await asyncio.to_thread(serve_after.exists):
                await serve(_LOOK_AGAIN_S)
            await fleet.continue_until(next_office_morning(end_s))
            _report(fleet.progress(end_s, done=True))
            await fleet.keep_time(serve, asyncio.get_running_loop().time)
    except asyncio.CancelledError:
        if not finished:
            ledger.write()
            _report(fleet.progress(end_s, done=False))
    return finished


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    options = parser().parse_args(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if options.command == "registry":
            registry_files.write(_stage(options).city.registry, options.out / "registry")
            return 0
        return asyncio.run(_run(options))
    except (UsageError, OSError) as error:
        sys.stderr.write(f"python -m simulators: {error}\n")
        return _EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
