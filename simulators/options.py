"""The command line of the simulator."""

import argparse
from datetime import date
from pathlib import Path

from mdms.domain.errors import UsageError
from simulators.mqtt import Broker
from simulators.radio import Faults

_METERS_MAX = 5_000_000


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
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

    program = argparse.ArgumentParser(
        prog="python -m simulators",
        description="A seeded city whose meters are read by five collectors.",
    )
    commands = program.add_subparsers(dest="command", required=True, metavar="registry|run")
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
        "--keys", type=Path, metavar="DIR",
        help="keys (command.toml, read.toml, collectors.toml); without them meters obey nobody",
    )  # fmt: skip
    run.add_argument(
        "--script", type=Path, metavar="FILE", help="calls, outages and faults as they come (JSON)"
    )
    run.add_argument("--api", metavar="URL", help="where the script's calls go")
    run.add_argument(
        "--token-file", type=Path, metavar="FILE", help="JSON object: a token for each name"
    )
    run.add_argument(
        "--serve", action="store_true",
        help="go on to the next Mon-Thu 10:00 that is no holiday, then in real time",
    )  # fmt: skip
    run.add_argument(
        "--serve-after", type=Path, metavar="FILE",
        help="with --serve: time stands still after the last day until this file is there",
    )  # fmt: skip
    return program


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
