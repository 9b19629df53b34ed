"""From a request to an outcome, on a real database and a meter that obeys the rules."""

from dataclasses import replace
from datetime import timedelta

import pytest

from commands.machine import IllegalTransitionError
from commands.requests import Request
from mdms.domain.controls import Action, ControlState, Opcode, Result, SwitchPosition
from mdms.domain.errors import NotFoundError
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.controls import ReceivedAnswer

pytestmark = pytest.mark.db

POINTS_MAX = 30
"""Points at which the process can be killed, from the request to the verification."""


async def test_a_disconnect_is_signed_sent_answered_and_verified(line):
    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.VERIFIED, Result.OK)
    assert (control.switch, control.load_side_voltage) == (SwitchPosition.OPEN, False)
    assert line.meter.moves == [(Opcode.OPEN, 1)]
    assert await line.events(asked) == [
        "allowed", "signed", "sent", "collector_took", "answered", "confirmed",
    ]  # fmt: skip


async def test_a_meter_is_switched_off_and_on_again(line):
    await line.ask(Action.DISCONNECT)
    await line.run(3)
    back = await line.ask(Action.RECONNECT, cause="ERROR")
    await line.run(3)

    assert (await line.now(back)).state is ControlState.VERIFIED
    assert line.meter.moves == [(Opcode.OPEN, 1), (Opcode.CLOSE, 2)]


async def test_the_same_bytes_are_sent_again_when_the_answer_is_lost_and_the_meter_acts_once(line):
    line.air.mute = lambda number: number < 3

    asked = await line.ask(Action.DISCONNECT)
    await line.run(200)

    assert (await line.now(asked)).state is ControlState.VERIFIED
    assert len({envelope for _, envelope in line.air.sent}) == 1
    assert len(line.air.sent) == 3
    assert line.meter.moves == [(Opcode.OPEN, 1)]


async def test_a_collector_that_says_nothing_is_followed_by_the_next(line):
    line.air.deaf = frozenset({17})

    asked = await line.ask(Action.DISCONNECT)
    await line.run(15)

    assert [collector_id for collector_id, _ in line.air.sent] == [17, 18]
    assert (await line.now(asked)).state is ControlState.VERIFIED


async def test_the_collector_that_hears_the_meter_best_is_asked_first(line):
    line.heard_by = (18,)
    line.air.deaf = frozenset({18})

    asked = await line.ask(Action.DISCONNECT)
    await line.run(15)

    assert [collector_id for collector_id, _ in line.air.sent] == [18, 17]
    assert (await line.now(asked)).state is ControlState.VERIFIED


async def test_silence_ends_in_unknown_after_two_repeats_and_three_questions(line):
    line.air.lost = lambda _: True

    asked = await line.ask(Action.DISCONNECT)
    await line.run(600)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.UNKNOWN, Result.NO_REPLY)
    assert [envelope[4] for _, envelope in line.air.sent] == [Opcode.OPEN] * 3 + [
        Opcode.SWITCH_STATUS
    ] * 3
    assert len({envelope for _, envelope in line.air.sent}) == 2


async def test_nobody_listening_is_another_result_than_nobody_answering(line):
    line.air.deaf = frozenset({17, 18})

    asked = await line.ask(Action.DISCONNECT)
    await line.run(300)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.UNKNOWN, Result.COLLECTOR_DOWN)


async def test_a_lost_answer_is_found_out_by_asking_for_the_switch(line):
    line.air.mute = lambda number: number <= 3

    asked = await line.ask(Action.DISCONNECT)
    await line.run(300)

    control = await line.now(asked)
    assert (control.state, control.switch) == (ControlState.VERIFIED, SwitchPosition.OPEN)
    assert line.meter.moves == [(Opcode.OPEN, 1)]


async def test_a_command_that_never_arrived_fails_and_can_never_act_later(line):
    line.air.lost = lambda number: number <= 3

    asked = await line.ask(Action.DISCONNECT)
    await line.run(300)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.FAILED, Result.NO_REPLY)
    line.meter.hear(line.air.sent[0][1], line.clock.now())
    assert line.meter.moves == []


