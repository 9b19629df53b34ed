"""Many commands as one list: two people, one hash; paced, stopped, and undone by one command."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from commands import journal
from commands.batches import Manner
from commands.machine import Event
from commands.requests import Request
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms.domain.batches import BatchState
from mdms.domain.controls import Action, ControlState, Opcode, Result
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.domain.people import Role
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.signer import open_signer_memory
from tests.controls import AT
from tests.fakes import FakeClock
from tests.integration.commands.many import Town, a_settled_town, settle
from tests.meters import MASTER
from tests.signing import an_edition, open_rules, supervisors

pytestmark = pytest.mark.db

METERS = 14
UNSENT = {ControlState.POLICY_OK, ControlState.APPROVED_1}


@pytest.fixture
async def town(database: str, store: UnitOfWorkFactory) -> AsyncIterator[Town]:
    """Homes of which the last one is not in the pilot; one approval is enough."""
    registry = a_settled_town(METERS)
    *pilot, last = registry.meters
    await settle(store, replace(registry, meters=(*pilot, replace(last, pilot=False))), AT)
    edition, clock = an_edition(approvals=1), FakeClock(AT)
    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        signer = LocalSigner(
            KeyRing({1: MASTER}), memory, clock, open_rules(edition), supervisors=supervisors()
        )
        yield Town(store, signer, clock, edition, METERS)


async def states(town: Town, batch_id: UUID) -> Counter[ControlState]:
    return Counter(each.state for each in await town.controls(batch_id))


async def test_each_row_is_judged_and_the_rest_stands(town):
    batch_id = await town.propose(range(METERS))

    by_badge = {each.badge: each for each in await town.controls(batch_id)}
    refused = by_badge.pop(f"E{METERS - 1}")
    assert (refused.state, refused.refusals[0].code) == (
        ControlState.POLICY_DENIED, "RD_NOT_PILOT",
    )  # fmt: skip
    assert {each.state for each in by_badge.values()} == {ControlState.POLICY_OK}
    codes = {code.code for each in by_badge.values() for code in each.refusals}
    assert codes == {"RD_DUAL", "BATCH_UNAPPROVED"}


async def test_nothing_goes_before_the_list_is_approved_whatever_is_in_it(town):
    rows = [Request(action=Action.PING, meter=f"E{n}", cause="CHECK") for n in range(3)]
    batch = await town.batches.propose("ask.csv", rows, "clerk", Manner())
    await town.run(600, step_s=60)
    before = [air.sent for air in town.air.air.values() if air.sent]
    await town.approve(batch.batch_id)
    await town.run(3)

    assert before == []
    assert await states(town, batch.batch_id) == {ControlState.VERIFIED: 3}


async def test_only_another_person_approves_and_only_the_list_that_was_judged(town):
    batch_id = await town.propose(range(3))
    async with town.store() as work:
        batch = await work.batches.find(batch_id)

    with pytest.raises(PolicyRefusedError, match="RD_DUAL"):
        await town.batches.approve(batch_id, "clerk", batch.sha256, "")
    for other in ("", "0" * 64):
        with pytest.raises(PolicyRefusedError, match="BATCH_HASH"):
            await town.batches.approve(batch_id, "boss", other, "")
    approved = await town.batches.approve(batch_id, "boss", batch.sha256, "looked at it")
    with pytest.raises(OperatorError, match="RUNNING cannot be approved"):
        await town.batches.approve(batch_id, "boss", batch.sha256, "")

    assert (approved.state, approved.approved_by) == (BatchState.RUNNING, "boss")


async def test_a_list_that_was_changed_in_the_database_is_not_approved(town, database):
    batch_id = await town.propose(range(3))
    async with town.store() as work:
        batch = await work.batches.find(batch_id)
        await work.batches.save(replace(batch, listing=batch.listing.replace(b"E1", b"E9")))

    with pytest.raises(OperatorError, match="not those of the list"):
        await town.batches.approve(batch_id, "boss", batch.sha256, "")


async def test_a_command_that_is_cancelled_while_its_batch_is_approved_stays_cancelled(
    town, database
):
    batch_id = await town.propose(range(3))
    first, *_ = await town.controls(batch_id)
    async with town.store() as work:
        locked = await work.controls.lock(first.control_id)
        approving = asyncio.create_task(town.approve(batch_id))
        await _until_somebody_waits_for_a_lock(database)
        await journal.record(work, locked, Event.CANCELLED, AT, actor="clerk", due_at=None)
    await approving
    await town.run(30)

    assert await states(town, batch_id) == {ControlState.CANCELLED: 1, ControlState.VERIFIED: 2}
    assert first.badge not in town.air.moves(Opcode.OPEN)


async def _until_somebody_waits_for_a_lock(database: str) -> None:
    count = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        while await (await connection.execute(count)).fetchone() == (0,):
            await connection.execute("SELECT pg_sleep(0.01)")


async def test_a_supervisor_who_approved_one_command_may_approve_its_list(town):
    batch_id = await town.propose(range(3))
    first, *_ = await town.controls(batch_id)
    await town.approvals.approve(first.control_id, "boss", {Role.SUPERVISOR}, "")

    await town.approve(batch_id)
    await town.run(30)

    assert await states(town, batch_id) == {ControlState.VERIFIED: 3}


async def test_the_database_keeps_the_end_of_a_command_from_an_older_copy(town):
    batch_id = await town.propose(range(1))
    (copy,) = await town.controls(batch_id)
    await town.requests.cancel(copy.control_id, "clerk", "")

    with pytest.raises(psycopg.errors.RaiseException, match="CANCELLED is not followed by POLICY"):
        async with town.store() as work:
            await work.controls.save(copy)


async def test_one_command_alone_needs_no_hash(town):
    batch_id = await town.propose([0])
    await town.batches.approve(batch_id, "boss", "", "")
    await town.run(3)

    assert town.air.moves(Opcode.OPEN) == ["E0"]


async def test_budgets_pace_a_batch_and_the_signer_never_sees_one_too_many(town):
    batch_id = await town.propose(range(METERS))
    await town.approve(batch_id)
    await town.run(5)
    first_hour = await states(town, batch_id)
    waits = {
        code.code
        for each in await town.controls(batch_id)
        if each.state in UNSENT
        for code in each.refusals
    }
    await town.run(3900, step_s=30)

    assert first_hour == {
        ControlState.VERIFIED: 10, ControlState.APPROVED_1: 3, ControlState.POLICY_DENIED: 1,
    }  # fmt: skip
    assert waits == {"RD_PACED"}
    assert await town.signer.standing_trip() is None
    assert len(town.air.moves(Opcode.OPEN)) == METERS - 1


async def test_commands_go_one_by_one_in_no_order_of_the_street(town):
    batch_id = await town.propose(range(8), Manner(every_s=60))
    await town.approve(batch_id)
    await town.run(2)
    first = len(town.air.moves(Opcode.OPEN))
    await town.run(60)
    second = len(town.air.moves(Opcode.OPEN))
    await town.run(7 * 60)

    sent = sorted(await town.controls(batch_id), key=lambda each: each.sent_at)
    assert (first, second) == (1, 2)
    assert await states(town, batch_id) == {ControlState.VERIFIED: 8}
    assert [each.badge for each in sent] != sorted(each.badge for each in sent)


async def test_too_many_failures_stop_a_batch_and_a_supervisor_lets_it_go_on(town):
    for air in town.air.air.values():
        air.meter.result = Result.SWITCH_FAIL_OPEN
    batch_id = await town.propose(range(8), Manner(every_s=60, stop_after=2))
    await town.approve(batch_id)
    await town.run(600, step_s=2)
    async with town.store() as work:
        stopped = await work.batches.find(batch_id)
        audited = [record.content for record in await work.audit.about(str(batch_id))]
    failed = await states(town, batch_id)
    for air in town.air.air.values():
        air.meter.result = Result.OK
    await town.batches.resume(batch_id, "boss", "the wrong firmware")
    await town.run(600, step_s=2)

    assert stopped.state is BatchState.PAUSED
    assert b'"stopped"' in audited[-1]
    assert failed == {ControlState.FAILED: 2, ControlState.APPROVED_1: 6}
    assert await states(town, batch_id) == {ControlState.FAILED: 2, ControlState.VERIFIED: 6}


async def test_a_paused_batch_lets_nothing_go_until_it_is_resumed(town):
    batch_id = await town.propose(range(6), Manner(every_s=30))
    await town.approve(batch_id)
    await town.run(40)
    await town.batches.pause(batch_id, "clerk", "wait")
    await town.run(7200, step_s=60)
    paused = len(town.air.moves(Opcode.OPEN))
    await town.batches.resume(batch_id, "boss", "")
    await town.run(300)

    assert paused == 2
    assert len(town.air.moves(Opcode.OPEN)) == 6


async def test_one_command_closes_what_a_batch_opened_and_takes_back_the_rest(town):
    batch_id = await town.propose(range(12))
    await town.approve(batch_id)
    await town.run(5)
    opened = town.air.moves(Opcode.OPEN)
    undone = await town.undo.undo(batch_id, "clerk", "csr", "wrong list")
    await town.run(5)
    again = await town.undo.undo(batch_id, "clerk", "csr", "wrong list")
    await town.run(7200, step_s=60)

    assert len(opened) == 10
    assert sorted(undone.reconnected) == sorted(opened)
    assert (len(undone.cancelled), undone.refused) == (2, {})
    assert sorted(town.air.moves(Opcode.CLOSE)) == sorted(opened)
    assert (again.cancelled, again.reconnected) == ([], {})
    assert town.air.moves(Opcode.OPEN) == opened


async def test_what_is_on_its_way_when_a_batch_is_undone_is_closed_too(town):
    batch_id = await town.propose(range(3))
    await town.approve(batch_id)
    for air in town.air.air.values():
        air.mute = lambda number: number == 1
    await town.run(1)
    undone = await town.undo.undo(batch_id, "boss", "csr", "")
    await town.run(60)

    assert sorted(undone.reconnected) == ["E0", "E1", "E2"]
    assert sorted(town.air.moves(Opcode.CLOSE)) == ["E0", "E1", "E2"]


async def test_a_meter_that_nobody_knows_stops_the_whole_list(town):
    rows = [Request(action=Action.PING, meter=name, cause="CHECK") for name in ("E1", "E404")]

    with pytest.raises(NotFoundError, match="E404"):
        await town.batches.propose("ask.csv", rows, "clerk", Manner())
    async with town.store() as work:
        assert await work.batches.newest(10) == []
        assert await work.controls.newest(10) == []


async def test_every_step_of_a_batch_is_in_the_audit(town):
    batch_id = await town.propose(range(2))
    await town.approve(batch_id)
    await town.batches.pause(batch_id, "clerk", "wait")
    await town.batches.resume(batch_id, "boss", "")
    await town.undo.undo(batch_id, "boss", "csr", "wrong")
    async with town.store() as work:
        audited = await work.audit.about(str(batch_id))
        contradicted = await work.audit.contradicted()

    events = ["proposed", "approved", "paused", "running", "undone"]
    assert len(audited) == len(events)
    for record, event in zip(audited, events, strict=True):
        assert f'"event":"{event}"'.encode() in record.content
    assert contradicted == []
