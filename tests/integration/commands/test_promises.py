"""Who has paid gets the supply back without asking, in time, or somebody is sent."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from commands.flood import Flood
from commands.promises import ReconnectClock
from commands.questions import SwitchQuestions
from commands.radios import OptoutRadios
from commands.reactions import Reactions
from mdms.app.commands import CommandWatch
from mdms.demo import customers
from mdms.demo.customers import Home
from mdms.domain.controls import Action, ControlState, Opcode, Result, SwitchPosition
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.facts import CisFact, Subject
from tests.controls import AT
from tests.integration.commands.line import Line
from tests.lawful import a_judge

pytestmark = pytest.mark.db

HOME = Home("A1", "P1")
AFFECTED = frozenset({(Subject.ACCOUNT, "A1")})


class House:
    """A home in arrears on a line, and what follows from what is stated of it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        judge = a_judge()
        self.reactions = Reactions(
            line.store, line.clock, judge, line.requests, auto_reconnect=True
        )
        self.watch = CommandWatch(
            line.store,
            radios=OptoutRadios(line.store, line.requests),
            questions=SwitchQuestions(line.requests),
            promises=ReconnectClock(line.store, judge, self.reactions),
            flood=Flood(judge),
            busy_looks=lambda: line.dispatcher.busy_looks,
        )

    async def state(self, facts: Iterable[Mapping[str, Any]]) -> None:
        known_at = self.line.clock.now()
        async with self.line.store() as work:
            await work.facts.add(
                [
                    CisFact(
                        subject=Subject(each["subject"]),
                        subject_id=each["subject_id"],
                        fact=each["fact"],
                        value=each["value"],
                        effective_at=datetime.fromisoformat(each["effective_at"]),
                        known_at=known_at,
                        evidence=each["evidence"],
                    )
                    for each in facts
                ]
            )

    async def cut_off(self) -> None:
        await self.line.ask(Action.DISCONNECT, cause="NONPAY")
        await self.line.run(3)
        assert self.line.meter.switch is SwitchPosition.OPEN

    async def pay(self) -> None:
        await self.state(customers.paid(HOME, self.line.clock.now()))

    async def orders(self) -> list[str]:
        async with self.line.store() as work:
            every = await work.field_orders.every(open_only=True, count_max=10)
        return [each.reason for each in every]


@pytest.fixture
async def house(line):
    made = House(line)
    await made.state(customers.arrears(HOME, AT))
    await made.state(customers.feeds(AT))
    return made


async def test_a_payment_gives_the_supply_back_without_anybody_asking(house, line):
    await house.cut_off()
    await house.pay()

    await house.reactions.on_facts(AFFECTED)
    await line.run(3)

    async with line.store() as work:
        *_, last = await work.controls.of_meter("E1")
    assert (last.action, last.requested_by, last.state) == (
        Action.RECONNECT, "policy", ControlState.VERIFIED,
    )  # fmt: skip
    assert last.deadline is not None
    assert line.meter.moves == [(Opcode.OPEN, 1), (Opcode.CLOSE, 2)]


async def test_a_payment_ends_a_disconnect_that_waits_and_nothing_is_closed(house, line):
    at = line.clock.now() + timedelta(minutes=10)
    waiting = await line.ask(Action.DISCONNECT, cause="NONPAY", not_before=at)
    await house.pay()

    await house.reactions.on_facts(AFFECTED)
    await line.run(3)

    ended = await line.now(waiting)
    assert (ended.state, ended.result) == (ControlState.CANCELLED, Result.POLICY_CHANGED)
    assert "NP_NOT_DUE" in [each.code for each in ended.refusals]
    assert line.meter.moves == []


async def test_a_part_of_the_debt_gives_nothing_back(house, line):
    await house.cut_off()
    paid = customers.paid(HOME, line.clock.now())
    await house.state(each for each in paid if each["fact"] != "reconnect_charges_due")

    await house.reactions.on_facts(AFFECTED)
    await house.watch.run_due(line.clock.now())

    async with line.store() as work:
        assert len(await work.controls.of_meter("E1")) == 1


async def test_a_payment_that_was_taken_before_a_kill_is_acted_on_after_it(house, line):
    await house.cut_off()
    await house.pay()

    await house.watch.run_due(line.clock.now())
    await line.run(3)

    assert line.meter.switch is SwitchPosition.CLOSED


async def test_a_watch_at_rest_looks_again_once_a_command_was_on_its_way(house, line):
    await house.watch.run_due(line.clock.now())
    await house.cut_off()
    await house.pay()

    await house.watch.run_due(line.clock.now())
    await line.run(3)

    assert line.meter.switch is SwitchPosition.CLOSED


