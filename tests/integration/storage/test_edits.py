"""Edits, decisions and the queue on a real database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from psycopg.errors import UniqueViolation

from mdms.domain.edits import Edit, EditDecision, EditOperation, EditReason, EditState
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.vee import VeeException

pytestmark = pytest.mark.db

START_S = 1_793_700_000
DAY = date(2026, 11, 3)
AT = datetime(2026, 11, 5, 13, tzinfo=UTC)
BRIDGE = Edit(
    edit_id=UUID(int=1),
    channel_id=7,
    operation=EditOperation.SET,
    start_s=START_S,
    end_s=START_S + 1800,
    parameters={"values": "1, 2"},
    reason=EditReason.GAP_TEMP,
    text="until the tower is back",
    ticket="T-1",
    override_sum="",
    before=(None, 5),
    before_status="-E",
    basis=(-1, 1),
    after=(1, 2),
    after_status="XX",
    residual_before=(3,),
    residual_after=(0,),
    change=-2,
    four_eyes=("reason GAP_TEMP",),
    editor="ann",
    editor_role="vee",
    asked_at=AT,
)
APPROVED = EditDecision(EditState.APPROVED, "bob", "supervisor", AT + timedelta(hours=1), "seen")
HOUR = Period(from_epoch_s(START_S), from_epoch_s(START_S + 3600))


async def test_an_edit_comes_back_as_it_was_asked_for_and_decided(store):
    async with store() as work:
        await work.edits.add(BRIDGE)
        waiting = await work.edits.some(state=EditState.WAITING)
        await work.edits.decide(BRIDGE.edit_id, APPROVED)

    async with store() as work:
        decided = replace(BRIDGE, decision=APPROVED)
        assert waiting == [BRIDGE]
        assert await work.edits.find(BRIDGE.edit_id, lock=True) == decided
        assert await work.edits.some(state=EditState.WAITING) == []
        assert await work.edits.some(channel_ids=[7], period=HOUR) == [decided]
        assert await work.edits.some(channel_ids=[8]) == []
        assert await work.edits.find(UUID(int=9)) is None


async def test_an_edit_is_decided_about_once(store):
    async with store() as work:
        await work.edits.add(BRIDGE)
        await work.edits.decide(BRIDGE.edit_id, APPROVED)

    with pytest.raises(UniqueViolation):
        async with store() as work:
            await work.edits.decide(BRIDGE.edit_id, replace(APPROVED, state=EditState.REFUSED))


async def test_only_approved_edits_leave_marks_and_only_once_they_were_approved(store):
    waived = replace(
        BRIDGE, edit_id=UUID(int=2), reason=EditReason.OTHER, override_sum="swapped",
        start_s=START_S + 1800, end_s=START_S + 3600,
    )  # fmt: skip
    async with store() as work:
        for edit in (BRIDGE, waived):
            await work.edits.add(edit)
        nothing = await work.edits.marks(HOUR, [7])
        for edit in (BRIDGE, waived):
            await work.edits.decide(edit.edit_id, APPROVED)

    async with store() as work:
        marks = await work.edits.marks(HOUR, [7])
        before = await work.edits.marks(HOUR, [7], as_of=AT)

    assert marks.temporary.start_s.tolist() == [START_S, START_S + 900]
    assert marks.waived.start_s.tolist() == [START_S + 1800, START_S + 2700]
    assert [len(each.temporary) + len(each.waived) for each in (nothing, before)] == [0, 0]


async def test_only_the_last_edit_of_an_interval_leaves_its_mark(store):
    firm = replace(
        BRIDGE, edit_id=UUID(int=2), reason=EditReason.METER_FAULT,
        asked_at=AT + timedelta(hours=2), end_s=START_S + 900, before=(1,), before_status="X",
        basis=(1,), after=(9,), after_status="X",
    )  # fmt: skip
    trust = replace(
        firm, edit_id=UUID(int=3), operation=EditOperation.ACCEPT, start_s=START_S + 900,
        end_s=START_S + 2700, before=(2, 7), before_status="XS", basis=(1, 1), after=(2, 7),
        after_status="XA",
    )  # fmt: skip
    async with store() as work:
        for number, edit in enumerate((BRIDGE, firm, trust)):
            await work.edits.add(edit)
            later = replace(APPROVED, at=APPROVED.at + timedelta(hours=number))
            await work.edits.decide(edit.edit_id, later)

        marks = await work.edits.marks(HOUR, [7])
        at_first = await work.edits.marks(HOUR, [7], as_of=APPROVED.at)

    assert marks.temporary.start_s.tolist() == [START_S + 900]
    assert at_first.temporary.start_s.tolist() == [START_S, START_S + 900]


async def test_a_register_version_stands_beside_what_was_received(store):
    raw = RegisterReads.raw(
        np.array([7]), np.array([START_S]), np.array([100]), recorded_us=0, source=Source.UPLINK
    )
    edited = replace(
        raw, version=np.array([1], np.int16), value=np.array([150], np.int64),
        source=np.array([Source.EDIT], np.int16),
    )  # fmt: skip
    async with store() as work:
        await work.readings.append_raw(IntervalReads.empty(), raw, sure=False)
        await work.edits.append_registers(edited)
        found = await work.readings.registers(HOUR, channel_ids=[7])

    assert found.current().value.tolist() == [150]


async def test_an_exception_is_assigned_and_answered_and_not_asked_again(store):
    spike = VeeException(7, DAY, "V24", "HOLD", "1 interval stands out", AT)
    async with store() as work:
        await work.vee.replace_exceptions([(7, DAY)], [spike], AT)
        (queued,) = await work.exceptions.some(rule="V24", assigned_to="")
        await work.exceptions.assign(queued.exception_id, "ann")
        mine = await work.exceptions.some(assigned_to="ann")
        await work.exceptions.answer(queued.exception_id, "accepted", "ann", AT)
        await work.vee.replace_exceptions([(7, DAY)], [spike], AT)
        again = await work.exceptions.some()
        await work.vee.replace_exceptions([(7, DAY)], [replace(spike, detail="2 of them")], AT)

    async with store() as work:
        (new,) = await work.exceptions.some()
        answered = await work.exceptions.find(queued.exception_id)

    assert mine == [replace(queued, assigned_to="ann")]
    assert again == []
    assert new.detail == "2 of them"
    assert (answered.answer, answered.answered_by, answered.closed_at) == ("accepted", "ann", AT)
