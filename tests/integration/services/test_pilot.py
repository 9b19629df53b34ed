"""The pilot on a real database: joined and left by word, whatever the registry's files say."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest

from mdms.domain.controls import Action, ControlState
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.pilot import PilotService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.controls import AT, a_control
from tests.fakes import FakeClock
from tests.integration.commands.town import a_town
from tests.lawful import a_judge

pytestmark = pytest.mark.db

WHY = "three accounts in 36 months"
NOBODY = a_town(4, transformer_count=1)
NOBODY = replace(NOBODY, meters=tuple(replace(meter, pilot=False) for meter in NOBODY.meters))


@pytest.fixture
async def service(store: UnitOfWorkFactory) -> PilotService:
    async with store() as work:
        await work.registry.merge(NOBODY)
    return a_pilot(store)


def a_pilot(store: UnitOfWorkFactory, meters_max: int = 500) -> PilotService:
    gate = replace(a_judge().rules(AT).gate, pilot_meters_max=meters_max)
    return PilotService(store, FakeClock(AT), lambda _at: gate)


async def refusal_of(act: Awaitable[object]) -> list[str]:
    with pytest.raises(PolicyRefusedError) as refused:
        await act
    return [each.code for each in refused.value.refusals]


async def test_a_meter_that_joins_may_be_judged_and_is_told_of(service, store):
    joined = await service.enrol("U1", "carol", WHY)

    async with store() as work:
        standing = await work.standing.of("E1", AT, AT - timedelta(days=1))
        counted = await work.standing.open_count(AT, "E0")
        noted = await work.audit.about("E1")
    assert (joined["meter"], joined["in_pilot"], joined["by"]) == ("E1", True, "carol")
    assert [each["meter"] for each in await service.meters()] == ["E1"]
    assert standing.place.meter.pilot
    assert counted.switch_count == 1
    assert b'"kind":"pilot.enrolled"' in noted[0].content
    assert WHY.encode() in noted[0].content


async def test_who_has_left_is_in_it_no_more(service, store):
    await service.enrol("E1", "carol", WHY)

    left = await service.leave("E1", "carol", "sold")

    assert not left["in_pilot"]
    assert await service.meters() == []
    async with store() as work:
        assert len(await work.audit.about("E1")) == 2


async def test_joining_twice_leaving_from_nowhere_and_unknown_meters_are_refused(service):
    await service.enrol("E1", "carol", WHY)

    with pytest.raises(OperatorError, match="already"):
        await service.enrol("E1", "carol", WHY)
    with pytest.raises(OperatorError, match="not in the pilot"):
        await service.leave("E2", "carol", WHY)
    with pytest.raises(NotFoundError, match="E404"):
        await service.enrol("E404", "carol", WHY)


async def test_two_who_want_the_last_place_do_not_both_get_it(service, store):
    small = a_pilot(store, meters_max=2)
    await small.enrol("E0", "carol", WHY)

    came = await asyncio.gather(
        *(small.enrol(badge, "carol", WHY) for badge in ("E1", "E2", "E3")),
        return_exceptions=True,
    )

    refused = [each for each in came if isinstance(each, PolicyRefusedError)]
    assert [each.refusals[0].code for each in refused] == ["PILOT_FULL"] * 2
    assert len(await service.meters()) == 2


async def test_a_meter_whose_switch_may_stand_open_stays(service, store):
    await service.enrol("E1", "carol", WHY)
    opened = a_control(
        badge="E1", action=Action.DISCONNECT, state=ControlState.UNKNOWN, sent_at=AT, due_at=None
    )
    async with store() as work:
        await work.controls.add(replace(opened, usage_point_id="U1"))

    assert await refusal_of(service.leave("E1", "carol", WHY)) == ["PILOT_OPEN"]


async def test_no_import_undoes_what_was_decided(service, store):
    await service.enrol("E1", "carol", WHY)
    await service.enrol("E2", "carol", WHY)
    await service.leave("E2", "carol", "sold")
    eager = replace(NOBODY, meters=tuple(replace(each, pilot=True) for each in NOBODY.meters))

    async with store() as work:
        await work.registry.merge(NOBODY)
        again = await work.registry.merge(NOBODY)
    assert [each["meter"] for each in await service.meters()] == ["E1"]
    assert again.changed["meters.csv"] == 0
    async with store() as work:
        await work.registry.merge(eager)
    pilot = await service.meters()

    assert [(each["meter"], each["by"]) for each in pilot] == [
        ("E0", "registry"), ("E1", "carol"), ("E3", "registry"),
    ]  # fmt: skip


async def test_a_meter_that_is_exchanged_stays_in_the_pilot(service, store):
    await service.enrol("E1", "carol", WHY)
    old = NOBODY.meters[1]
    new = replace(old, badge="E1b", serial="S1b", radio_id=5000, installed_at=AT)

    async with store() as work:
        await work.registry.merge(
            replace(NOBODY, meters=(replace(old, removed_at=AT), new), channels=())
        )

    assert [each["meter"] for each in await service.meters()] == ["E1b"]


async def test_an_import_does_not_overfill_the_pilot(store):
    small = a_pilot(store, meters_max=3)
    registry = RegistryService(store, within=small.within_limit)

    async def take(meter_count: int) -> None:
        town = a_town(meter_count, transformer_count=1)
        await registry.import_files(write_directory(town))

    await take(3)

    assert await refusal_of(take(4)) == ["PILOT_FULL"]
    assert len(await small.meters()) == 3
