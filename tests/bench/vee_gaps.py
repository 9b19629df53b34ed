"""VEE of a city's day of which a twentieth is missing, with the weeks that gaps are filled from."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Self

import numpy as np

from mdms.domain.readings import Bool, Int64
from mdms.services.vee_stages import stages
from tests.bench.damage import Received, damaged
from tests.bench.load import SLOTS_A_DAY, electric_wh
from tests.bench.measure import Figures, Row, Series
from tests.bench.vee_city import CITY, DAY, HOURS, RULES, ZONE, blocks, grid_of
from vee import engine
from vee.block import Block, Registers, SlotTable
from vee.context import ELECTRIC
from vee.engine import Outcome
from vee.scope import Scope

GAP_SHARE = 0.05
WIDE = next(stage for stage in stages(RULES) if stage.context_days)
"""The stage that estimates: days of context on both sides, here those after are yet to come."""
DAYS_BEFORE = WIDE.reach_days + WIDE.context_days
SAMPLES = 3
"""Blocks of each kind whose weeks are drawn: they give the rate of all channels with a gap."""

NAME = "vee.city_day.estimate"
UNITS = {NAME: "reads/CPU-s"}


def row(found: Series) -> Row:
    """Return the line of the report."""
    reads = sum(channels * (24 * 3600 // interval_s) for _, channels, interval_s in CITY)
    return found.row(goal=f"value >= {reads / 10:,.0f}")


class CityWithGaps:
    """A city's day as a nightly run finds it: first a look at all, then at gaps with weeks."""

    def __init__(self) -> None:
        self._days = {kind: blocks((kind,), gap_share=GAP_SHARE) for kind in CITY}
        self._weeks = {
            kind: [_Weeks.drawn(kind, seed=seed) for seed in range(SAMPLES)] for kind in CITY
        }

    def estimate(self) -> Figures:
        """Judge the day; what the sample's channels cost stands for all that have a gap."""
        spent_s = 0.0
        for kind in CITY:
            began_s = time.process_time()
            gapped = sum(_with_gaps(block) for block in self._days[kind])
            looked_s = time.process_time()
            outcomes = [each.judge() for each in self._weeks[kind]]
            judged_s = time.process_time()
            for each, outcome in zip(self._weeks[kind], outcomes, strict=True):
                each.check(outcome)
            sampled = sum(len(each.target) for each in self._weeks[kind])
            assert gapped > sampled, "it is a sample"
            spent_s += looked_s - began_s + (judged_s - looked_s) * gapped / sampled
        reads = sum(block.value.size for kind in CITY for block in self._days[kind])
        return {NAME: reads / spent_s}


def _with_gaps(block: Block) -> int:
    """Return how many channels of a day need the stage that estimates."""
    whole, ahead = np.ones((len(block.channel_id), 1), np.bool_), np.zeros(1, np.bool_)
    found = engine.validate(block, RULES, ahead=ahead)
    return int(np.count_nonzero(Scope.of(found, whole).has_gaps))


@dataclass(frozen=True, slots=True)
class _Weeks:
    """
    Channels with a gap on the day, and the weeks before, in a block as the service cuts it.

    Attributes:
        block: The weeks, the day, and the one after it.
        target: The day alone, shape (channels, days).
    """

    block: Block
    target: Bool

    @classmethod
    def drawn(cls, kind: tuple[int, int, int], *, seed: int) -> Self:
        """Draw channels until there are enough with a gap."""
        commodity, _, interval_s = kind
        first, last = DAY - timedelta(days=DAYS_BEFORE), DAY + timedelta(days=1)
        slots = SlotTable.of_days(first, last, interval_s=interval_s, zone=ZONE)
        day = slice(*slots.first[DAYS_BEFORE : DAYS_BEFORE + 2].tolist())
        count = WIDE.part_channels(len(slots))
        parts: list[Received] = []
        while sum(len(part.value) for part in parts) < count:
            number = 1000 * seed + len(parts)
            received = damaged(
                _load(count, slots, commodity, seed=number), gap_share=GAP_SHARE, seed=number
            )
            gapped = np.flatnonzero(~received.present[:, day].all(axis=1))
            left = count - sum(len(part.value) for part in parts)
            parts.append(_rows(received, gapped[:left]))
        target = np.zeros((count, len(slots.days)), np.bool_)
        target[:, DAYS_BEFORE] = True
        return cls(grid_of(slots, _joined(parts), commodity), target)

    def judge(self) -> Outcome:
        ahead = np.zeros(self.target.shape[1], np.bool_)
        return engine.run(self.block, RULES, self.target, ahead=ahead)

    def check(self, outcome: Outcome) -> None:
        """Assert that nearly every gap is filled: all but those that registers contradict."""
        gaps = ~self.block.present & np.take(self.target, self.block.slots.day, axis=1)
        assert gaps.any(axis=1).all(), "every channel has a gap"
        filled = np.count_nonzero(outcome.status[gaps])
        assert filled > 0.99 * np.count_nonzero(gaps), "the gaps are filled"


def _load(count: int, slots: SlotTable, commodity: int, *, seed: int) -> Int64:
    """Return what channels used in these slots; the hour of a clock change counts as two."""
    quarters = electric_wh(count, len(slots.days) * SLOTS_A_DAY + 4, seed=seed)
    if commodity == ELECTRIC:
        return quarters[:, : len(slots)]
    hours: Int64 = quarters.reshape(count, len(slots.days) * HOURS + 1, -1).sum(axis=2) // 100
    return hours[:, : len(slots)]


def _rows(received: Received, rows: Int64) -> Received:
    """Return some channels of a draw."""
    reads = received.registers.take(np.isin(received.registers.channel, rows))
    channel = np.searchsorted(rows, reads.channel)
    return Received(
        received.value[rows],
        received.present[rows],
        Registers(channel, reads.boundary, reads.value),
    )


def _joined(parts: Sequence[Received]) -> Received:
    before = np.cumsum([0, *(len(part.value) for part in parts)]).tolist()
    return Received(
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.present for part in parts]),
        Registers.join(
            [
                Registers(
                    part.registers.channel + first, part.registers.boundary, part.registers.value
                )
                for (first, _), part in zip(pairwise(before), parts, strict=True)
            ]
        ),
    )
