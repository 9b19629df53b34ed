"""What must be true of commands whatever was killed: never twice, never lost, never too late."""

from collections.abc import Sequence
from datetime import datetime, time
from itertools import pairwise
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from commands.machine import TRANSITIONS, Event
from mdms.domain.controls import (
    ENDED,
    OPCODE_OF,
    ControlState,
    EndDeviceControl,
    Opcode,
    Result,
)
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.audit import AuditService
from tests.meters import ObedientMeter

ZONE = ZoneInfo("America/Los_Angeles")
OFFICE_OPENS, OFFICE_CLOSES = time(8), time(16, 30)
NEVER_LEFT = {ControlState.POLICY_DENIED, ControlState.CANCELLED, ControlState.EXPIRED}


class Happened(Protocol):
    """
    What happened, by whoever saw it.

    Attributes:
        approved: Command and approver, of approvals that were answered for.
        moved_at: When each move of the meter's switch happened.
    """

    @property
    def store(self) -> UnitOfWorkFactory: ...
    @property
    def meter(self) -> ObedientMeter: ...
    @property
    def approved(self) -> set[tuple[UUID, str]]: ...
    @property
    def moved_at(self) -> list[datetime]: ...

    async def commands(self) -> Sequence[EndDeviceControl]: ...


async def all_is_true(line: Happened, database: str) -> None:
    """What is stored of commands, counters, approvals and audit agrees with what happened."""
    own = {}
    async with line.store() as work:
        for control in await line.commands():
            assert control.state in ENDED
            steps = await work.controls.steps(control.control_id)
            states = [ControlState.DRAFT, *(step.state for step in steps)]
            for (before, after), step in zip(pairwise(states), steps, strict=True):
                assert TRANSITIONS[before, Event(step.event)] is after
            assert states[-1] is control.state
            approved = {each.name for each in await work.controls.approvals(control.control_id)}
            assert {(control.control_id, name) for name in approved} >= {
                each for each in line.approved if each[0] == control.control_id
            }
            opcode = OPCODE_OF[control.action]
            signed = [
                each
                for each in await work.controls.envelopes(control.control_id)
                if each.opcode is opcode
            ]
            assert len(signed) <= 1
            moves = [(opcode, each.counter) for each in signed]
            moved = any(each in line.meter.moves for each in moves)
            own.update(dict.fromkeys(moves, control))
            if control.state in NEVER_LEFT:
                assert not moved
            if control.state is ControlState.VERIFIED and opcode in {Opcode.OPEN, Opcode.CLOSE}:
                assert moved
            if (control.state, control.result) == (ControlState.FAILED, Result.NO_REPLY):
                assert not moved
    assert len(line.meter.moves) == len(set(line.meter.moves))
    for (opcode, counter), at in zip(line.meter.moves, line.moved_at, strict=True):
        control = own[opcode, counter]
        assert control.not_before <= at <= control.not_after
        if opcode is Opcode.OPEN:
            assert OFFICE_OPENS <= at.astimezone(ZONE).time() < OFFICE_CLOSES
    assert (await AuditService(line.store).verify()).intact
    _counters_are_used_once(database)


def _counters_are_used_once(database: str) -> None:
    """The signer's memory: what it issued, it issued once, and every open of it was counted."""
    with psycopg.connect(database) as connection:
        issued = connection.execute(
            "SELECT command_id, radio_id, key_id, envelope FROM signer.issued"
        ).fetchall()
        sent = connection.execute("SELECT envelope FROM control_envelope").fetchall()
        spent = connection.execute("SELECT command_id FROM signer.open").fetchall()
    counters = {(radio_id, key_id, envelope[8:16]) for _, radio_id, key_id, envelope in issued}
    assert len(counters) == len(issued)
    assert {envelope for (envelope,) in sent} <= {envelope for *_, envelope in issued}
    assert {each for (each,) in spent} == {
        command_id for command_id, *_, envelope in issued if envelope[4] == Opcode.OPEN
    }
