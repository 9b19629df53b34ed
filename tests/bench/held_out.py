"""
`python -m tests.bench.held_out [--data DIR] [--gaps N] [--seed S]`: is anything fitted to homes?

Each number of H4 is halved and doubled. For every home, the variant that was best on all *other*
homes of its kind estimates it; beside it stands what ships. Were the numbers fitted to these homes,
what ships would do better than what others choose; if choosing helped, their choice would.
"""

import argparse
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdms.domain.readings import Int64
from tests.bench.accuracy import ROWS_MAX, RULES, Hidden, engine_by, gaps_of, standard
from tests.bench.homes import Sample, samples
from vee.kernels.gaps import Float
from vee.rules import RuleSet

HOURS = (2, 6, 24)
TUNABLE = (
    "window_decay_days",
    "window_other_weekday_weight",
    "window_shift_h",
    "window_edge_h",
    "window_shrink",
)
SHIPPED = "as shipped"


@dataclass(frozen=True, slots=True)
class Errors:
    """
    Absolute errors of each home and variant.

    Attributes:
        names: The variants; the first is what ships.
        error: Sum of absolute errors [quanta], shape (homes, variants).
        standard: That of the standard method, shape (homes,).
        usage: What the gaps held, shape (homes,).
    """

    names: Sequence[str]
    error: Float
    standard: Float
    usage: Float

    def chosen(self) -> Int64:
        """Return the variant that did best on all homes but each one, shape (homes,)."""
        share = self.error / self.usage[:, None]
        others = share.sum(axis=0) - share
        best: Int64 = np.argmin(others, axis=1)
        return best

    def wape(self, error: Float) -> float:
        """Return a sum of errors in per cent of what the gaps held."""
        return 100 * float(error.sum() / self.usage.sum())


def variants(rules: RuleSet) -> Iterator[tuple[str, RuleSet]]:
    """Yield the rules as they ship, and with each number of H4 halved and doubled."""
    yield SHIPPED, rules
    for name in TUNABLE:
        for factor in (0.5, 2.0):
            value = getattr(rules.estimate, name) * factor
            how = dataclasses.replace(rules.estimate, **{name: value})
            yield f"{name} {value:g}", dataclasses.replace(rules, estimate=how)


def measure(sample: Sample, hours: int, count: int, seed: int) -> Errors:
    """Hide gaps of one length and fill them by every variant."""
    every = list(variants(RULES))
    gaps = gaps_of(sample, hours, count, seed)
    error = np.zeros((len(sample.homes), len(every)))
    usual, usage = np.zeros(len(sample.homes)), np.zeros(len(sample.homes))
    for number, home in enumerate(sample.homes):
        mine = [gap for gap in gaps if gap.home == number]
        for start in range(0, len(mine), ROWS_MAX):
            hidden = Hidden.of(home, mine[start : start + ROWS_MAX], linear=sample.linear)
            usage[number] += hidden.truth.sum()
            usual[number] += hidden.errors(hidden.scaled(standard(hidden)))[0]
            for column, (_, rules) in enumerate(every):
                error[number, column] += hidden.errors(engine_by(hidden, rules))[0]
    used = usage > 0
    return Errors([name for name, _ in every], error[used], usual[used], usage[used])


def rows(
    found: Sequence[Sample], count: int, seed: int, done: Callable[[str], None] = print
) -> list[tuple[str, float, float]]:
    """Return name, error of what ships and of what the other homes chose [% WAPE]."""
    done("| homes | gap | standard | as shipped | chosen by the other homes | their choice |")
    done("|---|---|---|---|---|---|")
    listed = []
    for sample in [each for each in found if len(each.homes) > 1]:
        for hours in HOURS:
            errors = measure(sample, hours, count, seed)
            chosen = errors.chosen()
            shipped = errors.wape(errors.error[:, 0])
            others = errors.wape(errors.error[np.arange(len(chosen)), chosen])
            most = Counter(errors.names[each] for each in chosen.tolist()).most_common(1)[0][0]
            done(
                f"| {sample.name} | {hours} h | {errors.wape(errors.standard):.1f} | {shipped:.1f} "
                f"| {others:.1f} | {most} |"
            )
            listed.append((f"{sample.name}.{hours}h", shipped, others))
    return listed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.held_out")
    parser.add_argument("--data", type=Path, help="folder of real series")
    parser.add_argument("--gaps", type=int, default=400, metavar="N", help="of each length")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows(samples(options.data), options.gaps, options.seed)
