"""Days that were judged, and then the registry says that the meter was not there."""

from dataclasses import replace

import pytest

from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.integration.services.editing import FIRST, LAST, WEEK, Desk, a_desk, at
from tests.integration.storage.registries import E100_MOVED, SMALL_TOWN

pytestmark = pytest.mark.db
REMOVED = 300
"""Slot of the fourth day from which on nothing was heard."""


async def outcomes(desk: Desk) -> list[tuple[int, int, int]]:
    """Return what was expected, actual and estimated of each day."""
    async with desk.store() as work:
        days = await work.vee.days(FIRST, LAST, channel_ids=[desk.channel_id])
    return [(each.expected, each.actual, each.estimated) for each in days]


async def removed(store: UnitOfWorkFactory, desk: Desk) -> None:
    """Say that the meter was taken away at the slot."""
    meters = tuple(
        replace(
            each, multiplier=1, removed_at=at(REMOVED) if each == E100_MOVED else each.removed_at
        )
        for each in SMALL_TOWN.meters
    )
    await RegistryService(store).import_files(write_directory(replace(SMALL_TOWN, meters=meters)))


async def test_days_after_a_meter_was_taken_away_are_judged_anew_and_nobody_is_asked(store):
    desk = await a_desk(store, heard=slice(REMOVED, 672))
    before = await outcomes(desk)

    await removed(store, desk)
    await desk.vee.nightly()

    assert before[2:5] == [(96, 96, 0), (96, 12, 84), (96, 0, 96)]
    assert await outcomes(desk) == [*before[:3], (12, 12, 0), *[(0, 0, 0)] * 3]
    async with desk.store() as work:
        raised = await work.vee.open_exceptions()
        reads = await work.readings.intervals(
            Period(at(REMOVED), WEEK.end_utc), channel_ids=[desk.channel_id]
        )
    assert [each for each in raised if each.channel_id == desk.channel_id] == []
    assert {chr(letter) for letter in reads.current().status.tolist()} == {"S"}
