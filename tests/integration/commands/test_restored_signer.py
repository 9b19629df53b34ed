"""A signer on a database that is not the one it signed in."""

from dataclasses import replace

import psycopg
import pytest
from typer.testing import CliRunner

from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms.cli import app
from mdms.domain.controls import new_id
from mdms.services import signer_record
from mdms.storage.signer import LEAP_BY
from tests.controls import AT
from tests.integration.commands.test_signer import COMMAND
from tests.meters import MASTER
from tests.signing import open_rules, supervisors, write_signer_files

pytestmark = pytest.mark.db


@pytest.fixture
def signer(line):
    return LocalSigner(
        KeyRing({1: MASTER}), line.signer_memory, line.clock, open_rules(),
        supervisors=supervisors(),
    )  # fmt: skip


def put_back(database: str) -> None:
    """Forget what was signed, and that it was in this database, as a restore does."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE signer.counter SET counter = 1")
        connection.execute("DELETE FROM signer.issued WHERE counter > 1")
        connection.execute("UPDATE signer.lineage SET lineage = 'another'")


async def test_no_counter_is_drawn_twice_after_a_restore(signer, database):
    drawn = [await signer.sign(replace(COMMAND, command_id=new_id(AT))) for _ in range(3)]
    put_back(database)

    after = [await signer.sign(replace(COMMAND, command_id=new_id(AT))) for _ in range(2)]
    stranger = await signer.sign(replace(COMMAND, command_id=new_id(AT), radio_id=7))

    assert [each.counter for each in drawn] == [1, 2, 3]
    assert [each.counter for each in after] == [1 + LEAP_BY + 1, 1 + LEAP_BY + 2]
    assert stranger.counter == 1 + LEAP_BY + 1, "a meter that the copy has never heard of leaps too"


async def test_what_was_signed_before_is_given_again_as_it_was(signer, database):
    first = await signer.sign(COMMAND)
    put_back(database)

    assert await signer.sign(COMMAND) == first


async def test_opens_wait_for_two_supervisors_and_the_record_says_why(signer, line, database):
    await signer.sign(COMMAND)
    put_back(database)

    await signer.resume()
    await signer.resume()

    trip = await signer.standing_trip()
    assert trip is not None
    assert "was restored" in trip.reason
    found = await signer_record.verify(line.signer_memory, [])
    assert found.intact
    assert found.head.number == 1, "it leapt once"


def test_an_operator_says_what_no_program_can_see(database, tmp_path):
    config = write_signer_files(tmp_path / "signer", database)

    done = CliRunner().invoke(
        app, ["signer", "advance", "--reason", "a snapshot", "--config", str(config)]
    )

    assert done.exit_code == 0, done.output
    assert f"above {LEAP_BY}" in done.output
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT reason FROM signer.trip").fetchall() == [("a snapshot",)]
