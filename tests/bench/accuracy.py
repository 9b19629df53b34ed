"""
Accuracy of estimates: gaps are cut into complete series, filled by several methods, and compared.

Registers stand at both ends of each gap. Everything follows from the seed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int64
from tests.bench.homes import DAY_S, Sample, Series
from tests.bench.measure import Row
from vee import engine
from vee.block import Block, Limits, Registers, SlotTable
from vee.context import ELECTRIC, GAS, Context
from vee.evidence import Evidence
from vee.kernels import estimate
from vee.kernels.conserve import apportion
from vee.kernels.gaps import Cells, Float, Gaps
from vee.kernels.references import References
from vee.rules import RuleSet

RULES = RuleSet.load(Path(__file__).parents[2] / "config/vee/residential.toml")
UTC = ZoneInfo("UTC")
PEAK_HOURS = (16, 21)
ROWS_MAX = 40
"""Gaps of a home that are filled at a time."""

SHAPE_ONE = 1 << 20
V_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a series that is hidden: position of the series, first slot and one past."""

    home: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Score:
    """
    How far a method was from the truth, over all gaps of one length.

    Attributes:
        wape: Sum of absolute errors [% of the gaps' usage].
        total: Sum of the gaps' absolute errors in total [%].
        peak: Sum of the gaps' absolute errors in the energy of 16:00-21:00 [%].
    """

    wape: float
    total: float
    peak: float


