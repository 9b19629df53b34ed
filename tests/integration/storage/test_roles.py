"""Each program's role may do its own work and no other's."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mdms.storage import roles
from mdms.storage.migrate import MigrationError, migrate, read
from tests.conftest import MIGRATED_AT, ZONE

pytestmark = pytest.mark.db

OWNERS = """
SELECT DISTINCT n.nspname, pg_get_userbyid(c.relowner)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'report', 'personal', 'signer') AND c.relkind IN ('r', 'p', 'v', 'm')
  AND NOT EXISTS (
      SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""


@contextmanager
def connected_as(database: str, role: str) -> Iterator[psycopg.Connection]:
    """A connection of that role's own, with none of its administrator's memberships."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        found = connection.execute("SELECT current_setting('is_superuser')").fetchone()
        if found == ("on",):
            pytest.skip(f"on this server {role} is a superuser")
        yield connection


@contextmanager
def new_user(database: str, rights: str) -> Iterator[str]:
    """A user who is no superuser and owns the database; a DSN with its rights."""
    user = f"mdms_test_{uuid.uuid4().hex}"
    name = sql.Identifier(user)
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {user} LOGIN {rights}".encode())
        base = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(base, name))
        yield make_conninfo(database, options=f"-c role={user}")
        admin.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(name))
        admin.execute(sql.SQL("DROP OWNED BY {}").format(name))
        admin.execute(sql.SQL("DROP ROLE {}").format(name))


def test_the_daemon_owns_all_tables_but_the_signers_and_the_audit(database):
    with psycopg.connect(database) as connection:
        owners = connection.execute(OWNERS).fetchall()

    assert owners == [
        ("personal", roles.DAEMON),
        ("public", roles.DAEMON),
        ("public", roles.AUDIT),
        ("report", roles.DAEMON),
        ("signer", roles.SIGNER),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET actor = 'eve'",
        "DELETE FROM audit_record",
        "TRUNCATE audit_record",
        "DELETE FROM audit_seal",
        "DELETE FROM audit_head",
        "ALTER TABLE audit_record DISABLE TRIGGER ALL",
        "DROP TABLE audit_record",
        "UPDATE control_step SET actor = 'eve'",
        "DELETE FROM control_step",
        "UPDATE cis_fact SET value = '0'",
        "DELETE FROM cis_fact",
    ],
)
def test_the_daemon_adds_to_the_audit_and_changes_nothing_in_it(database, statement):
    with connected_as(database, roles.DAEMON) as connection:
        connection.execute(
            "INSERT INTO audit_record VALUES (1, now(), 'fact', 'A1', 'billing', '', '')"
        )

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_what_a_later_migration_makes_is_handed_over_too(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE later (n integer GENERATED ALWAYS AS IDENTITY)")
        connection.execute("CREATE TABLE signer.later (n serial)")
        connection.execute("CREATE VIEW report.later AS SELECT n FROM later")

        connection.execute(roles.HAND_OVER)

        owners = connection.execute(OWNERS).fetchall()
    assert {owner for _, owner in owners} == {roles.DAEMON, roles.SIGNER, roles.AUDIT}


def test_signers_tables_that_the_daemon_once_made_are_taken_from_it(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE signer.counter OWNER TO mdms")
        connection.execute("ALTER SCHEMA signer OWNER TO mdms")

        connection.execute(roles.HAND_OVER)

        owners = connection.execute(OWNERS).fetchall()
    assert ("signer", roles.SIGNER) in owners
    assert ("signer", roles.DAEMON) not in owners


@pytest.mark.parametrize("role", [roles.DAEMON, roles.REPORT])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM signer.counter",
        "UPDATE signer.counter SET counter = counter + 1",
        "DELETE FROM signer.issued",
        "DROP TABLE signer.issued CASCADE",
        "SET ROLE mdms_signer",
    ],
)
def test_nobody_else_reaches_the_signers_tables(database, role, statement):
    with (
        connected_as(database, role) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_signer_sees_what_it_judges_by_and_changes_none_of_it(database):
    judged_by = ["meter", "meter_installation", "usage_point", "premise", "control", "optout"]
    with connected_as(database, roles.SIGNER) as connection:
        for table in judged_by:
            name = sql.Identifier(table)
            connection.execute(sql.SQL("SELECT * FROM {}").format(name))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("DELETE FROM {}").format(name))


@pytest.mark.parametrize("table", ["personal.contact", "account", "agreement", "interval_read"])
def test_the_signer_sees_no_people_and_no_reads(database, table):
    with (
        connected_as(database, roles.SIGNER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT * FROM {table}")


async def test_an_administrator_need_not_be_superuser(empty_database, database):
    member_of = f"{roles.DAEMON}, {roles.SIGNER}, {roles.AUDIT}"
    with new_user(empty_database, f"CREATEROLE IN ROLE {member_of}") as dsn:
        applied = await migrate(dsn, at=MIGRATED_AT, zone=ZONE)

        with psycopg.connect(empty_database) as connection:
            owners = connection.execute(OWNERS).fetchall()

    assert applied == read()
    assert {owner for _, owner in owners} == {roles.DAEMON, roles.SIGNER, roles.AUDIT}


async def test_who_may_not_create_roles_is_told_what_to_do(empty_database):
    with (
        new_user(empty_database, "NOCREATEROLE") as dsn,
        pytest.raises(MigrationError, match=r"create role; migrate with an administrator's DSN"),
    ):
        await migrate(dsn, at=MIGRATED_AT, zone=ZONE)
