"""
Daemon, signer and broker are killed at every step of a command's life.

Daemon and signer are processes and get a SIGKILL; the broker goes away with what it carries, which
collectors say again (a real one is killed in `test_broker_killed`). MDMS_FAULT_SEEDS=1,2,3 runs
these seeds instead of the one of every day; the seed says who falls first and for how long, and in
which of the states that wait to be signed, which differ by approvals only, each event happens.
MDMS_FAULT_ROWS=all has each event happen in all of them.
"""

import os
import random

import psycopg
import pytest
from psycopg import sql

from commands.machine import TRANSITIONS
from mdms.domain.controls import READY, Action, ControlState, Opcode
from tests.controls import AT, a_registry
from tests.faults import seeds
from tests.faults.lives import LIVES
from tests.faults.street import SENDING, SIGNING, Blow, Moment, Row, Street
from tests.faults.truth import all_is_true
from tests.lawful import move_out

pytestmark = [pytest.mark.db, pytest.mark.slow]

SEEDS = seeds.chosen("MDMS_FAULT_SEEDS", "1")
WAITING = sorted(READY)


def rows(seed: int) -> list[Row]:
    """Return the rows of a seed: all of them, but what happens to whoever waits only once."""
    if os.environ.get("MDMS_FAULT_ROWS") == "all":
        return sorted(LIVES)
    events = sorted({event for state, event in LIVES if state in READY})
    of_seed = {
        (WAITING[(seed + number) % len(WAITING)], event) for number, event in enumerate(events)
    }
    return sorted(row for row in LIVES if row[0] not in READY or row in of_seed)


LIVED = [(seed, row) for seed in SEEDS for row in rows(seed)]
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


@pytest.mark.parametrize(
    ("seed", "row"), LIVED, ids=[f"{'-'.join(row)}-{seed}" for seed, row in LIVED]
)
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
