"""Commands and answers as rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mdms.domain.controls import (
    ControlState,
    ControlStep,
    Opcode,
    Optout,
    Refusal,
    Result,
    SignedEnvelope,
    SwitchPosition,
    new_id,
)
from mdms.ports.controls import ReceivedAnswer
from tests.controls import AT, a_control, a_registry

pytestmark = pytest.mark.db


@pytest.fixture
async def meters(store):
    async with store() as work:
        await work.registry.merge(a_registry())
    return store


async def test_a_command_comes_back_as_it_was_stored(meters):
    refusal = Refusal("RD_BUSY", "G5", "wait", AT + timedelta(hours=1))
    first = a_control(refusals=(refusal, replace(refusal, next_possible_at=None)))
    async with meters() as work:
        await work.controls.add(first)
    later = replace(
        first,
        state=ControlState.VERIFIED,
        result=Result.OK,
        switch=SwitchPosition.OPEN,
        collector_ids=(17, 18),
        load_side_voltage=False,
        sent_at=AT,
    )
    async with meters() as work:
        await work.controls.save(later)

    async with meters() as work:
        assert await work.controls.find(first.control_id) == later
        assert await work.controls.of_meter(first.badge) == [later]
        assert await work.controls.newest(5) == [later]


async def test_what_is_due_is_given_to_one_transaction_at_a_time(meters):
    first = a_control(due_at=AT)
    second = a_control(control_id=new_id(AT), due_at=AT + timedelta(seconds=1))
    async with meters() as work:
        await work.controls.add(first)
        await work.controls.add(second)

    now = AT + timedelta(seconds=1)
    async with meters() as one, meters() as two, meters() as three:
        assert await one.controls.lock_due(now) == first
        assert await two.controls.lock_due(now) == second
        assert await three.controls.lock_due(now) is None


async def test_steps_number_themselves(meters):
    control = a_control()
    async with meters() as work:
        await work.controls.add(control)
        for event in ("allowed", "signed"):
            step = ControlStep(control.control_id, 0, AT, event, ControlState.SIGNED, "clerk", "")
            await work.controls.add_step(step)

    async with meters() as work:
        steps = await work.controls.steps(control.control_id)
    assert [(step.number, step.event) for step in steps] == [(1, "allowed"), (2, "signed")]


async def test_envelopes_are_found_by_command_and_by_control(meters):
    control = a_control()
    probe = SignedEnvelope(new_id(AT), control.control_id, Opcode.SWITCH_STATUS, 8, b"y" * 64, AT)
    own = SignedEnvelope(control.control_id, control.control_id, Opcode.OPEN, 7, b"x" * 64, AT)
    async with meters() as work:
        await work.controls.add(control)
        await work.controls.add_envelope(probe)
        await work.controls.add_envelope(own)

    async with meters() as work:
        assert await work.controls.envelopes(control.control_id) == [own, probe]
        assert await work.controls.envelope(probe.command_id) == probe
        assert await work.controls.envelope(new_id(AT)) is None


async def test_an_answer_waits_until_it_is_marked(meters):
    answer = ReceivedAnswer(17, 3, b"\x01" * 64, AT)
    async with meters() as work:
        await work.controls.receive([answer, answer])
    async with meters() as work:
        (number, first), (_, second) = await work.controls.unhandled(10)
        await work.controls.mark_handled([number], AT)

    async with meters() as work:
        rest = await work.controls.unhandled(10)
    assert first == second == answer
    assert [each for _, each in rest] == [answer]


async def test_an_optout_is_in_force_until_it_ends(meters):
    optout = Optout(new_id(AT), "E1", AT, "form on file", "clerk", AT)
    async with meters() as work:
        await work.optouts.add(optout)
    async with meters() as work:
        in_force = await work.optouts.in_force("E1")
        await work.optouts.end(optout.optout_id, AT, "boss")

    assert in_force == optout
    async with meters() as work:
        assert await work.optouts.in_force("E1") is None
        assert await work.optouts.every() == [replace(optout, ended_at=AT, ended_by="boss")]


async def test_a_silent_radio_cuts_an_installation_in_three(meters):
    control = a_control()
    off_at, on_at = datetime(2026, 11, 5, tzinfo=UTC), datetime(2026, 11, 6, tzinfo=UTC)
    async with meters() as work:
        await work.controls.add(control)
        before = await work.registry.channels()
        await work.optouts.silence("E1", off_at, control.control_id)
        await work.optouts.silence("E1", off_at + timedelta(hours=1), control.control_id)
        silenced = await work.registry.channels()
        await work.optouts.unsilence("E1", on_at)
        heard = await work.registry.channels()

    of_e1 = heard.take(heard.badge == "E1")
    assert of_e1.radio_on.tolist() == [True, False, True]
    assert of_e1.removed_s.tolist()[:2] == of_e1.installed_s.tolist()[1:]
    assert of_e1.installed_s.tolist()[1] == int(off_at.timestamp())
    assert of_e1.installed_s.tolist()[2] == int(on_at.timestamp())
    assert silenced.take(silenced.badge == "E1").radio_on.tolist() == [True, False]
    assert len(heard) == len(before) + 2
