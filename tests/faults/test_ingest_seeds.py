"""
Whatever goes wrong between meters and the store, everything comes in the end, once and unchanged.

MDMS_INGEST_SEEDS=1-2000 plays these seeds instead of the few of every day; one that fails is named
and fails again.
"""

import os

import pytest

from tests.faults.world import World


def seeds() -> list[int]:
    chosen = os.environ.get("MDMS_INGEST_SEEDS", "1-4")
    numbers: list[int] = []
    for part in chosen.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


@pytest.mark.parametrize("seed", seeds())
async def test_everything_that_was_heard_is_stored_once_and_unchanged(seed):
    world = World(seed)

    await world.play()

    stored = world.work.readings
    assert world.kills > 3
    assert {key: stored.interval_values.get(key) for key in world.truth} == world.truth
    assert {key: stored.register_values.get(key) for key in world.registers} == world.registers
    assert stored.interval_values.keys() == world.truth.keys()
    assert stored.conflicts == []
