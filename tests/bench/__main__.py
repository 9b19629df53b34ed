"""
`python -m tests.bench [--only AREAS] [--rounds N] [--data DIR] [--out FILE]`.

Areas are ingest, backlog, scale, timescale, vee, billing, billing_scale, files, command, panels,
api, accuracy and faults.

Accuracy and faults have no rate and no rounds, and command and accuracy take minutes: they are
measured only when they are asked for. Backlog, scale and timescale, too, wait to be asked, the last
with --timescale DSN.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from mdms.telemetry import logging
from tests.bench import (
    accuracy,
    api,
    billing,
    billing_scale,
    command,
    faults,
    files,
    homes,
    ingest,
    ingest_backlog,
    ingest_scale,
    ingest_timescale,
    panels,
    report,
    vee,
)

AREAS = {
    "ingest": ingest.rows,
    "backlog": ingest_backlog.rows,
    "scale": ingest_scale.rows,
    "vee": vee.rows,
    "billing": billing.rows,
    "billing_scale": billing_scale.rows,
    "files": files.rows,
    "command": command.rows,
    "panels": panels.rows,
    "api": api.rows,
}
UNASKED = ("ingest", "vee", "billing", "files")
"""What is measured when no area is named."""
FEW_GAPS = 300
"""Of each length in homes with little history: that many lie in their few days."""
ACCURACY, FAULTS, TIMESCALE = "accuracy", "faults", "timescale"
WIDTH = 150
"""Columns of a table that is not printed to a terminal."""


def main(arguments: list[str]) -> None:
    """Measure the areas that were asked for, print and write what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    every = [*AREAS, TIMESCALE, ACCURACY, FAULTS]
    parser.add_argument("--only", type=_areas, default=list(UNASKED), metavar=",".join(every))
    parser.add_argument("--rounds", type=_count, default=5, metavar="N")
    parser.add_argument("--data", type=Path, help="folder of real series, for accuracy")
    parser.add_argument("--timescale", metavar="DSN", help="a TimescaleDB of this machine")
    parser.add_argument("--gaps", type=_count, default=1500, metavar="N", help="of each length")
    parser.add_argument("--homes", type=_count, default=250, metavar="N", help="for faults, twice")
    parser.add_argument("--seed", type=int, default=1, help="what gaps and faults follow from")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(arguments)
    if TIMESCALE in options.only and not options.timescale:
        parser.error("timescale needs --timescale DSN")
    logging.configure("warning", "auto")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    measured = []
    for area in options.only:
        if area == ACCURACY:
            found = homes.samples(options.data)
            measured += accuracy.rows(found, gaps=options.gaps, seed=options.seed)
            few = [homes.young(each, days) for days in homes.YOUNG_DAYS for each in found]
            measured += accuracy.rows(few, gaps=min(options.gaps, FEW_GAPS), seed=options.seed)
            continue
        if area == FAULTS:
            measured += faults.rows(options.homes, seeds=(options.seed, options.seed + 1))
            continue
        if area == TIMESCALE:
            rows = ingest_timescale.rows(options.rounds, options.timescale)
        else:
            rows = AREAS[area](options.rounds)
        report.show(area, rows, console)
        measured += rows
    report.write(options.out, measured)
    console.print(f"written to {options.out}")


def _areas(text: str) -> list[str]:
    areas = [area for area in (*AREAS, TIMESCALE, ACCURACY, FAULTS) if area in text.split(",")]
    unknown = set(text.split(",")) - set(areas)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such area: {', '.join(sorted(unknown))}")
    return areas


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least one")
    return count


if __name__ == "__main__":
    main(sys.argv[1:])
