"""
Whatever goes wrong between meters and the store, everything comes in the end, once and unchanged.

MDMS_INGEST_SEEDS=1-2000 plays these seeds instead of the few of every day; one that fails is named
and fails again.
"""

import pytest

from tests.faults import seeds
from tests.faults.world import World


@pytest.mark.parametrize("seed", seeds.chosen("MDMS_INGEST_SEEDS", "1-4"))
async def test_everything_that_was_heard_is_stored_once_and_unchanged(seed):
    world = World(seed)

    await world.play()

    stored = world.work.readings
    assert world.kills > 3
    assert {key: stored.interval_values.get(key) for key in world.truth} == world.truth
    assert {key: stored.register_values.get(key) for key in world.registers} == world.registers
    assert stored.interval_values.keys() == world.truth.keys()
    assert stored.conflicts == []