def gaps_of(sample: Sample, hours: int, count: int, seed: int) -> list[Gap]:
    """
    Choose gaps, as many in each home: known in full, and so are the intervals beside them.

    Args:
        sample: The homes.
        hours: Length of the gaps.
        count: How many in all, at most.
        seed: What is chosen follows from it and the length.
    """
    rng = np.random.default_rng([seed, hours])
    chosen = []
    for number, home in enumerate(sample.homes):
        length, a_day = hours * 3600 // home.interval_s, DAY_S // home.interval_s
        before = np.concatenate([[0], np.cumsum(home.known)])
        first = np.arange(a_day, len(home.value) - length - a_day)
        whole = before[first + length + 1] - before[first - 1] == length + 2
        usable = first[whole]
        wanted = min(max(1, count // len(sample.homes)), len(usable))
        picked = np.sort(rng.choice(usable, wanted, replace=False)).tolist()
        chosen += [Gap(number, start, start + length) for start in picked]
    return chosen


def score(sample: Sample, gaps: Sequence[Gap]) -> dict[str, Score]:
    """Fill the gaps by every method and compare with the truth."""
    errors: dict[str, list[tuple[float, float, float]]] = {}
    usage = 0.0
    for number, home in enumerate(sample.homes):
        mine = [gap for gap in gaps if gap.home == number]
        for start in range(0, len(mine), ROWS_MAX):
            part = mine[start : start + ROWS_MAX]
            hidden = Hidden.of(home, part, linear=sample.linear)
            usage += float(hidden.truth.sum())
            for name, fill in METHODS.items():
                errors.setdefault(name, []).append(hidden.errors(fill(hidden)))
    return {
        name: Score(*(100 * float(sum(column)) / usage for column in zip(*each, strict=True)))
        for name, each in errors.items()
    }


@dataclass(frozen=True, slots=True)
class Hidden:
    """
    Copies of one home, each with one gap.

    Attributes:
        block: What VEE sees, a row a gap.
        cells: The hidden slots, row by row.
        truth: What they held [quanta], shape (cells,).
        peak: Cells of the peak hours, shape (cells,).
    """

    block: Block
    cells: Cells
    truth: Int64
    peak: Bool

    @classmethod
    def of(cls, home: Series, gaps: Sequence[Gap], *, linear: bool) -> "Hidden":
        """Hide one gap in each copy."""
        slots = SlotTable.of_days(
            home.first_day,
            home.first_day + timedelta(days=home.days - 1),
            interval_s=home.interval_s,
            zone=UTC,
        )
        rows, length = len(gaps), gaps[0].last - gaps[0].first
        row = np.arange(rows)
        first = np.array([gap.first for gap in gaps])
        present = np.tile(home.known, (rows, 1))
        cells = Cells(np.repeat(row, length), (first[:, None] + np.arange(length)).ravel())
        present[cells.channel, cells.slot] = False
        truth = home.value[cells.slot]
        usage = truth.reshape(rows, length).sum(axis=1)
        block = Block(
            slots=slots,
            channel_id=row.astype(np.int32),
            limits=Limits(
                v_max=np.full(rows, V_MAX),
                modulus=np.full(rows, 10**12),
                resolution=np.ones(rows, np.int64),
                multiplier=np.ones(rows, np.int64),
                linear=np.full(rows, linear),
                reversible=np.zeros(rows, np.bool_),
            ),
            value=np.where(present, home.value, 0),
            present=present,
            expected=np.ones_like(present),
            flags=np.zeros(present.shape, np.int64),
            registers=Registers(
                np.repeat(row, 2),
                np.stack([first, first + length], axis=1).ravel(),
                np.stack([np.zeros_like(usage), usage], axis=1).ravel(),
            ),
            known=_context(home, rows, linear=linear),
            evidence=replace(Evidence.none(), outdoor_f=home.outdoor_f),
        )
        hour = slots.wall[cells.slot] * home.interval_s // 3600
        return cls(block, cells, truth, (hour >= PEAK_HOURS[0]) & (hour < PEAK_HOURS[1]))

    @property
    def references(self) -> References:
        """The other days."""
        days = self.block.slots.days
        return References(
            slots=self.block.slots,
            value=self.block.value,
            valid=self.block.present,
            holiday=np.array([day in RULES.holidays for day in days]),
            ahead=np.ones(len(days), np.bool_),
            reach_days=RULES.estimate.profile_days,
        )

    @property
    def gaps(self) -> Gaps:
        """The values beside the gaps."""
        block = self.block
        return Gaps.around(self.cells, ~block.present, block.value, block.present)

    @property
    def is_short(self) -> bool:
        """Whether L1 may bridge the gaps."""
        seconds = len(self.truth) // len(self.block.channel_id) * self.block.slots.interval_s
        return bool(self.block.limits.linear.all()) and seconds <= 2 * 3600

    def scaled(self, shape: Float) -> Float:
        """Scale a shape to the registers, in whole quanta."""
        totals = np.bincount(self.cells.channel, self.truth).astype(np.int64)
        parts = np.rint(np.maximum(np.nan_to_num(shape), 0) * SHAPE_ONE).astype(np.int64)
        return apportion(totals, parts, self.cells.channel).astype(np.float64)

    def errors(self, filled: Float) -> tuple[float, float, float]:
        """Return the sums of absolute errors by slot, in total, and of the peak."""
        apart = filled - self.truth
        of_gap = self.cells.channel
        return (
            float(np.abs(apart).sum()),
            float(np.abs(np.bincount(of_gap, apart)).sum()),
            float(np.abs(np.bincount(of_gap, apart * self.peak)).sum()),
        )


def _context(home: Series, rows: int, *, linear: bool) -> Context | None:
    """Return what flows where the weather is known: nothing else depends on it."""
    if home.outdoor_f is None:
        return None
    return Context.plain(np.full(rows, ELECTRIC if linear else GAS, np.uint8), home.days)


def _flat(hidden: Hidden) -> Float:
    return hidden.scaled(np.ones(len(hidden.truth)))


def standard(hidden: Hidden) -> Float:
    """California's: linear up to two hours, else the three nearest same weekdays."""
    if hidden.is_short:
        return estimate.linear(hidden.gaps)
    like = estimate.nearest_days(hidden.cells, hidden.references, count=3)
    return np.nan_to_num(like)


def _h1(hidden: Hidden) -> Float:
    how = RULES.estimate
    x = estimate.profile(
        hidden.cells,
        hidden.references,
        decay_days=how.profile_decay_days,
        other_weekday_weight=how.other_weekday_weight,
        weight_sum_min=how.weight_sum_min,
        references_min=how.references_min,
    )
    if not hidden.block.limits.linear.all():
        return x
    interval_s = hidden.block.slots.interval_s
    return estimate.blend(x, hidden.gaps, interval_s=interval_s, decay_h=how.edge_decay_h)


def _engine(hidden: Hidden) -> Float:
    return engine_by(hidden, RULES)


def engine_by(hidden: Hidden, rules: RuleSet) -> Float:
    """Return what `vee.engine` makes of it by some rules."""
    days = len(hidden.block.slots.days)
    target: Bool = np.zeros((len(hidden.block.channel_id), days), np.bool_)
    target[hidden.cells.channel, hidden.block.slots.day[hidden.cells.slot]] = True
    outcome = engine.run(hidden.block, rules, target, ahead=np.ones(days, np.bool_))
    return outcome.value[hidden.cells.channel, hidden.cells.slot].astype(np.float64)


def _engine_alone(hidden: Hidden) -> Float:
    """Return what `vee.engine` makes of it when no register is known."""
    none = np.zeros(0, np.int64)
    block = replace(hidden.block, registers=Registers(none, none, none))
    return _engine(replace(hidden, block=block))


UNSCALED: Mapping[str, Callable[[Hidden], Float]] = {
    "standard unscaled": standard,
    "engine unscaled": _engine_alone,
}
"""Contenders that know no register."""

SCALED: Mapping[str, Callable[[Hidden], Float]] = {
    "flat": _flat,
    "standard": lambda hidden: hidden.scaled(standard(hidden)),
    "H1": lambda hidden: hidden.scaled(_h1(hidden)),
    "engine": _engine,
}
"""Contenders that keep the total."""

METHODS: Mapping[str, Callable[[Hidden], Float]] = {**UNSCALED, **SCALED}
GOALS: Mapping[tuple[str, int], float] = {
    ("real.electric", 1): 30,
    ("real.electric", 2): 46,
    ("real.electric", 6): 58,
    ("real.electric", 12): 64,
    ("real.electric", 24): 66,
    ("real.water", 2): 50,
    ("real.water", 6): 79,
    ("real.water", 24): 93,
}
"""WAPE that the engine should not exceed; vee.md 10.4."""


def rows(
    samples: Iterable[Sample], *, gaps: int, seed: int, done: Callable[[str], None] = print
) -> list[Row]:
    """
    Measure all samples at all lengths.

    Args:
        samples: Homes.
        gaps: How many gaps of each length, at most; long ones are fewer.
        seed: What is hidden follows from it.
        done: Told a line of the Markdown table whenever one is ready.
    """
    done(f"| homes | gap | gaps | {' | '.join(METHODS)} | peak: standard, H1, engine |")
    done("|---|---|---|" + "---|" * len(METHODS) + "---|")
    listed = []
    for sample in samples:
        for hours in sample.hours:
            chosen = gaps_of(sample, hours, gaps_at(hours, gaps), seed)
            scores = score(sample, chosen)
            wapes = " | ".join(f"{scores[name].wape:.1f}" for name in METHODS)
            peaks = ", ".join(f"{scores[name].peak:.1f}" for name in ("standard", "H1", "engine"))
            done(f"| {sample.name} | {hours} h | {len(chosen)} | {wapes} | {peaks} |")
            listed += [
                _row(sample.name, hours, name, scores, against)
                for names, against in ((UNSCALED, "standard unscaled"), (SCALED, "standard"))
                for name in names
            ]
    return listed


def gaps_at(hours: int, most: int) -> int:
    """Return how many gaps of a length to try: many short ones cost as much as a few long ones."""
    return max(1, min(most, most * 48 // hours))


def _row(kind: str, hours: int, name: str, scores: Mapping[str, Score], against: str) -> Row:
    goal = GOALS.get((kind, hours)) if name == "engine" else None
    reference = scores[against].wape
    return Row(
        name=f"accuracy.{kind}.{hours}h.{name}".replace(" ", "."),
        value=scores[name].wape,
        unit="% WAPE",
        against=None
        if name == against
        else f"accuracy.{kind}.{hours}h.{against}".replace(" ", "."),
        ratio=None if name == against or not reference else scores[name].wape / reference,
        goal=None if goal is None else f"value <= {goal:g}",
        rounds=1,
        spread=0.0,
    )
