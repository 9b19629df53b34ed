"""
Daemon, signer and broker are killed at every step of a command's life.

Daemon and signer are processes and get a SIGKILL; the broker goes away with what it carries, which
collectors say again (that of a real one is killed in `test_faults`). MDMS_FAULT_SEEDS=1,2,3 runs
these seeds instead of the one of every day; the seed says who falls first and for how long.
"""

import os
import random
from datetime import time
from itertools import pairwise
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from commands.machine import TRANSITIONS, Event
from mdms.domain.controls import ENDED, OPCODE_OF, Action, ControlState, Opcode, Result
from mdms.services.audit import AuditService
from tests.controls import AT, a_registry
from tests.faults.lives import LIVES
from tests.faults.street import SENDING, SIGNING, Blow, Moment, Street
from tests.lawful import move_out

pytestmark = [pytest.mark.db, pytest.mark.slow, pytest.mark.timeout(120)]

SEEDS = [int(seed) for seed in os.environ.get("MDMS_FAULT_SEEDS", "1").split(",")]
ROWS = sorted(LIVES)
BETWEEN = [
    (SIGNING, "daemon", Moment.ASKED),
    (SIGNING, "daemon", Moment.ANSWERED),
    (SIGNING, "signer", Moment.ASKED),
    (SIGNING, "signer", Moment.WRITTEN),
    (SIGNING, "signer", Moment.ANSWERED),
    (SENDING, "daemon", Moment.ASKED),
    (SENDING, "daemon", Moment.ANSWERED),
    (SENDING, "broker", Moment.ASKED),
    (SENDING, "broker", Moment.ANSWERED),
]
ZONE = ZoneInfo("America/Los_Angeles")
OFFICE_OPENS, OFFICE_CLOSES = time(8), time(16, 30)
NEVER_LEFT = {ControlState.POLICY_DENIED, ControlState.CANCELLED, ControlState.EXPIRED}


@pytest.fixture
async def street_of(store, database, daemon_database):
    async with store() as work:
        await work.registry.merge(a_registry())
    await move_out(store, AT)
    made = []
    with psycopg.connect(database, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        # Nobody kills the database here: who waits for its disk learns nothing.
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))

    def make(**options):
        made.append(Street(store, database, daemon_database, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def blows(seed: int) -> tuple[Blow, ...]:
    """All three fall while a step is written; the daemon again once it is committed."""
    victims = ["daemon", "signer", "broker"]
    random.Random(seed).shuffle(victims)
    return (*(Blow(each, Moment.WRITTEN) for each in victims), Blow("daemon", Moment.COMMITTED))


def test_every_row_of_the_table_has_a_life():
    assert set(LIVES) == set(TRANSITIONS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("row", ROWS, ids="-".join)
async def test_kills_at_a_step_neither_lose_nor_double_it_nor_make_it_untrue(
    street_of, database, row, seed
):
    street = street_of(seed=seed, where=row, blows=blows(seed))

    await LIVES[row](street)
    await street.settle()

    assert row in street.passed
    assert street.blows == [], f"seed {seed}: not all were killed"
    await all_is_true(street, database)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("between", BETWEEN, ids="-".join)
async def test_kills_between_two_processes_cost_time_only(street_of, database, between, seed):
    where, victim, moment = between
    street = street_of(seed=seed, where=where, blows=(Blow(victim, moment),))

    asked = await street.ask(Action.DISCONNECT)
    await street.run(180)
    await street.settle()

    assert street.blows == [], f"seed {seed}: not all were killed"
    assert (await street.find(asked)).state is ControlState.VERIFIED
    assert street.meter.moves == [(Opcode.OPEN, 1)]
    await all_is_true(street, database)


async def all_is_true(street: Street, database: str) -> None:
    """What is stored of commands, counters, approvals and audit agrees with what happened."""
    own = {}
    async with street.store() as work:
        for control in await street.commands():
            assert control.state in ENDED
            steps = await work.controls.steps(control.control_id)
            states = [ControlState.DRAFT, *(step.state for step in steps)]
            for (before, after), step in zip(pairwise(states), steps, strict=True):
                assert TRANSITIONS[before, Event(step.event)] is after
            assert states[-1] is control.state
            approved = {each.name for each in await work.controls.approvals(control.control_id)}
            assert {(control.control_id, name) for name in approved} >= {
                each for each in street.approved if each[0] == control.control_id
            }
            opcode = OPCODE_OF[control.action]
            signed = [
                each
                for each in await work.controls.envelopes(control.control_id)
                if each.opcode is opcode
            ]
            assert len(signed) <= 1
            moves = [(opcode, each.counter) for each in signed]
            moved = any(each in street.meter.moves for each in moves)
            own.update(dict.fromkeys(moves, control))
            if control.state in NEVER_LEFT:
                assert not moved
            if control.state is ControlState.VERIFIED and opcode in {Opcode.OPEN, Opcode.CLOSE}:
                assert moved
            if (control.state, control.result) == (ControlState.FAILED, Result.NO_REPLY):
                assert not moved
    assert len(street.meter.moves) == len(set(street.meter.moves))
    for (opcode, counter), at in zip(street.meter.moves, street.moved_at, strict=True):
        control = own[opcode, counter]
        assert control.not_before <= at <= control.not_after
        if opcode is Opcode.OPEN:
            assert OFFICE_OPENS <= at.astimezone(ZONE).time() < OFFICE_CLOSES
    assert (await AuditService(street.store).verify()).intact
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