async def test_an_unknown_outcome_bars_a_second_open_until_a_ping_settles_it(line):
    line.air.lost = lambda _: True
    first = await line.ask(Action.DISCONNECT)
    await line.run(600)
    with pytest.raises(PolicyRefusedError, match="RD_BUSY"):
        await line.ask(Action.DISCONNECT)

    line.air.lost = lambda _: False
    await line.ask(Action.PING, cause="CHECK")
    await line.run(3)

    settled = await line.now(first)
    assert (settled.state, settled.result) == (ControlState.RECONCILED, Result.NO_REPLY)
    assert settled.switch is SwitchPosition.CLOSED
    second = await line.ask(Action.DISCONNECT)
    await line.run(3)
    assert (await line.now(second)).state is ControlState.VERIFIED


async def test_a_late_answer_is_bound_to_its_old_command(line):
    line.air.mute = lambda _: True
    asked = await line.ask(Action.DISCONNECT)
    await line.run(600)
    unknown = await line.now(asked)

    line.air.mute = lambda _: False
    await line.air.send(*line.air.sent[0])
    await line.run(2)

    assert unknown.state is ControlState.UNKNOWN
    settled = await line.now(asked)
    assert (settled.state, settled.result) == (ControlState.RECONCILED, Result.OK)


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        ({"result": Result.LOAD_SIDE_VOLTAGE}, Result.LOAD_SIDE_VOLTAGE),
        ({"result": Result.SWITCH_LOCKED}, Result.SWITCH_LOCKED),
        ({"stuck": True}, Result.SWITCH_FAIL_OPEN),
        ({"stuck": True, "switch": SwitchPosition.OPEN}, Result.LOAD_SIDE_VOLTAGE),
    ],
)
async def test_what_the_meter_shows_decides_not_what_it_says(line, fault, result):
    for name, value in fault.items():
        setattr(line.meter, name, value)

    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.FAILED, result)


async def test_a_reconnect_cancels_a_disconnect_that_waits(line):
    waiting = await line.ask(Action.DISCONNECT, not_before=line.clock.now() + timedelta(minutes=10))
    await line.run(3)
    await line.ask(Action.RECONNECT, cause="ERROR")
    await line.run(3)

    cancelled = await line.now(waiting)
    assert (cancelled.state, cancelled.result) == (ControlState.CANCELLED, Result.PREEMPTED)
    assert line.meter.moves == [(Opcode.CLOSE, 1)]


async def test_a_reconnect_overtakes_a_disconnect_that_is_out_and_it_can_never_act_later(line):
    line.air.lost = lambda _: True
    out = await line.ask(Action.DISCONNECT)
    await line.run(3)
    line.air.lost = lambda _: False
    await line.ask(Action.RECONNECT, cause="ERROR")
    await line.run(3)
    line.meter.hear(line.air.sent[0][1], line.clock.now())

    assert line.meter.moves == [(Opcode.CLOSE, 2)]
    assert (await line.now(out)).state is ControlState.RECONCILED


async def test_what_waits_can_be_cancelled_and_what_is_out_cannot(line):
    waiting = await line.ask(Action.DISCONNECT, not_before=line.clock.now() + timedelta(minutes=10))
    cancelled = await line.requests.cancel(waiting.control_id, "boss", "paid")
    line.air.lost = lambda _: True
    out = await line.ask(Action.DISCONNECT)
    await line.run(3)

    assert cancelled.state is ControlState.CANCELLED
    with pytest.raises(IllegalTransitionError, match="cannot be cancelled"):
        await line.requests.cancel(out.control_id, "boss", "paid")


async def test_a_command_waits_for_its_time_and_expires_when_nobody_was_there_to_send_it(line):
    at = line.clock.now() + timedelta(seconds=30)
    punctual = await line.ask(Action.PING, cause="CHECK", not_before=at)
    await line.run(29)
    before = await line.now(punctual)
    await line.run(5)
    late = await line.ask(Action.DISCONNECT)
    await line.clock.sleep(7 * 3600)
    await line.run(2)

    assert before.state is ControlState.POLICY_OK
    assert (await line.now(punctual)).state is ControlState.VERIFIED
    assert (await line.now(late)).state is ControlState.EXPIRED
    assert line.meter.moves == []


async def test_the_rules_are_judged_again_before_signing(line):
    asked = await line.ask(Action.DISCONNECT, not_before=line.clock.now() + timedelta(seconds=30))
    async with line.store() as work:
        registry = await work.registry.load()
        meters = tuple(
            replace(meter, serial="OTHER") if meter.badge == "E1" else meter
            for meter in registry.meters
        )
        await work.registry.merge(replace(registry, meters=meters))
    await line.run(35)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.CANCELLED, Result.POLICY_CHANGED)
    assert [refusal.code for refusal in control.refusals] == ["METER_CHANGED"]
    assert line.air.sent == []


