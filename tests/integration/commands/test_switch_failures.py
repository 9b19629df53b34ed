"""Whatever can go wrong with a switch, row by row of headend.md 1.5: what is said, who is sent."""

from datetime import datetime, timedelta

import pytest

from commands.codecs import cmac
from commands.signing.keys import meter_key
from mdms.domain.controls import (
    Action,
    ControlState,
    EndDeviceControl,
    Opcode,
    Result,
    SwitchPosition,
)
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.controls import ReceivedAnswer
from tests.integration.commands.line import Line
from tests.meters import MASTER

pytestmark = pytest.mark.db

STATE, RESULT, AT_SWITCH = ControlState, Result, SwitchPosition
HOURS_LATER = timedelta(hours=3)


def a_last_gasp(at: datetime) -> EndDeviceEvent:
    return EndDeviceEvent(
        collector_id=17,
        badge="E1",
        radio_id=47622887,
        code=EventCode.POWER_FAIL,
        at=at,
        severity=Severity.ALARM,
        received_at=at,
    )


async def orders(line: Line) -> list[tuple[str, bool]]:
    """Reason of every order to a person that is open, and whether somebody may get hurt."""
    async with line.store() as work:
        found = await work.field_orders.every(open_only=True, count_max=10)
    return [(each.reason, each.is_safety) for each in found]


async def cut_off(line: Line) -> None:
    """Open the switch, as it must be opened before anybody may close it."""
    await line.ask(Action.DISCONNECT)
    await line.run(3)
    assert line.meter.switch is AT_SWITCH.OPEN


async def ended(line: Line, control: EndDeviceControl) -> tuple[ControlState, Result | None]:
    control = await line.now(control)
    return control.state, control.result


def unasked(line: Line, control: EndDeviceControl, switch: SwitchPosition) -> ReceivedAnswer:
    """What a meter says by itself, hours later, with the identity of an old command."""
    old = line.meter.stored[control.control_id.bytes]
    live = switch is SwitchPosition.CLOSED
    body = old[:5] + b"\0" + old[6:20] + bytes([switch, 1 | live << 1]) + old[22:48]
    record = body + cmac(meter_key(MASTER, line.meter.radio_id), body)
    return ReceivedAnswer(18, 3, record, line.clock.now())


async def test_no_reply_is_unknown_and_somebody_looks_at_the_switch(line):
    line.air.lost = lambda _: True

    asked = await line.ask(Action.DISCONNECT)
    await line.run(600, step_s=5)

    assert await ended(line, asked) == (STATE.UNKNOWN, RESULT.NO_REPLY)
    assert {envelope[4] for _, envelope in line.air.sent} == {Opcode.OPEN, Opcode.SWITCH_STATUS}
    assert len({envelope for _, envelope in line.air.sent if envelope[4] == Opcode.OPEN}) == 1
    assert await orders(line) == [("SWITCH_UNKNOWN", False)]


async def test_an_answer_that_was_lost_is_reconciled_by_a_late_one_and_nobody_need_look(line):
    line.air.mute = lambda _: True
    asked = await line.ask(Action.DISCONNECT)
    await line.run(600, step_s=5)
    sent_to_look = await orders(line)
    await line.clock.sleep(HOURS_LATER.total_seconds())

    line.air.heard.append(unasked(line, asked, AT_SWITCH.OPEN))
    await line.run(3)

    assert sent_to_look == [("SWITCH_UNKNOWN", False)]
    assert await ended(line, asked) == (STATE.RECONCILED, RESULT.OK)
    assert await orders(line) == []


async def test_a_welded_contact_is_a_danger(line):
    line.meter.stuck, line.meter.switch = True, AT_SWITCH.OPEN

    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)

    assert await ended(line, asked) == (STATE.FAILED, RESULT.LOAD_SIDE_VOLTAGE)
    assert await orders(line) == [("FAILED_WELDED", True)]


