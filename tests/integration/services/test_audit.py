"""The audit in the database: written with what it tells of, and found out when it was changed."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mdms.domain.audit import AuditEntry, AuditHead, SealedHead, sealed_text
from mdms.domain.controls import ControlState, ControlStep
from mdms.domain.facts import Subject
from mdms.services.audit import AuditService
from mdms.services.facts import FactService, Statement
from tests.controls import AT, a_control, a_registry
from tests.fakes import FakeClock

pytestmark = pytest.mark.db

FORGED_STEP = """
INSERT INTO control_step
SELECT control_id, 99, at, event, state, 'eve', detail FROM control_step WHERE number = 3
"""


@pytest.fixture
async def written(store):
    """Three steps of one command, and a note on a token: records 1 to 4."""
    control = a_control(state=ControlState.SENT, requested_by="ann")
    async with store() as work:
        await work.registry.merge(a_registry())
        await work.controls.add(control)
    for number, event in enumerate(("allowed", "signed", "sent")):
        at = AT + timedelta(seconds=number)
        async with store() as work:
            await work.controls.add_step(
                ControlStep(control.control_id, 0, at, event, ControlState.SENT, "ann", "why")
            )
    async with store() as work:
        work.audit.note(AuditEntry(AT, "token.created", "bob", "root", {"roles": ["csr"]}))
    return control


@pytest.fixture
async def stated(store, written):
    """A fact of the customer system: record 5."""
    facts = FactService(store, FakeClock(AT), ZoneInfo("America/Los_Angeles"))
    owed = Statement(
        subject=Subject.ACCOUNT, subject_id="A1", fact="past_due", value="412.50", effective_at=AT
    )
    await facts.state([owed], "billing")


async def test_every_step_of_a_command_is_in_the_chain(store, written):
    audit = AuditService(store)

    found = await audit.verify()
    steps = await audit.newest(50, subject=str(written.control_id))

    assert found.intact
    assert found.head.number == 4
    assert [(each["number"], each["detail"]["event"]) for each in steps[::-1]] == [
        (1, "allowed"),
        (2, "signed"),
        (3, "sent"),
    ]
    assert [each["subject"] for each in await audit.newest(1)] == ["bob"]


async def test_a_transaction_that_fails_leaves_no_link(store, written):
    async def fail() -> None:
        async with store() as work:
            work.audit.note(AuditEntry(AT, "fact", "A1", "billing", {}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()

    assert (await AuditService(store).verify()).head.number == 4


async def test_transactions_beside_each_other_make_one_chain(store, written):
    async def note(number: int) -> None:
        async with store() as work:
            work.audit.note(AuditEntry(AT, "fact", str(number), "billing", {}))

    await asyncio.gather(*(note(number) for number in range(20)))

    found = await AuditService(store).verify()
    assert found.intact
    assert found.head.number == 24


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_record SET content = set_byte(content, 20, 33) WHERE number = 2", 2),
        ("UPDATE audit_record SET hash = set_byte(hash, 0, 1) WHERE number = 3", 3),
        ("DELETE FROM audit_record WHERE number = 1", 1),
        ("DELETE FROM audit_record WHERE number = 4", 4),
    ],
)  # fmt: skip
async def test_one_changed_byte_breaks_the_chain_at_its_record(
    store, database, written, statement, named
):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement)

    found = await AuditService(store).verify()

    assert found.broken_at == named
    assert not found.intact


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_record SET actor = 'eve' WHERE number = 4", "record 4: its own columns"),
        ("UPDATE control_step SET actor = 'eve' WHERE number = 2", "record 2: the step"),
        ("UPDATE control_step SET detail = 'why not' WHERE number = 3", "record 3: the step"),
        ("DELETE FROM control_step WHERE number = 2", "record 2: the step"),
        (FORGED_STEP, "step 99 of command"),
        ("UPDATE control SET requested_by = 'ghost'", "tell otherwise who asked"),
        ("UPDATE control SET state = 'CANCELLED'", "how far it has come"),
        ("UPDATE cis_fact SET value = '1.00'", "record 5: the fact"),
        ("DELETE FROM cis_fact", "record 5: the fact"),
    ],
)
async def test_what_the_tables_say_otherwise_is_named(store, database, stated, statement, named):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement)

    found = await AuditService(store).verify()

    assert found.broken_at is None
    assert not found.intact
    assert named in found.contradicted[0]


async def test_a_chain_that_was_made_anew_does_not_fit_its_seals(store, database, written):
    key = Ed25519PrivateKey.generate()
    audit = AuditService(store)
    head = (await audit.verify()).head
    good = SealedHead(head, AT, key.sign(sealed_text(head, AT)))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO audit_seal (number, hash, at, signature) VALUES (%s, %s, %s, %s)",
            (head.number, head.hash, good.at, good.signature),
        )
    other = AuditHead(2, bytes(32))
    remade = SealedHead(other, AT, key.sign(sealed_text(other, AT)))
    forged = replace(good, at=AT + timedelta(hours=1))

    assert (await audit.verify(keys=[key.public_key()])).intact

    found = await audit.verify(kept=[good, remade, forged], keys=[key.public_key()])
    assert found.seals == 1
    assert [problem.rsplit(": ", 1)[1] for problem in found.unsealed] == [
        "the chain was another one then",
        "not signed by a key that was named",
    ]