async def test_the_rules_are_judged_again_before_each_repeat(line):
    line.air.lost = lambda _: True
    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)
    line.remote_open = False
    line.start()
    await line.run(400)

    assert [envelope[4] for _, envelope in line.air.sent] == [Opcode.OPEN] + [
        Opcode.SWITCH_STATUS
    ] * 3
    assert "policy_changed" in await line.events(asked)
    assert (await line.now(asked)).state is ControlState.UNKNOWN


async def test_a_refused_request_is_kept_with_its_reasons(line):
    with pytest.raises(PolicyRefusedError) as refused:
        await line.ask(Action.DISCONNECT, meter="W1")

    async with line.store() as work:
        kept = await work.controls.find(refused.value.control_id)
    assert kept.state is ControlState.POLICY_DENIED
    assert [each.code for each in kept.refusals] == [
        "RD_NOT_ELECTRIC", "RD_NO_SWITCH", "RD_NOT_PILOT",
    ]  # fmt: skip


async def test_a_trial_stores_nothing(line):
    allowed = Request(action=Action.DISCONNECT, meter="E1", cause="MOVE_OUT")
    with pytest.raises(PolicyRefusedError):
        await line.requests.request(replace(allowed, meter="W1"), "clerk", dry_run=True)
    await line.requests.request(allowed, "clerk", dry_run=True)

    async with line.store() as work:
        assert await work.controls.newest(10) == []


async def test_a_meter_that_nobody_knows_is_not_found(line):
    with pytest.raises(NotFoundError, match="E9"):
        await line.ask(Action.PING, meter="E9")


async def test_a_broker_that_is_away_delays_but_loses_nothing(line):
    line.air.away = True
    asked = await line.ask(Action.DISCONNECT)
    await line.run(15)
    line.air.away = False
    await line.run(120)

    assert (await line.now(asked)).state is ControlState.VERIFIED
    assert line.meter.moves == [(Opcode.OPEN, 1)]


async def test_forged_answers_and_copies_move_nothing(line):
    line.air.mute = lambda number: number == 1
    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)
    answer = line.meter.stored[asked.control_id.bytes]
    forged = ReceivedAnswer(17, 3, answer[:20] + b"\x02" + answer[21:], line.clock.now())
    line.air.heard.append(forged)
    await line.run(2)
    before = await line.now(asked)
    genuine = replace(forged, record=answer)
    line.air.heard += [genuine, genuine]
    await line.run(2)
    line.air.heard.append(genuine)
    await line.run(2)

    assert before.state is ControlState.COLLECTOR_ACK
    assert (await line.now(asked)).state is ControlState.VERIFIED
    assert (await line.events(asked)).count("answered") == 1


async def test_steps_are_fine_only_while_an_electric_meter_is_waited_for(line):
    line.air.mute = lambda _: True
    await line.run(1)
    idle = line.dispatcher.wanted_step_s()
    await line.ask(Action.DISCONNECT)
    await line.run(1)
    waiting = line.dispatcher.wanted_step_s()
    await line.run(600)

    assert (idle, waiting, line.dispatcher.wanted_step_s()) == (900, 1, 900)


@pytest.mark.parametrize("kill_at", range(1, POINTS_MAX + 1))
async def test_a_kill_between_any_two_steps_neither_loses_nor_doubles_a_command(line, kill_at):
    asked = await line.ask(Action.DISCONNECT)
    line.reaper.at = kill_at

    await line.run(150)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.VERIFIED, Result.OK)
    assert line.meter.moves == [(Opcode.OPEN, 1)]
    assert len({envelope for _, envelope in line.air.sent}) == 1


async def test_the_kills_above_cover_a_whole_life(line):
    asked = await line.ask(Action.DISCONNECT)
    while (await line.now(asked)).state is not ControlState.VERIFIED:
        await line.run(1)

    assert line.reaper.passed == POINTS_MAX


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(1, POINTS_MAX + 1))
async def test_a_kill_while_asking_for_the_switch_makes_no_second_open(line, kill_at):
    line.air.mute = lambda number: number <= 3
    asked = await line.ask(Action.DISCONNECT)
    await line.run(180)
    line.reaper.at, line.reaper.passed = kill_at, 0

    await line.run(150)

    assert (await line.now(asked)).state is ControlState.VERIFIED
    opens = {envelope for _, envelope in line.air.sent if envelope[4] == Opcode.OPEN}
    assert len(opens) == 1
    assert line.meter.moves == [(Opcode.OPEN, 1)]
