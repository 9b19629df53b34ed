"""VEE: reads judged a second on one core, beside a copy of memory and a meter-by-meter pandas."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int64, IntervalReads, RegisterReads, Source, Status
from mdms.domain.registry import ChannelTable
from mdms.services.vee_stages import parts, stages
from tests.bench import naive, vee_city, vee_gaps
from tests.bench.damage import Received, damaged, undamaged
from tests.bench.load import SLOTS_A_DAY, electric_wh
from tests.bench.measure import Figures, Row, interleave, per_cpu_second
from tests.channels import Installed, channel_table
from vee import engine, gridding
from vee.amend import amend
from vee.block import Block, Limits, SlotTable
from vee.engine import Outcome
from vee.examination import Examination, examine
from vee.rules import RuleSet
from vee.scope import Scope
from vee.tally import tally

ZONE = ZoneInfo("America/Los_Angeles")
RULES = RuleSet.load(Path(__file__).parents[2] / "config/vee/residential.toml")
FIRST_DAY = date(2026, 11, 3)
SLOT_S = 900
V_MAX = 6_300
"""100 A."""

MONTH_CHANNELS = 1_000
MONTH_DAYS = 30
MONTH_PARTS = 4
"""Blocks are no larger than in service."""
GAP_SHARE = 0.05
NIGHT_CHANNELS = 10_000
NIGHT_DAYS = 3
"""The day that is judged, and one on each side."""
NAIVE_METERS = 25
"""The baseline treats one meter like the other, so a sample of the month's gives its rate."""
COPY_REPEATS = 10

UNITS = {
    "limit.vee.copy": "reads/CPU-s",
    "baseline.vee.pandas": "reads/CPU-s",
    "vee.month.validate": "reads/CPU-s",
    "vee.month.validate+estimate": "reads/CPU-s",
    "vee.night": "reads/CPU-s",
}


def rows(rounds: int) -> list[Row]:
    """Measure a month with gaps and a night without."""
    month, night, gaps = _Month(), _Night(), vee_gaps.CityWithGaps()
    found = interleave(
        [
            month.copy,
            month.baseline,
            month.validate,
            month.estimate,
            night.judge,
            gaps.estimate,
        ],
        UNITS | vee_gaps.UNITS,
        rounds,
    )
    copy, pandas = found["limit.vee.copy"], found["baseline.vee.pandas"]
    validate, whole = found["vee.month.validate"], found["vee.month.validate+estimate"]
    return [
        copy.row(),
        pandas.row(),
        validate.row(copy, goal="ratio >= 0.08"),
        validate.row(pandas, goal="ratio >= 200"),
        whole.row(copy, goal="value >= 390,000"),
        whole.row(pandas),
        found["vee.night"].row(copy, goal="value >= 1,950,000"),
        vee_gaps.row(found[vee_gaps.NAME]),
        *vee_city.rows(rounds),
    ]


class _Month:
    """Thirty days of 1,000 channels with 5 % gaps, as grids in memory."""

    def __init__(self) -> None:
        self._slots = _slot_table(MONTH_DAYS)
        channels = MONTH_CHANNELS // MONTH_PARTS
        self._blocks = [
            _block(self._slots, damaged(load, gap_share=GAP_SHARE, seed=seed))
            for seed in range(MONTH_PARTS)
            for load in [electric_wh(channels, len(self._slots), seed=seed)]
        ]
        self._reads = MONTH_CHANNELS * len(self._slots)
        self._target = np.ones((channels, MONTH_DAYS), np.bool_)
        self._copies = [np.zeros_like(block.value) for block in self._blocks]
        self._expected = naive.local(self._slots.start_s, ZONE)
        self._meters = [naive.meter(self._blocks[0], row, ZONE) for row in range(NAIVE_METERS)]
        self._outcomes = self._estimate()
        for block, outcome in zip(self._blocks, self._outcomes, strict=True):
            _check_estimates(examine(block, RULES), outcome)

    def copy(self) -> Figures:
        def copy() -> None:
            for _ in range(COPY_REPEATS):
                for block, copied in zip(self._blocks, self._copies, strict=True):
                    np.copyto(copied, block.value)

        rate, _ = per_cpu_second(COPY_REPEATS * self._reads, copy)
        for block, copied in zip(self._blocks, self._copies, strict=True):
            assert (copied == block.value).all(), "all was copied"
            copied[:] = 0
        return {"limit.vee.copy": rate}

    def baseline(self) -> Figures:
        def validate() -> list[naive.Findings]:
            return [naive.validate(meter, self._expected, RULES) for meter in self._meters]

        rate, findings = per_cpu_second(NAIVE_METERS * len(self._slots), validate)
        _check_alike(examine(self._blocks[0], RULES), findings)
        return {"baseline.vee.pandas": rate}

    def validate(self) -> Figures:
        def validate() -> list[Examination]:
            return [examine(block, RULES) for block in self._blocks]

        rate, found = per_cpu_second(self._reads, validate)
        absent = sum(int((~block.present).sum()) for block in self._blocks)
        assert sum(int(each.missing.sum()) for each in found) > absent > 0, "gaps and spikes found"
        return {"vee.month.validate": rate}

    def estimate(self) -> Figures:
        rate, outcomes = per_cpu_second(self._reads, self._estimate)
        for now, checked in zip(outcomes, self._outcomes, strict=True):
            assert (now.value == checked.value).all(), "the same reads give the same estimates"
        return {"vee.month.validate+estimate": rate}

    def _estimate(self) -> list[Outcome]:
        ahead = np.ones(MONTH_DAYS, np.bool_)
        return [engine.run(block, RULES, self._target, ahead=ahead) for block in self._blocks]


