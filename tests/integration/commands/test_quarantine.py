"""Opens while the breaker stands: held back, all of them, until two supervisors release it."""

from datetime import timedelta

import pytest

from commands.signing import breaker
from mdms.domain.controls import Action, ControlState, EndDeviceControl, SwitchPosition
from tests.integration.commands.line import Line
from tests.integration.commands.town import an_open
from tests.signing import an_edition

pytestmark = pytest.mark.db

STATE = ControlState


@pytest.fixture
def strict(line: Line) -> Line:
    """A line whose signer opens nothing more after one open in an hour."""
    line.edition = an_edition(per_hour=1)
    line.start()
    return line


async def release(line: Line) -> None:
    trip = await line.signer.standing_trip()
    assert trip is not None
    for name in ("ada", "bob"):
        await line.signer.release(name, trip.trip_id, breaker.prove(name, trip))


async def spend(line: Line) -> None:
    """Use the hour's open up, and close the switch again."""
    await line.ask(Action.DISCONNECT)
    await line.run(3)
    await line.ask(Action.RECONNECT)
    await line.run(3)
    assert line.meter.switch is SwitchPosition.CLOSED


async def queued_for_later(line: Line) -> EndDeviceControl:
    """An open of another day that waits behind the same signer."""
    later = line.clock.now() + timedelta(days=1)
    control = an_open(0, later, badge="E2", serial="S-E2", usage_point_id="UE2")
    async with line.store() as work:
        await work.controls.add(control)
    return control


async def test_one_open_too_many_holds_every_waiting_open_back(strict):
    await spend(strict)
    other = await queued_for_later(strict)

    asked = await strict.ask(Action.DISCONNECT)
    await strict.run(3)

    held, later = await strict.now(asked), await strict.now(other)
    assert (held.state, later.state) == (STATE.QUARANTINED, STATE.QUARANTINED)
    assert [each.code for each in held.refusals] == ["RD_BUDGET"]
    assert later.due_at == other.due_at
    assert await strict.events(asked) == ["allowed", "quarantined"]
    assert strict.dispatcher.wanted_step_s() == 900


async def test_what_is_held_back_ends_with_its_time_and_leaves_no_trace_on_the_meter(strict):
    await spend(strict)
    asked = await strict.ask(Action.DISCONNECT)

    await strict.run(7 * 3600, step_s=300)

    assert (await strict.now(asked)).state is STATE.EXPIRED
    assert strict.meter.switch is SwitchPosition.CLOSED
    assert await strict.events(asked) == ["allowed", "quarantined", "expired"]


async def test_a_reconnect_passes_and_ends_what_is_held_back(strict):
    await spend(strict)
    asked = await strict.ask(Action.DISCONNECT)
    await strict.run(3)

    reconnect = await strict.ask(Action.RECONNECT)
    await strict.run(3)

    assert (await strict.now(asked)).state is STATE.CANCELLED
    assert (await strict.now(reconnect)).state is STATE.VERIFIED


async def test_what_is_released_is_signed_when_there_is_room_again(strict):
    await spend(strict)
    asked = await strict.ask(Action.DISCONNECT)
    await strict.run(3)
    await release(strict)
    strict.edition = an_edition(per_hour=2)
    strict.start()

    await strict.run(90, step_s=5)

    control = await strict.now(asked)
    assert (control.state, control.refusals) == (STATE.VERIFIED, ())
    assert strict.meter.switch is SwitchPosition.OPEN


async def test_a_refusal_of_the_signer_is_told_with_its_codes(line):
    line.edition = an_edition(approvals=2)
    line.start()

    asked = await line.ask(Action.DISCONNECT)
    await line.run(3)

    control = await line.now(asked)
    assert control.state is STATE.CANCELLED
    assert [each.code for each in control.refusals] == ["RD_DUAL"]
