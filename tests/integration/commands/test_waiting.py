"""Disconnects that wait: for another person, for their turn, for their hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mdms.domain.controls import Action, ControlState, EndDeviceControl, Opcode, SwitchPosition
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.people import Role
from mdms.policy.refusals import PolicyRefusedError
from tests.controls import AT
from tests.integration.commands.line import Line
from tests.lawful import leave_empty
from tests.signing import an_edition

pytestmark = pytest.mark.db

STATE = ControlState
OFFICE_CLOSES = datetime(2026, 11, 5, 0, 30, tzinfo=UTC)


def under(line: Line, edition: str) -> Line:
    """The same line, with an edition in force for daemon and signer."""
    made = Line(line.store, line.signer_memory, edition=edition, rules=edition)
    made.meter, made.air.meter = line.meter, line.meter
    return made


@pytest.fixture
def dual(line: Line) -> Line:
    """A line on which another person must approve."""
    return under(line, an_edition(approvals=1))


async def approve(line: Line, control: EndDeviceControl, by: str = "ann") -> EndDeviceControl:
    return await line.approvals.approve(control.control_id, by, {Role.SUPERVISOR}, "")


async def test_what_nobody_approves_is_not_sent_and_ends_when_the_office_closes(dual):
    asked = await dual.ask(Action.DISCONNECT)
    await dual.run(7 * 3600, step_s=600)

    assert [each.code for each in asked.refusals] == ["RD_DUAL"]
    assert asked.not_after == asked.due_at == OFFICE_CLOSES
    assert (await dual.now(asked)).state is STATE.EXPIRED
    assert dual.meter.moves == []


def power(line: Line, code: EventCode) -> EndDeviceEvent:
    now = line.clock.now()
    return EndDeviceEvent(
        collector_id=17,
        badge="E1",
        radio_id=47622887,
        code=code,
        at=now,
        severity=Severity.ALARM,
        received_at=now,
    )


async def happens(line: Line, code: EventCode) -> None:
    line.clock.advance(timedelta(minutes=1))
    async with line.store() as work:
        await work.events.append([power(line, code)])


async def test_an_outage_holds_what_is_in_hand_until_the_supply_is_back(dual):
    asked = await dual.ask(Action.DISCONNECT)
    await happens(dual, EventCode.POWER_FAIL)
    await approve(dual, asked)
    await dual.run(60)
    held, moves = await dual.now(asked), list(dual.meter.moves)

    await happens(dual, EventCode.RESTORE)
    await dual.run(360, step_s=30)

    assert ([each.code for each in held.refusals], moves) == (["RD_BUSY"], [])
    assert (await dual.now(asked)).state is STATE.VERIFIED


async def test_what_an_outage_holds_expires_when_its_window_ends(dual):
    asked = await dual.ask(Action.DISCONNECT)
    await happens(dual, EventCode.POWER_FAIL)
    await approve(dual, asked)

    await dual.run(7 * 3600, step_s=600)

    ended = await dual.now(asked)
    assert (ended.state, ended.not_after <= OFFICE_CLOSES) == (STATE.EXPIRED, True)
    assert dual.meter.moves == []


async def test_a_requester_cannot_approve_and_it_goes_on_waiting_for_another(dual):
    asked = await dual.ask(Action.DISCONNECT)
    with pytest.raises(PolicyRefusedError, match="RD_DUAL"):
        await approve(dual, asked, by="clerk")
    waiting = await dual.now(asked)

    await approve(dual, asked)
    await dual.run(3)

    assert waiting == asked
    assert (await dual.now(asked)).state is STATE.VERIFIED
    assert await dual.events(asked) == [
        "pending", "approved", "allowed", "signed", "sent", "collector_took", "answered",
        "confirmed",
    ]  # fmt: skip


async def test_two_approvals_do_no_harm(dual):
    asked = await dual.ask(Action.DISCONNECT)
    await approve(dual, asked)

    twice = await approve(dual, asked, by="bob")

    assert (twice.state, twice.refusals) == (STATE.APPROVED_2, ())


async def test_an_approval_that_comes_too_late_ends_it_with_every_reason(dual):
    asked = await dual.ask(Action.DISCONNECT)
    async with dual.store() as work:
        registry = await work.registry.load()
        premises = tuple(replace(each, flags=("medical",)) for each in registry.premises)
        await work.registry.merge(replace(registry, premises=premises))

    with pytest.raises(PolicyRefusedError, match="RD_MEDICAL"):
        await approve(dual, asked)

    assert (await dual.now(asked)).state is STATE.CANCELLED


@pytest.mark.parametrize("kill_at", range(1, 12))
async def test_a_kill_after_the_approval_neither_loses_nor_doubles_it(dual, kill_at):
    asked = await dual.ask(Action.DISCONNECT)
    await approve(dual, asked)
    dual.reaper.at = kill_at

    await dual.run(150)

    assert (await dual.now(asked)).state is STATE.VERIFIED
    assert dual.meter.moves == [(Opcode.OPEN, 1)]


async def test_one_too_many_waits_for_its_turn_and_never_trips_the_breaker(line):
    paced = under(line, an_edition(per_hour=1))
    await paced.ask(Action.DISCONNECT)
    await paced.run(3)
    await paced.ask(Action.RECONNECT)
    await paced.run(3)

    second = await paced.ask(Action.DISCONNECT)
    await paced.run(50 * 60, step_s=60)
    waiting = await paced.now(second)
    await paced.run(20 * 60, step_s=10)

    assert [each.code for each in waiting.refusals] == ["RD_PACED"]
    assert waiting.due_at is not None
    assert waiting.due_at > AT + timedelta(hours=1)
    assert (await paced.now(second)).state is STATE.VERIFIED
    assert paced.meter.switch is SwitchPosition.OPEN
    assert await paced.signer.standing_trip() is None


async def test_a_disconnect_for_the_evening_waits_until_the_office_opens(line):
    line.clock.advance(timedelta(hours=8))
    opens = datetime(2026, 11, 5, 16, tzinfo=UTC)
    asked = await line.ask(Action.DISCONNECT)
    await leave_empty(line.store, opens)

    await line.run(15 * 3600, step_s=900)

    assert [each.code for each in asked.refusals] == ["MO_HOURS"]
    assert asked.due_at == opens
    assert (await line.now(asked)).state is STATE.VERIFIED
