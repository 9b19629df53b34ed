"""Random fleets against an independent loop over channels, brackets and slots."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_COARSE,
    FLAG_EST_UNSCALED,
    FLAG_POWER_FAIL,
    Status,
)
from tests.unit.vee import build
from vee.block import Block
from vee.engine import Outcome

FIRST_DAYS = [date(2026, 3, 5), date(2026, 7, 1), date(2026, 10, 29), date(2026, 11, 24)]
"""Over the clock change in spring, an ordinary week, over the one in autumn, Thanksgiving."""


def fleet(seed: int, *, channels: int = 12, days: int = 7) -> Block:
    """Return a fleet with a truth, gaps in it, and truncated registers at random boundaries."""
    rng = np.random.default_rng(seed)
    slots = build.slot_table(
        FIRST_DAYS[seed % len(FIRST_DAYS)], days, interval_s=int(rng.choice([900, 1800, 3600]))
    )
    shape = (channels, len(slots))
    truth = rng.poisson(rng.gamma(0.5, 200, (channels, 1)), shape).astype(np.int64)
    resolution = int(rng.choice([1, 1, 1, 10, 1000]))
    modulus = int(rng.choice([10**9, 10**6]))
    start = rng.integers(0, modulus, (channels, 1))
    after = np.cumsum(np.pad(truth, ((0, 0), (1, 0))), axis=1) + start
    after = after // resolution * resolution % modulus
    read = rng.random(after.shape) < rng.choice([0.01, 0.1, 0.4])
    registers = [(int(c), int(b), int(after[c, b])) for c, b in zip(*np.nonzero(read), strict=True)]
    missing = rng.random(shape) < rng.choice([0.0, 0.02, 0.2])
    for channel in range(channels):
        at = int(rng.integers(0, shape[1]))
        missing[channel, at : at + int(rng.integers(0, shape[1] // 2))] = True
    missing[0] = True
    return build.block(
        slots,
        truth,
        present=~missing,
        flags=np.where(rng.random(shape) < 0.01, FLAG_POWER_FAIL, 0),
        registers=registers,
        v_max=20_000,
        modulus=modulus,
        resolution=resolution,
        linear=bool(rng.integers(0, 2)),
    )


def check_brackets(block: Block, outcome: Outcome) -> int:
    """Check every bracket that holds an estimate, one by one; return how many there were."""
    checked = 0
    step = int(block.limits.step[0])
    for channel in range(len(block.channel_id)):
        mine = block.registers.channel == channel
        reads = list(
            zip(
                block.registers.boundary[mine].tolist(),
                block.registers.value[mine].tolist(),
                strict=True,
            )
        )
        for (first, before), (last, after) in pairwise(reads):
            status = outcome.status[channel, first:last]
            flags = outcome.flags[channel, first:last]
            if not np.isin(status, [*build.ESTIMATES, Status.DERIVED.code]).any():
                continue
            usage = (after - before) % int(block.limits.modulus[0])
            total = int(outcome.value[channel, first:last].sum())
            checked += 1
            assert (status != 0).all(), "a bracket is filled whole or not at all"
            assert not (flags & FLAG_EST_UNSCALED).any()
            if (flags & FLAG_EST_COARSE).any():
                assert step > 10
                assert abs(total - usage) <= step or (flags & FLAG_EST_CLAMPED).any()
            elif (flags & FLAG_EST_CLAMPED).any():
                assert total > usage
            else:
                assert total == usage
    return checked


@given(st.integers(0, 2**32))
def test_every_bracket_with_an_estimate_sums_to_its_register(seed):
    block = fleet(seed)

    outcome = build.judge(block)

    check_brackets(block, outcome)


def test_random_fleets_do_hold_brackets_with_estimates():
    assert sum(check_brackets(b, build.judge(b)) for b in map(fleet, range(12))) > 200


@given(st.integers(0, 2**32), st.booleans())
def test_no_usable_reading_ever_changes(seed, two_sided):
    block = fleet(seed)

    outcome = build.judge(block, two_sided=two_sided)

    assert (outcome.value[block.present] == block.value[block.present]).all()
    assert not np.isin(outcome.status[block.present], build.ESTIMATES).any()


@given(st.integers(0, 2**32))
def test_equal_reads_give_equal_bytes(seed):
    first, again = build.judge(fleet(seed)), build.judge(fleet(seed))

    assert first.value.tobytes() == again.value.tobytes()
    assert first.flags.tobytes() == again.flags.tobytes()


@given(st.integers(0, 2**32), st.integers(0, 6))
def test_a_single_day_gets_the_estimates_that_the_whole_week_gets(seed, day):
    block = fleet(seed)

    week = build.judge(block)
    single = build.judge(block, days=slice(day, day + 1))

    for grid in ("value", "status", "method", "flags"):
        assert (getattr(single, grid)[single.covered] == getattr(week, grid)[single.covered]).all()


@given(st.integers(0, 2**32))
def test_a_provisional_estimate_does_not_look_at_later_days(seed):
    block = fleet(seed, days=6)
    day = 3
    later = block.slots.day > day
    rng = np.random.default_rng(seed)
    changed = np.where(later & block.present, rng.integers(0, 900, block.value.shape), block.value)
    other = build.block(
        block.slots,
        changed,
        present=block.present,
        flags=block.flags,
        linear=False,
        v_max=20_000,
    )
    same = build.block(
        block.slots,
        block.value,
        present=block.present,
        flags=block.flags,
        linear=False,
        v_max=20_000,
    )

    before = build.judge(same, days=slice(day, day + 1), two_sided=False)
    after = build.judge(other, days=slice(day, day + 1), two_sided=False)

    assert (before.value[:, ~later] == after.value[:, ~later]).all()


@pytest.mark.parametrize("first", FIRST_DAYS)
def test_a_never_heard_channel_is_not_invented(first):
    slots = build.slot_table(first, 3)
    block = build.block(slots, present=np.zeros((1, len(slots)), np.bool_))

    outcome = build.judge(block)

    assert set(build.statuses(outcome)) == {"."}
