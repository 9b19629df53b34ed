"""
Lives of commands, one for each row of the table: each story passes the rows it is registered for.

A story says what people, meter and collectors do; it holds whoever is killed meanwhile.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from commands.codecs import Stage
from commands.machine import Event
from mdms.domain.controls import (
    READY,
    Action,
    ControlState,
    Optout,
    Result,
    SwitchPosition,
    new_id,
)
from mdms.domain.errors import RejectReason
from mdms.ports.messages import Rejected
from tests.faults.street import Row, Street
from tests.signing import an_edition

Story = Callable[[Street], Awaitable[object]]

_S, _E = ControlState, Event
_APPROVERS = {_S.POLICY_OK: (), _S.APPROVED_1: ("ann",), _S.APPROVED_2: ("ann", "bob")}
_LATER_S = 600
_HOUR_S = 3600

LIVES: dict[Row, Story] = {}


def life(*rows: Row) -> Callable[[Story], Story]:
    """Register a story for the rows that it passes."""

    def told(story: Story) -> Story:
        assert not LIVES.keys() & set(rows), "a row has one story"
        LIVES.update(dict.fromkeys(rows, story))
        return story

    return told


# Beginnings.


async def waiting(street: Street, state: ControlState = _S.POLICY_OK) -> UUID:
    """A disconnect that waits for its hour, with as many approvals as its state says."""
    at = street.clock.now() + timedelta(seconds=_LATER_S)
    asked = await street.ask(Action.DISCONNECT, not_before=at)
    for name in _APPROVERS[state]:
        await street.approve(asked, name)
    return asked


async def held_back(street: Street, state: ControlState = _S.POLICY_OK) -> UUID:
    """A disconnect that the signer's breaker holds back."""
    await street.ask(Action.DISCONNECT)
    await street.run(30)
    await street.ask(Action.RECONNECT)
    await street.run(30)
    street.signer_rules(an_edition(per_hour=1))
    asked = await waiting(street, state)
    await street.run(_LATER_S + 60, 30)
    return asked


async def signed(street: Street) -> UUID:
    """A disconnect that is signed, and no collector is there to take it."""
    street.take_collectors_away()
    asked = await street.ask(Action.DISCONNECT)
    await street.run(3)
    return asked


async def unanswered(street: Street) -> UUID:
    """A disconnect that a collector took, and the meter never heard."""
    street.air.lost = lambda _: True
    asked = await street.ask(Action.DISCONNECT)
    await street.run(3)
    return asked


async def untaken(street: Street) -> UUID:
    """A disconnect that was sent, and no collector says anything."""
    street.air.deaf = frozenset({17, 18})
    asked = await street.ask(Action.DISCONNECT)
    await street.run(3)
    return asked


async def with_radio_off(street: Street) -> UUID:
    """A radio that was told to be silent because its customer opted out."""
    now = street.clock.now()
    async with street.store() as work:
        await work.optouts.add(Optout(new_id(now), "E1", now, "form", "clerk", now))
    asked = await street.ask(Action.RADIO_OFF, cause="OPT_OUT")
    await street.run(30)
    return asked


# What happens to a command that waits, in whichever state it does.


