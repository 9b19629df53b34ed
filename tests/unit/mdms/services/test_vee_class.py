"""Who speaks for a class, and for whom."""

from datetime import timedelta

import numpy as np

from mdms.services.vee_class import PEERS_MAX, ClassLoader
from mdms.services.vee_elsewhere import Elsewhere
from mdms.services.vee_kinds import Kinds
from tests.unit.mdms.services.vee_nights import FIRST_DAY, RULES, ZONE, World, at, channel_table
from tests.unit.vee.build import block, slot_table
from vee.evidence import ClassProfile

DAYS, METERS = 35, 40


async def profile() -> ClassProfile:
    """Return what the class tells each of its meters about the last day."""
    world = World(channel_table(METERS), days=DAYS)
    world.hear(at(FIRST_DAY + timedelta(days=DAYS)))
    slots = slot_table(FIRST_DAY, DAYS, interval_s=3600)
    judged = block(slots, np.zeros((METERS, len(slots)), np.int64))
    judged.channel_id[:] = world.store.table.channel_id
    gaps = np.zeros((METERS, DAYS), np.bool_)
    gaps[:, -1] = True
    async with world.store() as work:
        loader = ClassLoader(Elsewhere(work, ZONE), RULES, Kinds(world.store.table))
        found = await loader.load(judged, np.arange(METERS), gaps)
    assert found is not None
    return found


async def test_nobody_speaks_for_itself():
    found = await profile()

    told = [found.peers[number].channel_id.tolist() for number in found.of[:, -1]]

    assert all(meter not in others for meter, others in enumerate(told, start=1))
    assert sorted({len(others) for others in told}) == [PEERS_MAX - 1, PEERS_MAX]


async def test_whoever_does_not_speak_for_the_class_is_told_what_was_made_once():
    found = await profile()

    told = [found.peers[number] for number in found.of[:, -1]]
    silent = [each for each in told if len(each.channel_id) == PEERS_MAX]

    assert len(silent) == METERS - PEERS_MAX
    assert all(each is silent[0] for each in silent)
