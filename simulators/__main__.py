"""
The simulator as a process of its own: `python -m simulators registry|run`.

Exit status: 0 done, 2 usage, 128 + signal when a run was stopped before its end.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from mdms.domain.errors import UsageError
from mdms.domain.time import from_epoch_s
from simulators import builder, registry_files
from simulators.air import Air
from simulators.calendar import LocalDay, next_office_morning
from simulators.city import City
from simulators.collector import Backhaul, Collector, CounterFile
from simulators.fleet import Fleet, Progress
from simulators.ledger import Ledger
from simulators.load.customers import customers_of
from simulators.mqtt import Broker, MqttPace, MqttUplink, Pause
from simulators.profiles import Profiles
from simulators.radio import Faults

_EXIT_USAGE = 2
_EXIT_SIGNAL = 128
_CANCEL_AGAIN_S = 0.5
_METERS_MAX = 5_000_000


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


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--out", type=Path, required=True, metavar="DIR", help="where files go")
    shared.add_argument(
        "--meters", type=_count, default=300, metavar="N", help="meters of all commodities (300)"
    )
    shared.add_argument(
        "--days", type=_count, default=35, metavar="D", help="local days to simulate (35)"
    )
    shared.add_argument(
        "--start", type=_date, default=date(2026, 11, 3), metavar="DATE",
        help="first local day, America/Los_Angeles (2026-11-03)",
    )  # fmt: skip
    shared.add_argument(
        "--seed", type=_seed, default=11, metavar="S", help="same seed, same bytes (11)"
    )
    shared.add_argument(
        "--profiles", type=Path, metavar="DIR", help="replay the real households in this folder"
    )

    parser = argparse.ArgumentParser(
        prog="python -m simulators",
        description="A seeded city whose meters are read by five collectors.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="registry|run")
    commands.add_parser(
        "registry", parents=[shared], help="write DIR/registry/*.csv",
        description="Write the registry of the city as CSV files into DIR/registry.",
    )  # fmt: skip
    run = commands.add_parser(
        "run", parents=[shared], help="publish the city's readings through a broker",
        description="Publish what the collectors hear, step by step with those who follow the "
        "simulated clock; print progress as JSON lines; write the truth into DIR/truth.",
    )  # fmt: skip
    run.add_argument(
        "--broker", type=_broker, required=True, metavar="URL", help="mqtt://HOST:PORT"
    )
    run.add_argument(
        "--faults", type=Faults, choices=list(Faults), default=Faults.NORMAL,
        help="what goes wrong (normal)",
    )  # fmt: skip
    run.add_argument("--utility", type=_word, default="cpau", metavar="CODE", help="(cpau)")
    run.add_argument(
        "--followers", type=_names, default=("daemon",), metavar="NAMES",
        help="who must answer each step, separated by commas (daemon)",
    )  # fmt: skip
    run.add_argument(
        "--serve", action="store_true",
        help="go on to the next Mon-Thu 10:00 that is no holiday, then in real time",
    )  # fmt: skip
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _METERS_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {_METERS_MAX}")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date; write 2026-11-03") from None


def _broker(text: str) -> Broker:
    try:
        return Broker.of(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _word(text: str) -> str:
    if not text.isascii() or not text.isalnum():
        raise argparse.ArgumentTypeError(f"{text} is no utility code; use letters and digits")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(_word(name) for name in text.split(","))


def _report(progress: Progress) -> None:
    line = asdict(progress)
    line["at"] = f"{from_epoch_s(line.pop('at_s')):%Y-%m-%dT%H:%M:%SZ}"
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def _run(options: argparse.Namespace) -> int:
    """Run until the end or until asked to stop; the truth so far is written either way."""
    stage = _stage(options)
    customers = customers_of(stage.city, stage.profiles)
    air = Air(stage.city, customers, options.faults)
    counters = CounterFile(options.out / "counters.json")
    collectors = [
        Collector(
            tower.collector_id,
            *counters.boot(tower.collector_id, options.seed),
            Backhaul(options.seed, tower.collector_id, stage.city.start_s, options.faults),
        )
        for tower in stage.city.registry.collectors
    ]
    pause = asyncio.sleep  # noqa: TID251 - this process's real clock is handed down from here
    uplink = MqttUplink(options.broker, options.utility, collectors, pause)
    pace = MqttPace(options.broker, options.utility, options.followers, pause)
    with Ledger(options.out / "truth", stage.city, air, customers.leaks) as ledger:
        fleet = Fleet(
            air,
            collectors=collectors,
            counters=counters,
            ledger=ledger,
            uplink=uplink,
            pace=pace,
        )
        playing = asyncio.create_task(
            _play(fleet, ledger, stage.end_s, pause if options.serve else None)
        )
        try:
            stopped_by = await _until_done_or_stopped(playing)
            finished = not playing.cancelled() and await playing
        finally:
            await uplink.close()
            await pace.close()
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


async def _play(fleet: Fleet, ledger: Ledger, end_s: int, serve: Pause | None) -> bool:
    """
    Play all days, and serve afterwards when there is a real clock to go by.

    Returns:
        Whether all days were simulated; when stopped, the truth of what was is written too.
    """
    finished = False
    try:
        await fleet.run(end_s, _report)
        ledger.write()
        finished = True
        _report(fleet.progress(end_s, done=True))
        if serve is not None:
            await fleet.continue_until(next_office_morning(end_s))
            await fleet.keep_time(serve, asyncio.get_running_loop().time)
    except asyncio.CancelledError:
        ledger.write()
        if not finished:
            _report(fleet.progress(end_s, done=False))
    return finished


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    options = _parser().parse_args(arguments)
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
