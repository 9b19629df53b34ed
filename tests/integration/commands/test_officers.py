"""What the safety role may do: hazards at once, and a second officer only after a supervisor."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from commands.requests import Request
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms.domain.controls import Action, Opcode
from mdms.domain.errors import UsageError
from mdms.domain.people import Role
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.signer import open_signer_memory
from tests.controls import AT
from tests.fakes import FakeClock
from tests.integration.commands.many import Town, a_settled_town, settle
from tests.meters import MASTER
from tests.signing import an_edition, open_rules

pytestmark = pytest.mark.db

HAZARD = Request(
    action=Action.DISCONNECT,
    meter="E0",
    cause="HAZARD",
    item="R9.D.3",
    evidence="EV-7",
    role=Role.SAFETY,
)
OFFICER = frozenset({Role.SAFETY})


@pytest.fixture
async def town(database: str, store: UnitOfWorkFactory) -> AsyncIterator[Town]:
    await settle(store, a_settled_town(2), AT)
    edition, clock = an_edition(approvals=1), FakeClock(AT)
    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        signer = LocalSigner(KeyRing({1: MASTER}), memory, clock, open_rules(edition))
        yield Town(store, signer, clock, edition, 2)


async def test_another_officer_approves_once_a_supervisor_had_time_to_and_not_before(town):
    asked = await town.requests.request(HAZARD, "officer")
    with pytest.raises(PolicyRefusedError) as early:
        await town.approvals.approve(asked.control_id, "other", OFFICER, "")
    await town.clock.sleep(300)

    await town.approvals.approve(asked.control_id, "other", OFFICER, "")
    await town.run(3)

    assert [each.cure for each in early.value.refusals] == [
        "a supervisor approves; another safety officer may from 18:05:00 UTC on"
    ]
    assert town.air.moves(Opcode.OPEN) == ["E0"]


async def test_a_hazard_is_not_put_on_a_calendar(town):
    with pytest.raises(UsageError, match="at once: leave the time out"):
        await town.requests.request(replace(HAZARD, not_before=AT + timedelta(days=3)), "officer")


async def test_the_safety_role_cuts_nobody_off_for_anything_else(town):
    with pytest.raises(PolicyRefusedError) as refused:
        await town.requests.request(replace(HAZARD, cause="MOVE_OUT"), "officer")

    assert "RD_ROLE" in {each.code for each in refused.value.refusals}