async def _goes(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    await begin(street)
    await street.run(_LATER_S + 60, 30)


async def _window_changes(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    asked = await begin(street)
    await street.shorten_window(asked)
    await street.run(_LATER_S + 60, 30)


async def _must_wait(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    await street.ask(Action.DISCONNECT)
    await street.run(30)
    await street.ask(Action.RECONNECT)
    await street.run(30)
    await begin(street)
    street.daemon_rules(an_edition(per_hour=1))
    await street.run(_LATER_S + 60, 30)


async def _forbidden(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    await begin(street)
    await street.exchange_meter()
    await street.run(_LATER_S + 60, 30)


async def _cancelled(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    await street.cancel(await begin(street))


async def _preempted(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    await begin(street)
    await street.ask(Action.RECONNECT)
    await street.run(30)


async def _expired(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    await begin(street)
    await street.clock.sleep(7 * _HOUR_S)
    await street.run(30)


async def _approved(street: Street, begin: Callable[[Street], Awaitable[UUID]]) -> None:
    asked = await begin(street)
    await street.approve(asked, "cem")
    await street.bring_collectors_back()


_ENDS = {
    _E.POLICY_CHANGED: _forbidden,
    _E.CANCELLED: _cancelled,
    _E.PREEMPTED: _preempted,
    _E.EXPIRED: _expired,
    _E.APPROVED: _approved,
}

for _state in sorted(READY):
    _begin = partial(waiting, state=_state)
    for _event, _story in _ENDS.items():
        life((_state, _event))(partial(_story, begin=_begin))
    life((_state, _E.SIGNED))(partial(_goes, begin=_begin))
    life((_state, _E.ALLOWED))(partial(_window_changes, begin=_begin))
    life((_state, _E.PENDING))(partial(_must_wait, begin=_begin))
    life((_state, _E.QUARANTINED))(partial(held_back, state=_state))
for _event, _story in _ENDS.items():
    life((_S.QUARANTINED, _event))(partial(_story, begin=held_back))
    life((_S.SIGNED, _event))(partial(_story, begin=signed))
life((_S.QUARANTINED, _E.ALLOWED))(partial(_window_changes, begin=held_back))


@life((_S.QUARANTINED, _E.PENDING))
async def _held_back_and_must_wait(street: Street) -> None:
    await held_back(street)
    street.daemon_rules(an_edition(per_hour=1))
    await street.run(180, 10)


@life((_S.QUARANTINED, _E.SIGNED))
async def _released(street: Street) -> None:
    await held_back(street)
    await street.release_breaker()
    street.signer_rules(None)
    await street.run(180, 10)


# Asked for.


@life((_S.DRAFT, _E.ALLOWED), (_S.METER_ACK, _E.CONFIRMED), (_S.COLLECTOR_ACK, _E.ANSWERED))
async def _switched_off_and_on(street: Street) -> None:
    await street.ask(Action.DISCONNECT)
    await street.run(30)
    await street.ask(Action.RECONNECT)
    await street.run(30)


@life((_S.DRAFT, _E.PENDING))
async def _another_must_approve(street: Street) -> None:
    street.daemon_rules(an_edition(approvals=1))
    asked = await street.ask(Action.DISCONNECT)
    await street.approve(asked, "ann")
    await street.run(30)


@life((_S.DRAFT, _E.DENIED))
async def _denied(street: Street) -> None:
    await street.ask(Action.DISCONNECT, meter="W1")


# Sent.


@life((_S.SIGNED, _E.SENT))
async def _collectors_come_back(street: Street) -> None:
    await signed(street)
    await street.bring_collectors_back()
    await street.run(60)


@life((_S.SENT, _E.SENT), (_S.SENT, _E.COLLECTOR_TOOK))
async def _next_collector(street: Street) -> None:
    street.air.deaf = frozenset({17})
    await street.ask(Action.DISCONNECT)
    await street.run(60)


@life((_S.SENT, _E.PROBED), (_S.SENT, _E.GAVE_UP))
async def _nobody_takes_it(street: Street) -> None:
    await untaken(street)
    await street.run(400, 5)


@life((_S.SENT, _E.COLLECTOR_REFUSED))
async def _collector_refuses(street: Street) -> None:
    street.progress, street.air.lost = Stage.REFUSED, lambda _: True
    await street.ask(Action.DISCONNECT)
    await street.run(60)


@life((_S.SENT, _E.ANSWERED))
async def _progress_is_lost(street: Street) -> None:
    street.progress = None
    await street.ask(Action.DISCONNECT)
    await street.run(60)


@life((_S.SENT, _E.REFUSED))
async def _locked_and_progress_is_lost(street: Street) -> None:
    street.progress, street.meter.result = None, Result.SWITCH_LOCKED
    await street.ask(Action.DISCONNECT)
    await street.run(60)


@life((_S.SENT, _E.POLICY_CHANGED))
async def _forbidden_while_untaken(street: Street) -> None:
    await untaken(street)
    street.daemon_rules(remote_open=False)
    await street.run(60)


@life((_S.SENT, _E.PREEMPTED))
async def _preempted_while_untaken(street: Street) -> None:
    await untaken(street)
    street.air.deaf = frozenset()
    await street.ask(Action.RECONNECT)
    await street.run(60)


# Taken by a collector.


@life(
    (_S.COLLECTOR_ACK, _E.SENT),
    (_S.COLLECTOR_ACK, _E.PROBED),
    (_S.COLLECTOR_ACK, _E.GAVE_UP),
)
async def _the_meter_is_silent(street: Street) -> None:
    await unanswered(street)
    await street.run(700, 5)


@life((_S.COLLECTOR_ACK, _E.COLLECTOR_TOOK))
async def _on_the_air(street: Street) -> None:
    await unanswered(street)
    street.say_progress(Stage.ON_AIR)
    await street.run(60)


@life((_S.COLLECTOR_ACK, _E.COLLECTOR_REFUSED))
async def _too_late_for_the_collector(street: Street) -> None:
    await unanswered(street)
    street.say_progress(Stage.EXPIRED)
    await street.run(60)


@life((_S.COLLECTOR_ACK, _E.REFUSED))
async def _locked(street: Street) -> None:
    street.meter.result = Result.SWITCH_LOCKED
    await street.ask(Action.DISCONNECT)
    await street.run(60)


@life((_S.COLLECTOR_ACK, _E.POLICY_CHANGED))
async def _forbidden_while_unanswered(street: Street) -> None:
    await unanswered(street)
    street.daemon_rules(remote_open=False)
    await street.run(120, 5)


@life((_S.COLLECTOR_ACK, _E.PREEMPTED))
async def _preempted_while_unanswered(street: Street) -> None:
    await unanswered(street)
    street.air.lost = lambda _: False
    await street.ask(Action.RECONNECT)
    await street.run(60)


# The meter's word, and what comes after it.


@life((_S.METER_ACK, _E.REFUSED))
async def _stuck(street: Street) -> None:
    street.meter.stuck = True
    await street.ask(Action.DISCONNECT)
    await street.run(60)


@life((_S.VERIFIED, _E.REPORTED))
async def _button_pressed(street: Street) -> None:
    await street.ask(Action.DISCONNECT)
    await street.run(30)
    asked = await street.ask(Action.ARM)
    await street.run(60)
    street.tell(asked, SwitchPosition.CLOSED)
    await street.run(60)


@life((_S.FAILED, _E.SETTLED))
async def _closes_by_itself_later(street: Street) -> None:
    await street.ask(Action.DISCONNECT)
    await street.run(30)
    street.meter.result = Result.LOAD_SIDE_VOLTAGE
    asked = await street.ask(Action.RECONNECT)
    await street.run(60)
    await street.clock.sleep(3 * _HOUR_S)
    street.tell(asked, SwitchPosition.CLOSED)
    await street.run(60)


@life((_S.UNKNOWN, _E.SETTLED), (_S.RECONCILED, _E.REPORTED))
async def _late_word(street: Street) -> None:
    street.air.mute = lambda _: True
    asked = await street.ask(Action.DISCONNECT)
    await street.run(700, 5)
    street.air.mute = lambda _: False
    await street.hear_again()
    await street.run(60)
    street.tell(asked, SwitchPosition.ARMED)
    await street.run(60)


@life((_S.UNKNOWN, _E.ANSWERED))
async def _late_yes_of_a_radio(street: Street) -> None:
    street.air.mute = lambda _: True
    await with_radio_off(street)
    await street.run(400, 5)
    street.air.mute = lambda _: False
    await street.hear_again()
    await street.run(60)


@life((_S.VERIFIED, _E.HEARD))
async def _silent_radio_is_heard(street: Street) -> None:
    asked = await with_radio_off(street)
    await street.run(4 * _HOUR_S, 900)
    radio_id = (await street.find(asked)).radio_id
    frame = Rejected(
        RejectReason.OPTED_OUT, f"radio {radio_id}", "up/read", b"", 3, street.clock.now()
    )
    async with street.store() as work:
        await work.messages.reject([frame])
    await street.run(3 * _HOUR_S, 900)
