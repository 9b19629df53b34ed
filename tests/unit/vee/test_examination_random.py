"""Random fleets against a plain meter-by-meter implementation of the same rules."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench import naive
from tests.unit.vee import build
from vee.block import Block
from vee.examination import Examination, examine

FIRST_DAYS = [date(2026, 3, 6), date(2026, 7, 1), date(2026, 10, 30), date(2026, 11, 24)]
"""Over the clock change in spring, an ordinary week, over the one in autumn, Thanksgiving."""


def fleet(seed: int, *, channels: int = 4) -> Block:
    """Return electric meters with gaps, spikes, repeats, idle days and wrong sums."""
    rng = np.random.default_rng(seed)
    slots = build.slot_table(
        FIRST_DAYS[seed % len(FIRST_DAYS)],
        int(rng.choice([3, 36])),
        interval_s=int(rng.choice([900, 1800, 3600])),
    )
    shape = (channels, len(slots))
    truth = rng.poisson(rng.gamma(1.0, 300, (channels, 1)), shape).astype(np.int64)
    truth[rng.random(shape) < 0.01] *= int(rng.choice([3, 8]))
    for channel in range(channels):
        at = int(rng.integers(0, shape[1] - 60))
        truth[channel, at : at + int(rng.integers(20, 30))] = 417
        day = int(rng.integers(0, len(slots.days) - 2))
        truth[channel, slots.first[day] : slots.first[day + int(rng.integers(1, 3))]] = 0
    truth[:2, -20] = 40_000  # more than ever before
    after = np.cumsum(np.pad(truth, ((0, 0), (1, 0))), axis=1)
    read = rng.random(after.shape) < rng.choice([0.02, 0.2])
    read[:, [0, -1]] = True
    registers = [(int(c), int(b), int(after[c, b])) for c, b in zip(*np.nonzero(read), strict=True)]
    received = truth + 500 * (rng.random(shape) < 0.001) - 5_000 * (rng.random(shape) < 0.001)
    received[rng.random(shape) < 0.001] = 90_000
    return build.block(
        slots,
        received,
        present=rng.random(shape) >= rng.choice([0.0, 0.02]),
        registers=registers,
        v_max=60_000,
        modulus=10**12,
    )


def check(block: Block, found: Examination) -> None:
    expected = naive.local(block.slots.start_s, build.ZONE)
    day_flags = found.marks.day_flags(len(block.slots.days))
    overdrawn = np.bincount(
        found.brackets.channel[found.overdrawn], minlength=len(block.channel_id)
    )
    for row in range(len(block.channel_id)):
        plain = naive.validate(naive.meter(block, row, build.ZONE), expected, build.RULES)
        assert (found.missing[row] == plain.missing.to_numpy()).all()
        assert (found.flags[row] == plain.flags.to_numpy()).all()
        assert (day_flags[row] == plain.day_flags.to_numpy()).all()
        assert overdrawn[row] == plain.overdrawn_count


@pytest.mark.slow
@pytest.mark.timeout(300)  # the plain way is slow: a thousand fleets take minutes
@settings(max_examples=min(settings().max_examples, 200))
@given(st.integers(0, 2**32))
def test_the_fast_way_finds_what_the_plain_way_finds(seed):
    block = fleet(seed)

    found = examine(block, build.RULES)

    check(block, found)


def test_random_fleets_break_every_rule_that_both_ways_know():
    seen = 0
    for seed in range(12):
        block = fleet(seed)
        found = examine(block, build.RULES)
        seen |= int(np.bitwise_or.reduce(found.flags, axis=None))
        seen |= int(np.bitwise_or.reduce(found.marks.day_flags(len(block.slots.days)), axis=None))
        check(block, found)

    assert seen == sum(1 << rule for rule in (20, 21, 22, 23, 24, 25, 26, 45))
