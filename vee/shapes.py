"""
The shape of what is missing: for each cell the first method that can; vee.md 4.1.

What comes of it is not scaled yet. H4, which needs to know a bracket's total, comes after it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int16, Int64, Method
from vee.block import DAY_S
from vee.context import Quantity
from vee.evidence import Evidence, Spans
from vee.examination import Examination
from vee.kernels import estimate
from vee.kernels.darkness import covered, leaking
from vee.kernels.gaps import Cells, Float, Gaps
from vee.kernels.references import References
from vee.rules import RuleSet

Attempt = Callable[[Int64], Float]
"""Estimates the cells at these positions; NaN where it cannot."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """
    Estimates before scaling; every array has the shape (cells,).

    Attributes:
        shape: Quanta, NaN where no method can.
        method: Code of the method.
        dark: Share of each cell that fell into an outage.
        open: Share of each cell during which the switch was open.
    """

    shape: Float
    method: Int16
    dark: Float
    open: Float


@dataclass(frozen=True, slots=True)
class Shaper:
    """
    What the methods look at.

    Attributes:
        found: The examined block.
        cells: What to estimate.
        references: What to estimate it from.
        gaps: The runs that the cells lie in.
        rules: How.
        evidence: What else is known.
    """

    found: Examination
    cells: Cells
    references: References
    gaps: Gaps
    rules: RuleSet
    evidence: Evidence

    @classmethod
    def of(cls, found: Examination, cells: Cells, rules: RuleSet, *, ahead: Bool) -> "Shaper":
        """Gather what the methods need for these cells."""
        block, how = found.block, rules.estimate
        references = References(
            slots=block.slots,
            value=block.value,
            valid=found.reference(outage_h_max=how.outage_h_max),
            holiday=np.array([day in rules.holidays for day in block.slots.days]),
            ahead=ahead,
            reach_days=how.profile_days,
            since=block.context.since,
        )
        missing = found.missing
        if not missing[cells.channel, cells.slot].all():
            # a meter that was taken away goes on sending: what nobody expected can be wrong too
            missing = missing.copy()
            missing[cells.channel, cells.slot] = True
        gaps = Gaps.around(cells, missing, block.value, found.anchor)
        return cls(found, cells, references, gaps, rules, block.evidence)

    def shapes(self) -> Shapes:
        """Estimate each cell by the first method that can."""
        found, cells, evidence = self.found, self.cells, self.evidence
        x = np.full(len(cells), np.nan)
        method = np.zeros(len(cells), np.int16)
        wanted = self._in_reach()
        for code, attempt in self._attempts():
            rest = np.flatnonzero(np.isnan(x) & wanted)
            if len(rest) == 0:
                break
            x[rest] = attempt(rest)
            method[rest[~np.isnan(x[rest])]] = code
        x = np.maximum(x, self.leak_floor(np.arange(len(cells))))  # NaN stays
        ceiling = found.block.limits.v_max[cells.channel]
        x = np.clip(x, np.where(self.signed, -ceiling, 0), ceiling)
        return Shapes(
            x, method, self._share(evidence.outages), self._share(found.block.context.openings)
        )

    @property
    def signed(self) -> Bool:
        """Cells of channels whose values have a sign."""
        return self.found.block.context.measures(Quantity.NET)[self.cells.channel]

    def leak_floor(self, rest: Int64) -> Float:
        """Return what a confirmed leak alone lets through [quanta], -inf where none is."""
        leaks, slots = self.evidence.leaks, self.found.block.slots
        if leaks is None:
            return np.full(len(rest), -np.inf)
        running = leaking(self.cells.take(rest), leaks, slots)
        return np.where(running > 0, running * slots.interval_s / 3600, -np.inf)

    def _share(self, spans: Spans) -> Float:
        return covered(
            self.cells, spans.channel, spans.from_s, spans.until_s, self.found.block.slots
        )

    def _in_reach(self) -> Bool:
        """
        Return the cells that are filled without two registers, and all those between two.

        On days of mass events there are none of the first kind.
        """
        a_day = DAY_S // self.found.block.slots.interval_s
        most = self.rules.estimate.gap_days_max * a_day
        whole = (self.gaps.left >= 0) & (self.gaps.right < self.gaps.slots)
        near = np.where(whole, self.gaps.length <= most, self.gaps.distance <= most)
        if self.evidence.waiting is not None:
            near &= ~self.evidence.waiting[self.found.block.slots.day[self.cells.slot]]
        return near | (self._bracket >= 0)

    @property
    def _bracket(self) -> Int64:
        return self.found.bracket_of(self.cells.channel, self.cells.slot)

    def _attempts(self) -> Iterator[tuple[Method, Attempt]]:
        """Yield the methods in the order in which they are tried."""
        cells, references, how = self.cells, self.references, self.rules.estimate
        evidence, days_min = self.evidence, self.rules.estimate.average_days_min
        if evidence.check is not None:
            yield Method.K1, self._check
        yield Method.L1, self._line
        yield Method.H1, self._profile
        yield (
            Method.H2,
            lambda rest: estimate.nearest_days(
                cells.take(rest), references, count=how.nearest_count
            ),
        )
        if (before := evidence.last_year) is not None:
            yield (
                Method.H3,
                lambda rest: estimate.last_year(
                    cells.take(rest), references, before, days_min=days_min
                ),
            )
        if (of_class := evidence.of_class) is not None:
            yield (
                Method.C1,
                lambda rest: estimate.class_profile(
                    cells.take(rest), references, of_class, days_min=days_min
                ),
            )
        yield (
            Method.A1,
            lambda rest: estimate.average(cells.take(rest), references, days_min=days_min),
        )
        yield Method.A1, self._even_share

    def _check(self, rest: Int64) -> Float:
        check, at = self.evidence.check, (self.cells.channel[rest], self.cells.slot[rest])
        assert check is not None, "tried only where there is one"
        return np.where(check.valid[at], check.value[at], np.nan)

    def _line(self, rest: Int64) -> Float:
        linear = self.found.block.limits.linear[self.cells.channel[rest]]
        gaps, longest_s = self.gaps.take(rest), self.rules.estimate.linear_h_max * 3600
        short = linear & (gaps.length * self.found.block.slots.interval_s <= longest_s)
        return np.where(short, estimate.linear(gaps), np.nan)

    def _profile(self, rest: Int64) -> Float:
        how = self.rules.estimate
        x = estimate.profile(
            self.cells.take(rest),
            self.references,
            decay_days=how.profile_decay_days,
            other_weekday_weight=how.other_weekday_weight,
            weight_sum_min=how.weight_sum_min,
            references_min=how.references_min,
        )
        bent = estimate.blend(
            x,
            self.gaps.take(rest),
            interval_s=self.found.block.slots.interval_s,
            decay_h=how.edge_decay_h,
        )
        return np.where(self.found.block.limits.linear[self.cells.channel[rest]], bent, x)

    def _even_share(self, rest: Int64) -> Float:
        bracket = self._bracket[rest]
        share = self.found.residual / np.maximum(self.found.missing_count, 1)
        floor = np.where(self.signed[rest], -np.inf, 0)
        here: Float = np.append(share, np.nan)[bracket]  # -1 reads the padding
        return np.maximum(here, floor)
