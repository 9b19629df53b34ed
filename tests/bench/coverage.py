"""
`python -m tests.bench.coverage [--data DIR] [--gaps N] [--seed S]`: what P10 and P90 hold.

Gaps are those of the accuracy of estimates; 80 % are meant, and 10 on either side.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdms.domain.readings import Bool
from tests.bench.accuracy import ROWS_MAX, RULES, Gap, Hidden, gaps_of
from tests.bench.homes import Sample, samples
from vee.examination import examine
from vee.explanation import bands
from vee.kernels.gaps import Float
from vee.shapes import Shaper

HOURS = (2, 6, 24)


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    Where hidden values lie, against P10 and P90 as people see them [% of the values].

    Attributes:
        inside: Between the two, or on one of them.
        below: Below P10.
        above: Above P90.
        half: Inside, those on an edge counted half: whole values of few quanta often lie there.
    """

    inside: float
    below: float
    above: float
    half: float


def coverage(sample: Sample, gaps: Sequence[Gap]) -> Coverage:
    """Return how hidden values lie against P10 and P90 of what resembles them."""
    parts = [
        _sides(Hidden.of(home, mine[start : start + ROWS_MAX], linear=sample.linear))
        for number, home in enumerate(sample.homes)
        for mine in [[gap for gap in gaps if gap.home == number]]
        for start in range(0, len(mine), ROWS_MAX)
    ]
    over, under = np.concatenate(parts, axis=1)
    inside, edge = (over >= 0) & (under >= 0), (over == 0) | (under == 0)
    return Coverage(
        inside=_per_cent(inside),
        below=_per_cent(over < 0),
        above=_per_cent(under < 0),
        half=_per_cent(inside & ~edge) + _per_cent(inside & edge) / 2,
    )


def _per_cent(mask: Bool) -> float:
    return 100 * float(mask.mean())


def _sides(hidden: Hidden) -> Float:
    """Return how far hidden values are above P10 and below P90, if known, shape (2, known)."""
    found = examine(hidden.block, RULES)
    ahead = np.ones(len(hidden.block.slots.days), np.bool_)
    low, high = np.rint(bands(Shaper.of(found, hidden.cells, RULES, ahead=ahead)).T)
    known = ~np.isnan(low)
    return np.stack([hidden.truth - low, high - hidden.truth])[:, known]


def rows(
    found: Iterable[Sample], count: int, seed: int, done: Callable[[str], None] = print
) -> None:
    """Tell a Markdown table of all samples and lengths."""
    done("| homes | gap | held | below P10 | above P90 | edges half |")
    done("|---|---|---|---|---|---|")
    for sample in found:
        for hours in HOURS:
            held = coverage(sample, gaps_of(sample, hours, count, seed))
            done(
                f"| {sample.name} | {hours} h | {held.inside:.0f} | {held.below:.0f} "
                f"| {held.above:.0f} | {held.half:.0f} |"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.coverage")
    parser.add_argument("--data", type=Path, help="folder of real series")
    parser.add_argument("--gaps", type=int, default=400, metavar="N", help="of each length")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows(samples(options.data), options.gaps, options.seed)
