"""Loss, silence and kills by seed: whatever happens, what is said of a switch is true."""

import random

import pytest

from mdms.domain.controls import ENDED, Action, ControlState, Opcode, Result, SwitchPosition
from mdms.policy.refusals import PolicyRefusedError

pytestmark = [pytest.mark.db, pytest.mark.slow]

LIFE_S = 600


@pytest.mark.parametrize("seed", range(16))
async def test_what_is_said_of_a_switch_is_true_whatever_is_lost_or_killed(line, seed):
    rng = random.Random(seed)
    loss, silence = rng.choice([0, 0.3, 0.7, 1]), rng.choice([0, 0.3, 0.7, 1])
    line.air.lost = lambda _: rng.random() < loss
    line.air.mute = lambda _: rng.random() < silence
    line.air.deaf = frozenset(rng.sample([17, 18], rng.randint(0, 2)))
    asked = []
    codes: set[str] = set()
    for action in (Action.DISCONNECT, Action.RECONNECT, Action.DISCONNECT):
        try:
            asked.append(await line.ask(action))
        except PolicyRefusedError as refused:
            codes.update(each.code for each in refused.refusals)
        line.reaper.at, line.reaper.passed = rng.randint(1, 200), 0
        await line.run(rng.choice([5, LIFE_S]), step_s=5)
    line.reaper.at = 0
    await line.run(LIFE_S, step_s=5)

    ended = [await line.now(each) for each in asked]
    assert all(control.state in ENDED for control in ended)
    assert codes <= {"RD_BUSY"}
    async with line.store() as work:
        own = {each.control_id: (await work.controls.envelope(each.control_id)) for each in ended}
        signed = {
            each.control_id: [
                envelope.opcode for envelope in await work.controls.envelopes(each.control_id)
            ]
            for each in ended
        }
    for control in ended:
        opcode = Opcode.OPEN if control.action is Action.DISCONNECT else Opcode.CLOSE
        assert signed[control.control_id].count(opcode) <= 1
        envelope = own[control.control_id]
        moved = envelope is not None and (opcode, envelope.counter) in line.meter.moves
        if control.state is ControlState.VERIFIED:
            assert moved
        if (control.state, control.result) == (ControlState.FAILED, Result.NO_REPLY):
            assert not moved
        if control.state is ControlState.CANCELLED:
            assert not moved
    assert len(line.meter.moves) == len(set(line.meter.moves)) <= len(ended)


async def test_a_dead_meter_is_never_said_to_have_acted(line):
    line.air.lost = lambda _: True
    asked = await line.ask(Action.DISCONNECT)

    for kill_at in range(3, 200, 20):
        line.reaper.at, line.reaper.passed = kill_at, 0
        await line.run(60, step_s=5)
    line.reaper.at = 0
    await line.run(LIFE_S, step_s=5)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.UNKNOWN, Result.NO_REPLY)
    assert control.verified_at is None
    assert line.meter.switch is SwitchPosition.CLOSED
