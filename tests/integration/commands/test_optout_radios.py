"""A radio-off that came to nothing is asked for again while the opt-out is in force."""

from datetime import timedelta

import pytest

from commands.radios import ACTOR, REQUESTS_MAX, OptoutRadios
from mdms.domain.controls import Action, ControlState, EndDeviceControl, Optout, Result, new_id
from mdms.domain.programme import RADIO_PAUSE
from tests.integration.commands.line import Line

pytestmark = pytest.mark.db

HOUR_S = 3600


@pytest.fixture
async def optout(line: Line) -> Optout:
    now = line.clock.now()
    made = Optout(new_id(now), "E1", now, "form", "clerk", now)
    async with line.store() as work:
        await work.optouts.add(made)
    return made


async def play(line: Line, radios: OptoutRadios, hours: int, step_s: int = 10) -> int:
    """Let hours pass as the daemon does; return how often was asked again."""
    asked = 0
    for _ in range(hours * 4):
        asked += await radios.run_due(line.clock.now())
        await line.run(900, step_s=step_s)
    return asked


async def radio_offs(line: Line) -> list[EndDeviceControl]:
    async with line.store() as work:
        return list(await work.controls.of_meter("E1"))


async def test_what_nobody_answered_is_asked_for_again_and_verified(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    line.air.lost = lambda _: True
    await line.ask(Action.RADIO_OFF, cause="OPT_OUT", order="WO-7")
    await play(line, radios, 3)
    (before,) = await radio_offs(line)
    line.air.lost = lambda _: False

    asked = await play(line, radios, 8)

    first, again = await radio_offs(line)
    assert before.state is ControlState.UNKNOWN
    assert asked == 1
    assert first.state is ControlState.RECONCILED
    assert (again.state, again.result) == (ControlState.VERIFIED, Result.OK)
    assert (again.requested_by, again.cause, again.order) == (ACTOR, "OPT_OUT", "WO-7")
    assert again.requested_at - first.requested_at >= RADIO_PAUSE
    async with line.store() as work:
        assert await work.optouts.unsilenced(line.clock.now()) == []


async def test_a_meter_that_says_no_is_asked_again_and_a_dead_one_not_for_ever(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    line.meter.result = Result.NACK_CLOCK
    await line.ask(Action.RADIO_OFF, cause="OPT_OUT")
    await play(line, radios, 1)
    line.air.deaf = frozenset({17, 18})

    asked = await play(line, radios, 40)

    controls = await radio_offs(line)
    assert asked == REQUESTS_MAX - 1
    assert [each.state for each in controls] == [ControlState.FAILED] + [ControlState.UNKNOWN] * 4
    async with line.store() as work:
        assert await work.optouts.unsilenced(line.clock.now()) == [optout]


async def test_a_radio_that_no_request_could_silence_needs_a_person_once(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    line.air.deaf = frozenset({17, 18})
    await line.ask(Action.RADIO_OFF, cause="OPT_OUT")
    await play(line, radios, 26, step_s=100)
    async with line.store() as work:
        early = [each.reason for each in await work.field_orders.every(open_only=True, count_max=9)]

    await play(line, radios, 10, step_s=100)
    async with line.store() as work:
        (order,) = await work.field_orders.every(open_only=True, count_max=9)
        await work.field_orders.close(order.field_order_id, line.clock.now(), "carol", "done")
    await play(line, radios, 8, step_s=100)

    last = (await radio_offs(line))[-1]
    assert early == []
    assert (order.reason, order.badge, order.control_id) == (
        "RADIO_STILL_ON",
        "E1",
        last.control_id,
    )
    async with line.store() as work:
        assert await work.field_orders.every(open_only=True, count_max=9) == []


async def test_nobody_asks_again_once_the_opt_out_ended(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    line.air.lost = lambda _: True
    await line.ask(Action.RADIO_OFF, cause="OPT_OUT")
    await play(line, radios, 1)
    async with line.store() as work:
        await work.optouts.end(optout.optout_id, line.clock.now(), "clerk")

    assert await play(line, radios, 12) == 0


async def test_the_programme_asks_first_when_nobody_did(line, optout):
    radios = OptoutRadios(line.store, line.requests)

    asked = await play(line, radios, 7)

    (control,) = await radio_offs(line)
    assert asked == 1
    assert (control.requested_by, control.cause) == (ACTOR, "OPT_OUT")
    async with line.store() as work:
        assert await work.optouts.silent("E1")


async def test_a_radio_comes_back_when_its_opt_out_has_ended(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    await play(line, radios, 7)
    async with line.store() as work:
        await work.optouts.end(optout.optout_id, line.clock.now(), "clerk")
    radios.wake()

    asked = await play(line, radios, 7)

    *_, last = await radio_offs(line)
    assert asked == 1
    assert (last.action, last.cause, last.state) == (
        Action.RADIO_ON,
        "OPT_IN",
        ControlState.VERIFIED,
    )
    async with line.store() as work:
        assert not await work.optouts.silent("E1")


async def test_what_someone_cancelled_is_left_alone(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    later = await line.ask(
        Action.RADIO_OFF, cause="OPT_OUT", not_before=line.clock.now() + timedelta(hours=1)
    )
    await line.requests.cancel(later.control_id, "clerk", "wrong meter")

    assert await play(line, radios, 12) == 0


async def test_a_refusal_is_on_file_and_tried_again_later(line, optout):
    radios = OptoutRadios(line.store, line.requests)
    line.air.lost = lambda _: True
    await line.ask(Action.RADIO_OFF, cause="OPT_OUT")
    await play(line, radios, 5)
    busy = line.clock.now() + timedelta(hours=4)
    in_the_way = await line.ask(Action.PING, not_before=busy)

    asked = await play(line, radios, 2)
    await line.requests.cancel(in_the_way.control_id, "clerk", "")
    line.air.lost = lambda _: False
    asked += await play(line, radios, 8)

    states = [each.state for each in await radio_offs(line) if each.action is Action.RADIO_OFF]
    assert asked == 1
    assert states == [ControlState.RECONCILED, ControlState.POLICY_DENIED, ControlState.METER_ACK]
