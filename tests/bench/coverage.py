"""
`python -m tests.bench.coverage [--data DIR] [--gaps N] [--seed S]`: what P10 and P90 hold.

Gaps are those of the accuracy of estimates; 80 % are meant, and 10 on either side. Of whole values
that are few, no band holds just that, so it is also measured with ties broken by lot.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdms.domain.readings import Bool
from tests.bench.accuracy import ROWS_MAX, RULES, Gap, Hidden, gaps_of
from tests.bench.homes import Sample, samples
from vee.estimation import question
from vee.examination import examine
from vee.explanation import BAND, bands
from vee.kernels.gaps import Float
from vee.kernels.windows import Search
from vee.shapes import Shaper

HOURS = (2, 6, 24)


@dataclass(frozen=True, slots=True)
class Sides:
    """Where hidden values lie, against a band [% of the values]; on its edge is inside."""

    below: float
    inside: float
    above: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    Where hidden values lie, against P10 and P90.

    Attributes:
        seen: Against both as people see them, in whole quanta.
        drawn: Against both levels of what the windows show, ties broken by lot; see drawn().
    """

    seen: Sides
    drawn: Sides


def coverage(sample: Sample, gaps: Sequence[Gap]) -> Coverage:
    """Return how hidden values lie against P10 and P90 of what resembles them."""
    shown, ranks = [], []
    for number, home in enumerate(sample.homes):
        mine = [gap for gap in gaps if gap.home == number]
        for start in range(0, len(mine), ROWS_MAX):
            hidden = Hidden.of(home, mine[start : start + ROWS_MAX], linear=sample.linear)
            ahead = np.ones(len(hidden.block.slots.days), np.bool_)
            shaper = Shaper.of(examine(hidden.block, RULES), hidden.cells, RULES, ahead=ahead)
            shown.append(_sides(hidden, shaper))
            ranks.append(_ranks(hidden, shaper))
    over, under = np.concatenate(shown, axis=1)
    return Coverage(
        seen=Sides(
            below=_per_cent(over < 0),
            inside=_per_cent((over >= 0) & (under >= 0)),
            above=_per_cent(under < 0),
        ),
        drawn=drawn(*np.concatenate(ranks, axis=1)),
    )


def drawn(less: Float, most: Float) -> Sides:
    """
    Return where values lie against P10 and P90 if ties are broken by lot, on average of all lots.

    A value that many windows show has no one place among them: any from the share of windows that
    show less to the share that show no more is as good. Of windows that tell the truth this holds
    80 %, however few the quanta are; the two quanta that stand for P10 and P90 hold more.

    Args:
        less: Share of the windows that show less than each value, shape (values,).
        most: Share that show no more than it, same shape.

    Source:
        Czado, Gneiting, Held 2009, Predictive model assessment for count data, Biometrics 65(4),
        section 2.1: the nonrandomized probability integral transform.
    """
    tied = most > less
    room = np.where(tied, most - less, 1)
    low, high = (
        np.where(tied, np.clip((level - less) / room, 0, 1), less < level) for level in BAND
    )
    return Sides(_per_cent(low), _per_cent(high - low), _per_cent(1 - high))


def _per_cent(share: Bool | Float) -> float:
    return 100 * float(share.mean())


def _sides(hidden: Hidden, shaper: Shaper) -> Float:
    """Return how far hidden values are above P10 and below P90, if known, shape (2, known)."""
    low, high = np.rint(bands(shaper).T)
    known = ~np.isnan(low)
    return np.stack([hidden.truth - low, high - hidden.truth])[:, known]


def _ranks(hidden: Hidden, shaper: Shaper) -> Float:
    """Return the shares of windows below hidden values and up to them, shape (2, known)."""
    wanted, parts = question(shaper), [np.zeros((2, 0))]
    truth = hidden.truth[wanted.at, None]
    searched = Search.of(wanted.asked, wanted.past, wanted.how).seen() if len(truth) else ()
    for seen in searched:
        known = seen.weight.any(axis=1)
        weight, value = seen.weight[known], seen.value[known]
        own = truth[seen.cell][known]
        counts = np.stack([(weight * (value < own)).sum(axis=1), (weight * (value <= own)).sum(1)])
        parts.append(counts / weight.sum(axis=1))
    return np.concatenate(parts, axis=1)


def rows(
    found: Iterable[Sample], count: int, seed: int, done: Callable[[str], None] = print
) -> None:
    """Tell a Markdown table of all samples and lengths."""
    done("| homes | gap | held | below P10 | above P90 | held by lot | below | above |")
    done("|---|---|---|---|---|---|---|---|")
    for sample in found:
        for hours in HOURS:
            held = coverage(sample, gaps_of(sample, hours, count, seed))
            done(
                f"| {sample.name} | {hours} h "
                + " ".join(
                    f"| {each.inside:.0f} | {each.below:.0f} | {each.above:.0f}"
                    for each in (held.seen, held.drawn)
                )
                + " |"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.coverage")
    parser.add_argument("--data", type=Path, help="folder of real series")
    parser.add_argument("--gaps", type=int, default=400, metavar="N", help="of each length")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows(samples(options.data), options.gaps, options.seed)