class _Night:
    """
    A nightly run's first stage: one day of 10,000 channels that have no gap.

    From the rows that were loaded to the versions that must be appended, in blocks as the service
    cuts them; only the database is left out. The context is judged with the day and not counted.
    """

    def __init__(self) -> None:
        self._slots = _slot_table(NIGHT_DAYS)
        channel_ids = np.arange(NIGHT_CHANNELS, dtype=np.int32)
        self._parts = [
            _loaded(self._slots, ids)
            for ids in parts(channel_ids, stages(RULES)[0].part_channels(len(self._slots)))
        ]

    def judge(self) -> Figures:
        reads = NIGHT_CHANNELS * SLOTS_A_DAY
        rate, (actual, changed) = per_cpu_second(reads, partial(_total, self._judge()))
        assert actual == reads, "all is judged, and nothing is missing or held"
        assert changed < reads // 100, "only a few spikes are warned of"
        return {"vee.night": rate}

    def _judge(self) -> Iterator[tuple[int, int]]:
        """Yield actual intervals and new versions, part by part."""
        ahead = np.zeros(NIGHT_DAYS, np.bool_)
        for table, intervals, registers in self._parts:
            block, stored = gridding.grid(table, self._slots, intervals, registers, RULES)
            found = examine(block, RULES)
            target: Bool = np.zeros((len(block.channel_id), NIGHT_DAYS), np.bool_)
            target[:, 1] = True
            outcome = engine.judge(Scope.of(found, target), RULES, ahead=ahead, final=False)
            amended = amend(outcome, stored, found)
            versions = gridding.versions(block, amended, recorded_us=1)
            yield int(tally(found, amended, RULES).actual[target].sum()), len(versions)


def _total(parts: Iterator[tuple[int, int]]) -> tuple[int, int]:
    actual, changed = zip(*parts, strict=True)
    return sum(actual), sum(changed)


def _slot_table(days: int) -> SlotTable:
    last = FIRST_DAY + timedelta(days=days - 1)
    return SlotTable.of_days(FIRST_DAY, last, interval_s=SLOT_S, zone=ZONE)


def _block(slots: SlotTable, received: Received) -> Block:
    shape = received.value.shape

    def each(number: int) -> Int64:
        return np.full(shape[0], number, np.int64)

    return Block(
        slots=slots,
        channel_id=np.arange(shape[0], dtype=np.int32),
        limits=Limits(
            v_max=each(V_MAX),
            modulus=each(10**9),
            resolution=each(1),
            multiplier=each(1),
            linear=np.ones(shape[0], np.bool_),
            reversible=np.zeros(shape[0], np.bool_),
        ),
        value=received.value,
        present=received.present,
        expected=np.ones(shape, np.bool_),
        flags=np.broadcast_to(np.int64(0), shape),
        registers=received.registers,
    )


def _loaded(
    slots: SlotTable, ids: np.ndarray[tuple[int], np.dtype[np.int32]]
) -> tuple[ChannelTable, IntervalReads, RegisterReads]:
    """Return channels and their complete reads as the store loads them."""
    received = undamaged(electric_wh(len(ids), len(slots), seed=int(ids[0])))
    registers = received.registers
    return (
        channel_table(*(Installed(channel_id=number) for number in ids.tolist())),
        IntervalReads.raw(
            np.repeat(ids, len(slots)),
            np.tile(slots.start_s, len(ids)),
            received.value.ravel(),
            recorded_us=1,
            source=Source.UPLINK,
        ),
        RegisterReads.raw(
            ids[registers.channel],
            slots.start_s[0] + SLOT_S * registers.boundary,
            registers.value,
            recorded_us=1,
            source=Source.UPLINK,
        ),
    )


def _check_alike(found: Examination, findings: list[naive.Findings]) -> None:
    """Assert that the engine and the naive baseline find the same, and find something."""
    overdrawn = np.bincount(found.brackets.channel[found.overdrawn], minlength=len(findings))
    day_flags = found.marks.day_flags(len(found.block.slots.days))
    seen = 0
    for row, each in enumerate(findings):
        assert (each.missing.to_numpy() == found.missing[row]).all(), "the same gaps"
        assert (each.flags.to_numpy() == found.flags[row]).all(), "the same values doubted"
        assert (each.day_flags.to_numpy() == day_flags[row]).all(), "the same days doubted"
        assert each.overdrawn_count == overdrawn[row], "the same brackets overdrawn"
        seen |= int(np.bitwise_or.reduce(found.flags[row]))
    assert seen, "the sample breaks rules"


def _check_estimates(found: Examination, outcome: Outcome) -> None:
    """Assert that gaps are filled and that every bracket keeps its register's total."""
    filled = (found.missing_count > 0) & ~found.overdrawn & (found.residual >= 0)
    total = found.brackets.total(outcome.value)
    assert filled.any(), "there are gaps"
    assert (total == found.brackets.usage)[filled].all(), "estimates keep the total"
    estimates = (Status.ESTIMATED.code, Status.DERIVED.code)
    overdrawn = found.brackets.mark(found.overdrawn, found.missing.shape)
    assert np.isin(outcome.status[found.missing & ~overdrawn], estimates).all(), "gaps are filled"
