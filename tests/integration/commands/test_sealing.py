"""The audit's seals: made by the signer, kept elsewhere, and not to be talked round."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from commands.signing.sealing import Sealer, sealing_key
from mdms.domain.audit import (
    BEGINNING,
    AuditEntry,
    AuditHead,
    SealedHead,
    parse_seals,
    sealed_text,
)
from mdms.domain.controls import Action
from mdms.domain.errors import UnavailableError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services import signer_record
from mdms.services.audit import AuditService, Verified
from mdms.storage.seals import SealFile
from tests.controls import AT
from tests.fakes import FakeClock
from tests.integration.commands.line import Line

pytestmark = pytest.mark.db

KEY = sealing_key(bytes(32))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "seals.jsonl"


@pytest.fixture
def clock():
    return FakeClock(AT)


@pytest.fixture
def sealer(line, path, clock):
    return Sealer(KEY, line.signer_memory, SealFile(path), clock)


async def note(store: UnitOfWorkFactory, count: int, actor: str = "billing") -> None:
    for number in range(count):
        async with store() as work:
            work.audit.note(AuditEntry(AT, "fact", f"A{number}", actor, {}))


def kept_in(path: Path) -> list[SealedHead]:
    return parse_seals(path.read_text(encoding="utf-8"))


async def verified(store: UnitOfWorkFactory, path: Path) -> Verified:
    kept = kept_in(path)
    return await AuditService(store).verify(kept=kept, keys=[KEY.public_key()])


async def test_every_seal_fits_the_chain_and_outlives_the_signer(line, store, path, clock, sealer):
    await note(store, 3)
    first = await sealer.seal()
    await note(store, 2)
    clock.advance(timedelta(hours=1))

    again = Sealer(KEY, line.signer_memory, SealFile(path), clock)
    second = await again.seal()
    assert first
    assert second

    assert second.head.number == first.head.number + 2
    found = await verified(store, path)
    assert (found.intact, found.seals) == (True, 2)


async def test_nothing_new_needs_no_seal(store, path, sealer):
    await note(store, 1)
    await sealer.seal()

    assert await sealer.seal() is None
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET content = set_byte(content, 9, 33) WHERE number > %s",
        "UPDATE audit_record SET hash = set_byte(hash, 9, 33) WHERE number = %s",
        "DELETE FROM audit_record WHERE number = %s + 1",
        "DELETE FROM audit_record WHERE number = %s",
    ],
)
async def test_what_was_changed_is_not_sealed(store, database, sealer, statement):
    await note(store, 2)
    sealed = await sealer.seal()
    await note(store, 2)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement, [sealed.head.number])

    assert await sealer.seal() is None


async def test_a_chain_made_anew_up_to_the_last_seal_is_not_sealed_again(
    store, database, path, sealer
):
    await note(store, 3)
    await sealer.seal()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM audit_record")
        connection.execute(
            "UPDATE audit_head SET number = 0, hash = decode(repeat('00', 32), 'hex')"
        )
    await note(store, 9, "eve")  # a clean chain, of other things

    assert await sealer.seal() is None
    found = await verified(store, path)
    assert found.broken_at is None
    assert not found.intact


async def test_a_second_place_that_is_away_makes_no_seal_of_record(line, store, tmp_path, clock):
    sealer = Sealer(KEY, line.signer_memory, SealFile(tmp_path / "no" / "seals.jsonl"), clock)
    await note(store, 1)

    with pytest.raises(UnavailableError, match="takes no seals"):
        await sealer.seal()


async def of_signer(line: Line, path: Path) -> Verified:
    return await signer_record.verify(line.signer_memory, kept_in(path))


async def opened(line: Line) -> None:
    """Have the signer note something: an open."""
    await line.ask(Action.DISCONNECT)
    await line.run(30)


async def test_a_seal_holds_the_signers_own_record_too(line, store, path, sealer):
    await opened(line)

    sealed = await sealer.seal()

    assert sealed.own.number == 1
    assert (await verified(store, path)).intact
    found = await of_signer(line, path)
    assert (found.intact, found.head, found.seals) == (True, sealed.own, 1)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE signer.audit SET content = set_byte(content, 9, 33)", "broken"),
        ("UPDATE signer.audit SET hash = set_byte(hash, 9, 33)", "broken"),
        ("UPDATE signer.audit SET detail = 'nothing'", "its own columns tell it otherwise"),
        ("DELETE FROM signer.open", "the budgets do not count its open"),
        ("DELETE FROM signer.audit", "the signer's record does not tell of it"),
    ],
)
async def test_a_changed_record_of_the_signer_is_found(
    line, database, path, sealer, *, statement, told
):
    await opened(line)
    await sealer.seal()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement)

    found = await of_signer(line, path)

    assert not found.intact
    assert ["broken"] if found.broken_at else [each for each in found.contradicted if told in each]


async def test_a_record_of_the_signer_that_was_made_anew_does_not_fit_its_seal(
    line, database, path, sealer
):
    await opened(line)
    await sealer.seal()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM signer.audit; DELETE FROM signer.open")
    async with line.signer_memory() as memory:
        await memory.note("released", AT, None, "eve")

    assert await sealer.seal() is None
    found = await of_signer(line, path)
    assert (found.broken_at, found.contradicted, found.seals) == (None, (), 0)
    assert "it was another one then" in found.unsealed[0]


async def test_a_seal_that_says_another_record_of_the_signer_is_not_signed(
    line, store, path, sealer
):
    await opened(line)
    sealed = await sealer.seal()
    forged = replace(sealed, own=AuditHead(1, bytes(32)))

    found = await AuditService(store).verify(kept=[forged], keys=[KEY.public_key()])

    assert any("not signed" in problem for problem in found.unsealed)


def test_a_seal_of_before_is_read_as_one_over_an_empty_record():
    row = {"number": 1, "hash": "00" * 32, "at": AT.isoformat(), "signature": "00"}

    (sealed,) = parse_seals(json.dumps(row))

    assert sealed.own == BEGINNING
    assert b"signer" not in sealed_text(sealed.head, sealed.at, sealed.own)
