"""Radios that go silent for an opt-out, and come back."""

import numpy as np
import pytest

from mdms.domain.controls import Action, ControlState, EndDeviceControl, Optout, Result, new_id
from mdms.domain.errors import RejectReason
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.messages import Rejected
from tests.integration.commands.line import Line

pytestmark = pytest.mark.db

HOUR_S = 3600


@pytest.fixture
async def opted_out(line):
    now = line.clock.now()
    optout = Optout(new_id(now), "E1", now, "form", "clerk", now)
    async with line.store() as work:
        await work.optouts.add(optout)
    return optout


async def silenced(line: Line) -> EndDeviceControl:
    """Ask for silence and let the meter say yes."""
    asked = await line.ask(Action.RADIO_OFF, cause="OPT_OUT")
    await line.run(3)
    return asked


async def test_a_radio_off_is_verified_by_silence_not_by_the_answer(line, opted_out):
    asked = await silenced(line)
    acknowledged = await line.now(asked)
    step_s = line.dispatcher.wanted_step_s()
    await line.run(4 * HOUR_S, step_s=900)

    assert acknowledged.state is ControlState.METER_ACK
    assert step_s == 900
    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.VERIFIED, Result.OK)
    assert line.radio_changes == 1
    async with line.store() as work:
        table = await work.registry.channels()
    of_e1 = table.take(table.badge == "E1")
    assert of_e1.radio_on.tolist() == [True, False]
    assert of_e1.installed_s[1] == to_epoch_s(control.answered_at)


async def test_a_radio_that_is_heard_after_its_yes_has_failed(line, opted_out):
    asked = await silenced(line)
    async with line.store() as work:
        table = await work.registry.channels()
        heard = RegisterReads.raw(
            table.channel_id[table.badge == "E1"],
            np.array([to_epoch_s(line.clock.now()) + HOUR_S]),
            np.array([721_345]),
            recorded_us=to_epoch_us(line.clock.now()),
            source=Source.UPLINK,
        )
        await work.readings.append_raw(IntervalReads.empty(), heard, sure=False)
    await line.run(4 * HOUR_S, step_s=900)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.FAILED, Result.RADIO_OFF_VIOLATION)
    assert line.radio_changes == 0


async def test_a_silent_radio_that_is_heard_later_is_reported_once(line, opted_out):
    asked = await silenced(line)
    await line.run(4 * HOUR_S, step_s=900)
    frame = Rejected(
        RejectReason.OPTED_OUT, f"radio {asked.radio_id}", "up/read", b"", 3, line.clock.now()
    )
    async with line.store() as work:
        await work.messages.reject([frame])
    await line.run(HOUR_S, step_s=900)

    control = await line.now(asked)
    assert (control.state, control.result) == (ControlState.VERIFIED, Result.RADIO_OFF_VIOLATION)
    assert (await line.events(asked)).count("heard") == 1


async def test_a_silent_radio_takes_no_switch_command_and_comes_back_once_opted_in(line, opted_out):
    await silenced(line)
    await line.run(4 * HOUR_S, step_s=900)
    with pytest.raises(PolicyRefusedError, match="RADIO_DISABLED"):
        await line.ask(Action.DISCONNECT)
    with pytest.raises(PolicyRefusedError, match="RADIO_OPTED_OUT"):
        await line.ask(Action.RADIO_ON, cause="OPT_IN")
    async with line.store() as work:
        await work.optouts.end(opted_out.optout_id, line.clock.now(), "clerk")

    back = await line.ask(Action.RADIO_ON, cause="OPT_IN")
    await line.run(3)

    assert (await line.now(back)).state is ControlState.VERIFIED
    assert line.radio_changes == 2
    async with line.store() as work:
        table = await work.registry.channels()
    assert table.radio_on[table.badge == "E1"].tolist() == [True, False, True]


async def test_a_battery_meter_may_answer_hours_later(line):
    now = line.clock.now()
    async with line.store() as work:
        await work.optouts.add(Optout(new_id(now), "G1", now, "form", "clerk", now))
    line.meter.radio_id += 3
    line.air.mute = lambda _: True
    asked = await line.ask(Action.RADIO_OFF, cause="OPT_OUT", meter="G1")
    await line.run(5 * HOUR_S, step_s=900)
    waiting = await line.now(asked)
    line.air.mute = lambda _: False
    await line.air.send(*line.air.sent[0])
    await line.run(14 * HOUR_S, step_s=900)

    assert waiting.state is ControlState.COLLECTOR_ACK
    assert (await line.now(asked)).state is ControlState.VERIFIED


async def test_a_radio_off_without_an_opt_out_and_on_water_is_refused(line):
    with pytest.raises(PolicyRefusedError, match="RADIO_WATER, RADIO_NO_OPTOUT"):
        await line.ask(Action.RADIO_OFF, cause="OPT_OUT", meter="W1")
