"""What a database holds, in a line a table: to compare a restored one with the one it came from."""

from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection, IsolationLevel, sql

from mdms.domain.errors import OperatorError, UnavailableError
from mdms.storage.dsn import limited


@dataclass(frozen=True, slots=True)
class TableFingerprint:
    """
    One table's content.

    Attributes:
        table: With its schema.
        row_count: Rows.
        checksum: Sum of a hash of each row, in hexadecimal: the order of rows does not matter.
    """

    table: str
    row_count: int
    checksum: str


# A table that is cut by time counts as one, whichever way it is cut.
TABLES = """
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname !~ '^(pg_|information_schema$|_?timescaledb)'
ORDER BY n.nspname, c.relname
"""

CONTENT = sql.SQL("""
SELECT count(*),
       to_hex(mod(coalesce(sum(hashtextextended(t::text, 0)), 0), 9223372036854775807)::bigint)
FROM {table} t
""")


async def fingerprints(dsn: str) -> list[TableFingerprint]:
    """
    Return every table of ours, all as of one instant; reads all of them.

    Raises:
        OperatorError: This user may not read some table.
        UnavailableError: The database is away.
    """
    try:
        async with await AsyncConnection.connect(limited(dsn)) as connection:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            await connection.execute("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'")
            tables = await (await connection.execute(TABLES)).fetchall()
            return [await _of(connection, schema, table) for schema, table in tables]
    except psycopg.errors.InsufficientPrivilege as error:
        raise OperatorError(
            f"{error.diag.message_primary}: ask with an administrator's DSN (MDMS_DATABASE__DSN)"
        ) from error
    except psycopg.OperationalError as error:
        raise UnavailableError(f"the database cannot be asked: {error}") from error


async def _of(connection: AsyncConnection, schema: str, table: str) -> TableFingerprint:
    query = CONTENT.format(table=sql.Identifier(schema, table))
    row = await (await connection.execute(query)).fetchone()
    assert row is not None, "an aggregate has one row"
    return TableFingerprint(f"{schema}.{table}", *row)
