"""
`python -m tests.bench.net [--data DIR] [--gaps N] [--seed S]`: net energy of homes with a roof.

No meter here counts net energy: delivered and received are estimated apart (vee.md 8.6), and what
one estimate is less the other is compared with what was delivered less what was received.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench.accuracy import METHODS, ROWS_MAX, Hidden, gaps_of
from tests.bench.homes import Sample, samples

NAMES = ("standard unscaled", "engine unscaled", "standard", "H1", "engine")


def pairs(found: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    """Yield samples of delivered energy, each with that of what the same homes gave."""
    by_name = {sample.name: sample for sample in found}
    for name, delivered in by_name.items():
        received = by_name.get(name.removesuffix(".delivered") + ".received")
        if name.endswith(".delivered") and received is not None:
            yield delivered, received


def wape(
    delivered: Sample, received: Sample, hours: int, count: int, seed: int
) -> dict[str, float]:
    """Return the sum of absolute errors of net energy [% of its absolute values] by method."""
    error, usage = dict.fromkeys(NAMES, 0.0), 0.0
    gaps = gaps_of(delivered, hours, count, seed)
    for number, homes in enumerate(zip(delivered.homes, received.homes, strict=True)):
        mine = [gap for gap in gaps if gap.home == number]
        for start in range(0, len(mine), ROWS_MAX):
            part = mine[start : start + ROWS_MAX]
            takes, gives = (Hidden.of(home, part, linear=True) for home in homes)
            net = takes.truth - gives.truth
            usage += float(np.abs(net).sum())
            for name in NAMES:
                filled = METHODS[name](takes) - METHODS[name](gives)
                error[name] += float(np.abs(filled - net).sum())
    return {name: 100 * each / usage for name, each in error.items()}


def rows(
    found: Sequence[Sample], count: int, seed: int, done: Callable[[str], None] = print
) -> None:
    """Tell a Markdown table of all pairs and lengths."""
    done(f"| homes | gap | {' | '.join(NAMES)} |")
    done("|---|---|" + "---|" * len(NAMES))
    for delivered, received in pairs(found):
        for hours in delivered.hours:
            cells = wape(delivered, received, hours, count, seed)
            name = delivered.name.removesuffix(".delivered")
            done(f"| {name} | {hours} h | {' | '.join(f'{cells[each]:.1f}' for each in NAMES)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.net")
    parser.add_argument("--data", type=Path, help="folder of real series")
    parser.add_argument("--gaps", type=int, default=600, metavar="N", help="of each length")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows(samples(options.data), options.gaps, options.seed)
