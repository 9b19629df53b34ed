"""`python -m tests.bench [--only ingest,vee,billing] [--rounds N] [--out FILE]`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from mdms.telemetry import logging
from tests.bench import billing, ingest, report, vee

AREAS = {"ingest": ingest.rows, "vee": vee.rows, "billing": billing.rows}
WIDTH = 150
"""Columns of a table that is not printed to a terminal."""


def main(arguments: list[str]) -> None:
    """Measure the areas that were asked for, print and write what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--only", type=_areas, default=list(AREAS), metavar=",".join(AREAS))
    parser.add_argument("--rounds", type=_rounds, default=5, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(arguments)
    logging.configure("warning", "auto")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    measured = []
    for area in options.only:
        rows = AREAS[area](options.rounds)
        report.show(area, rows, console)
        measured += rows
    report.write(options.out, measured)
    console.print(f"written to {options.out}")


def _areas(text: str) -> list[str]:
    areas = [area for area in AREAS if area in text.split(",")]
    unknown = set(text.split(",")) - set(AREAS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such area: {', '.join(sorted(unknown))}")
    return areas


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError("at least one round")
    return rounds


if __name__ == "__main__":
    main(sys.argv[1:])