async def test_nothing_rests_where_a_switch_may_stand_open_or_a_command_was_asked_for(house, line):
    async def at_rest(after: timedelta) -> bool:
        async with line.store() as work:
            watched = await work.standing.watched(line.clock.now() + after)
            return bool(watched.at_rest)

    before = await at_rest(timedelta())
    await line.ask(Action.PING, cause="CHECK")
    asked = await at_rest(timedelta())
    await line.run(3)
    soon, later = await at_rest(timedelta(hours=23)), await at_rest(timedelta(hours=25))
    await house.cut_off()

    assert (before, asked, soon, later) == (True, False, False, True)
    assert not await at_rest(timedelta(days=30))


async def test_a_reconnect_that_no_meter_confirms_sends_a_person_after_two_hours(house, line):
    await house.cut_off()
    await house.pay()
    line.air.lost = lambda _: True
    before: list[str] = []

    for _ in range(14):
        await house.watch.run_due(line.clock.now())
        await line.run(600, step_s=10)
        before = before or await house.orders()

    assert before == ["SWITCH_UNKNOWN"]
    assert set(await house.orders()) == {"SWITCH_UNKNOWN", "RC_FIELD"}


async def test_who_paid_has_the_supply_back_though_a_tower_opens_the_switch_afterwards(house, line):
    line.air.lost = lambda _: True
    await line.ask(Action.DISCONNECT, cause="NONPAY")
    await line.run(900, step_s=10)
    await house.pay()
    for _ in range(3):
        await house.watch.run_due(line.clock.now())
        await line.run(900, step_s=10)
    line.air.lost = lambda _: False
    _, disconnect = line.air.sent[0]

    await line.air.send(17, disconnect)
    for _ in range(2):
        await line.run(3)
        await house.watch.run_due(line.clock.now())
    await line.run(3)

    # Armed, by the button of whoever is there: they said so before it opened.
    assert [opcode for opcode, _ in line.meter.moves] == [Opcode.OPEN, Opcode.ARM]


async def test_a_switch_that_does_not_close_sends_a_person_at_once(house, line):
    await house.cut_off()
    await house.pay()
    line.meter.stuck = True

    await house.reactions.on_facts(AFFECTED)
    await line.run(3)

    assert await house.orders() == ["FAILED_CLOSE"]


async def test_voltage_behind_an_open_switch_is_a_matter_of_safety(house, line):
    line.meter.stuck, line.meter.switch = True, SwitchPosition.OPEN

    await line.ask(Action.DISCONNECT, cause="NONPAY")
    await line.run(3)

    async with line.store() as work:
        (order,) = await work.field_orders.every(open_only=True, count_max=10)
    assert (order.reason, order.is_safety) == ("FAILED_WELDED", True)


async def test_a_meter_that_speaks_again_is_asked_once_and_calls_the_person_back(house, line):
    line.air.mute = lambda _: True
    asked = await line.ask(Action.DISCONNECT, cause="NONPAY")
    await line.run(600, step_s=5)
    assert (await line.now(asked)).state is ControlState.UNKNOWN
    assert await house.orders() == ["SWITCH_UNKNOWN"]
    line.air.mute = lambda _: False
    now = line.clock.now()
    told = EndDeviceEvent(
        collector_id=17, badge="E1", radio_id=line.meter.radio_id, code=EventCode.SWITCH_CHANGED,
        at=now - timedelta(seconds=5), severity=Severity.SAFETY, received_at=now,
    )  # fmt: skip
    async with line.store() as work:
        await work.events.append([told])

    for minutes in 0, 2:
        await house.watch.run_due(now + timedelta(minutes=minutes))
    await line.run(3)

    settled = await line.now(asked)
    async with line.store() as work:
        pings = [each for each in await work.controls.of_meter("E1") if each.action is Action.PING]
    assert len(pings) == 1
    assert (settled.state, settled.result) == (ControlState.RECONCILED, Result.OK)
    assert await house.orders() == []


async def test_a_reconnect_refused_for_what_a_person_must_do_sends_one(house, line):
    await house.cut_off()
    await house.pay()
    now = line.clock.now()
    hot = EndDeviceEvent(
        collector_id=17, badge="E1", radio_id=line.meter.radio_id,
        code=EventCode.HIGH_TEMPERATURE, at=now, severity=Severity.SAFETY, received_at=now,
    )  # fmt: skip
    async with line.store() as work:
        await work.events.append([hot])

    for minutes in range(3):
        await house.watch.run_due(now + timedelta(minutes=minutes))

    assert await house.orders() == ["HOT"]
    async with line.store() as work:
        refused = (await work.controls.of_meter("E1"))[1:]
    assert [each.code for control in refused for each in control.refusals] == ["RC_HOT"]
