"""What the doctor says of database, registry and collectors."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from mdms.doctor.database import check_database
from mdms.doctor.findings import Level
from mdms.domain.time import to_epoch_us
from mdms.embedded import processes
from mdms.ports.messages import UplinkMessage
from mdms.storage.migrate import Migration, migrate, read
from tests.conftest import MIGRATED_AT, ZONE
from tests.fakes import FakeClock
from tests.integration.operations.doctor import CLOCK, COLLECTOR, database_settings, found
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = [pytest.mark.db, pytest.mark.slow]


async def test_a_database_that_is_away_is_a_problem():
    settings = database_settings(f"postgresql://mdms@127.0.0.1:{processes.free_port()}/mdms")

    level, sentence = found(await check_database(settings, CLOCK), "database")

    assert level is Level.PROBLEM
    assert "[database] dsn" in sentence


@pytest.mark.parametrize("wrong", [{"user": "nobody_known"}, {"dbname": "no_such_database"}])
async def test_a_user_or_a_database_that_does_not_exist_is_a_problem(database, wrong):
    findings = await check_database(database_settings(database, **wrong), CLOCK)

    assert found(findings, "database")[0] is Level.PROBLEM
    assert next(iter(wrong.values())) in found(findings, "database")[1]


async def test_a_database_without_tables_is_a_problem(empty_database):
    findings = await check_database(database_settings(empty_database), CLOCK)

    assert found(findings, "tables") == (
        Level.PROBLEM,
        "the database has no tables yet: run `mdms db migrate`",
    )


async def test_a_pending_migration_is_a_problem(empty_database):
    *older, newest = read()
    await migrate(empty_database, at=MIGRATED_AT, zone=ZONE, migrations=older)

    findings = await check_database(database_settings(empty_database), CLOCK)

    assert found(findings, "tables") == (
        Level.PROBLEM,
        f"{newest} is pending: run `mdms db migrate`",
    )


async def test_a_database_of_a_newer_program_is_a_problem(database):
    newer = Migration.parse("9000_pre_future.sql", "SELECT 1")
    await migrate(database, at=MIGRATED_AT, zone=ZONE, migrations=[*read(), newer])

    level, sentence = found(await check_database(database_settings(database), CLOCK), "tables")

    assert level is Level.PROBLEM
    assert "migrated by a newer one; run that" in sentence


@pytest.fixture
def stranger(database: str) -> Iterator[str]:
    """A database user without rights."""
    name = f"stranger_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        yield name
        connection.execute(f"DROP OWNED BY {name}".encode())
        connection.execute(f"DROP ROLE {name}".encode())


def grant(dsn: str, right: str, user: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"GRANT {right} TO {user}".encode())


async def test_a_user_that_sees_nothing_is_a_problem(database, stranger):
    settings = database_settings(database, user=stranger)

    level, sentence = found(await check_database(settings, CLOCK), "tables")

    assert level is Level.PROBLEM
    assert "name mdms in [database] dsn" in sentence


async def test_a_user_that_may_only_read_is_a_problem(database, stranger):
    grant(database, "SELECT ON ALL TABLES IN SCHEMA public", stranger)
    settings = database_settings(database, user=stranger)

    level, sentence = found(await check_database(settings, CLOCK), "rights")

    assert level is Level.PROBLEM
    assert f"{stranger} lacks INSERT on table account" in sentence


@pytest.mark.skipif("MDMS_TEST_DSN" in os.environ, reason="hypertables cut themselves")
async def test_a_user_that_may_write_but_not_add_months_is_a_problem(database, stranger):
    grant(database, "ALL ON ALL TABLES IN SCHEMA public", stranger)
    settings = database_settings(database, user=stranger)

    level, sentence = found(await check_database(settings, CLOCK), "rights")

    assert level is Level.PROBLEM
    assert "lacks OWNER on table" in sentence


async def test_the_daemons_role_has_every_right_and_no_more(daemon_database):
    findings = await check_database(database_settings(daemon_database), CLOCK)

    assert found(findings, "rights")[0] is Level.OK
    assert found(findings, "timescaledb")[0] is Level.OK


async def test_a_daemon_that_reaches_the_signers_counters_is_warned_of(database):
    findings = await check_database(database_settings(database), CLOCK)

    level, sentence = found(findings, "rights")
    assert level is Level.WARNING
    assert "name mdms in [database] dsn, which may not" in sentence


@pytest.mark.parametrize(
    ("minutes", "sentence"), [(10, r"(\d+) s behind this one"), (-10, r"(\d+) s ahead of this one")]
)
async def test_clocks_that_disagree_are_a_problem(database, minutes, sentence):
    wrong = FakeClock(CLOCK.now() + timedelta(minutes=minutes))

    findings = await check_database(database_settings(database), wrong)

    assert found(findings, "clock")[0] is Level.PROBLEM
    (apart_s,) = re.findall(sentence, found(findings, "clock")[1])
    assert int(apart_s) == pytest.approx(600, abs=60)  # time passes while it is asked


async def test_clocks_that_agree_are_said_to(database):
    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "clock")[0] is Level.OK


# Registry and collectors


async def test_an_empty_registry_is_a_problem(database):
    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "registry")[0] is Level.PROBLEM
    assert "mdms registry import" in found(findings, "registry")[1]


async def test_a_registry_without_collectors_is_a_problem(database, store):
    async with store() as work:
        await work.registry.merge(replace(SMALL_TOWN, collectors=()))

    findings = await check_database(database_settings(database), CLOCK)

    assert "there are no collectors" in found(findings, "registry")[1]


async def test_collectors_that_never_reported_are_a_problem(database, store):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)

    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "registry")[0] is Level.OK
    assert found(findings, "collectors")[0] is Level.PROBLEM
    assert "no collector has ever reported" in found(findings, "collectors")[1]


@pytest.mark.parametrize(
    ("ages_min", "level", "sentence"),
    [
        ((2, 3), Level.OK, "all 2 have reported within the hour"),
        ((2, 90), Level.WARNING, "collector 2 has been silent for more than an hour"),
        ((2, None), Level.WARNING, "collector 2 never reported"),
        ((70, 90), Level.PROBLEM, "collector 2, 1 has been silent for more than an hour"),
    ],
)
async def test_silent_collectors_are_named(database, store, ages_min, level, sentence):
    async with store() as work:
        both = (replace(COLLECTOR, collector_id=1), replace(COLLECTOR, collector_id=2))
        await work.registry.merge(replace(SMALL_TOWN, collectors=both))
        for collector_id, age in enumerate(ages_min, start=1):
            if age is not None:
                at = CLOCK.now() - timedelta(minutes=age)
                message = UplinkMessage(collector_id, 1, 1, to_epoch_us(at), "read", 0, b"", at)
                await work.messages.record([message])

    findings = await check_database(database_settings(database), CLOCK)

    assert found(findings, "collectors")[0] is level
    assert sentence in found(findings, "collectors")[1]