async def test_a_contact_that_does_not_close_needs_a_person(line):
    await cut_off(line)
    line.meter.stuck, line.meter.switch = True, AT_SWITCH.CLOSED

    asked = await line.ask(Action.RECONNECT)
    await line.run(3)

    assert await ended(line, asked) == (STATE.FAILED, RESULT.SWITCH_FAIL_CLOSE)
    assert await orders(line) == [("FAILED_CLOSE", False)]


async def test_a_backfeed_is_not_closed_upon_and_the_next_reconnect_is_refused(line):
    await cut_off(line)
    line.meter.result, line.meter.load_side_voltage = RESULT.LOAD_SIDE_VOLTAGE, True

    asked = await line.ask(Action.RECONNECT)
    await line.run(3)
    with pytest.raises(PolicyRefusedError, match="RC_LOAD_SIDE"):
        await line.ask(Action.RECONNECT)

    assert await ended(line, asked) == (STATE.FAILED, RESULT.LOAD_SIDE_VOLTAGE)
    assert line.meter.moves == [(Opcode.OPEN, 1)]
    assert await orders(line) == [("LOAD_SIDE_VOLTAGE", True)]


async def test_after_a_backfeed_only_a_later_word_of_the_meter_lets_it_close(line):
    await cut_off(line)
    line.meter.result, line.meter.load_side_voltage = RESULT.LOAD_SIDE_VOLTAGE, False
    await line.ask(Action.RECONNECT)  # refused, and the bit is not set
    await line.run(3)
    line.meter.result = RESULT.OK

    with pytest.raises(PolicyRefusedError, match="RC_LOAD_SIDE"):
        await line.ask(Action.RECONNECT)
    await line.ask(Action.PING)
    await line.run(3)
    again = await line.ask(Action.RECONNECT)
    await line.run(3)

    assert await ended(line, again) == (STATE.VERIFIED, RESULT.OK)


async def test_a_meter_that_closes_by_itself_hours_later_is_bound_to_its_old_reconnect(line):
    await cut_off(line)
    line.meter.result, line.meter.load_side_voltage = RESULT.LOAD_SIDE_VOLTAGE, True
    asked = await line.ask(Action.RECONNECT)
    await line.run(3)
    await line.clock.sleep(HOURS_LATER.total_seconds())

    answer = unasked(line, asked, AT_SWITCH.CLOSED)
    line.air.heard += [answer, answer]
    await line.run(3)

    assert await ended(line, asked) == (STATE.RECONCILED, RESULT.OK)
    assert (await line.now(asked)).switch is AT_SWITCH.CLOSED
    assert (await line.events(asked)).count("settled") == 1
    async with line.store() as work:
        assert len(await work.controls.of_meter("E1")) == 2, "no command was made up for it"


async def test_a_locked_switch_needs_a_person(line):
    line.meter.result = RESULT.SWITCH_LOCKED

    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)

    assert await ended(line, asked) == (STATE.FAILED, RESULT.SWITCH_LOCKED)
    assert await orders(line) == [("SWITCH_LOCKED", False)]


async def test_while_the_supply_is_out_nothing_leaves_and_the_command_ends(line):
    later = line.clock.now() + timedelta(minutes=10)
    asked = await line.ask(Action.DISCONNECT, not_before=later)
    line.clock.advance(timedelta(minutes=5))
    async with line.store() as work:
        await work.events.append([a_last_gasp(line.clock.now())])

    await line.run(7 * 3600, step_s=300)

    assert (await line.now(asked)).state is STATE.EXPIRED
    assert line.air.sent == []
    with pytest.raises(PolicyRefusedError, match="RD_BUSY"):
        await line.ask(Action.DISCONNECT)


async def test_a_hot_meter_is_never_closed_and_somebody_goes_at_once(line):
    await cut_off(line)
    line.meter.result = RESULT.HOT

    asked = await line.ask(Action.RECONNECT)
    await line.run(3)
    with pytest.raises(PolicyRefusedError, match="RC_HOT"):
        await line.ask(Action.RECONNECT)

    assert await ended(line, asked) == (STATE.FAILED, RESULT.HOT)
    assert await orders(line) == [("HOT", True)]
    assert line.meter.moves == [(Opcode.OPEN, 1)]
