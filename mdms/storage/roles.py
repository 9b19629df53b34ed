"""
The database's roles, and who owns what: the daemon all but the signer's and the audit (D20).

An administrator runs the migrations. What they make would be the administrator's; `hand_over` gives
it to the role whose program works with it.
"""

from typing import Final

from psycopg import AsyncConnection

DAEMON: Final = "mdms"
SIGNER: Final = "mdms_signer"
REPORT: Final = "mdms_report"
AUDIT: Final = "mdms_audit"
"""Owns the audit and logs in nowhere: the daemon adds to it and changes nothing."""

SINCE_MIGRATION: Final = 9
"""The migration that makes them."""

# The daemon's role counts as a maker too: before there were roles it may have made the signer's
# tables. Left alone are an extension's own schemas and objects, which move with their hypertables,
# and the sequences of columns, which move with their tables. A partition does not move with its
# parent.
HAND_OVER = """
DO $$
DECLARE
    makers CONSTANT oid[] := ARRAY[to_regrole(quote_ident(current_user)), to_regrole('mdms')];
    statement text;
BEGIN
    FOR statement IN
        WITH place AS (
            SELECT n.oid, n.nspname, n.nspowner,
                   CASE n.nspname WHEN 'signer' THEN 'mdms_signer' ELSE 'mdms' END AS role
            FROM pg_namespace n
            WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
              AND NOT EXISTS (
                  SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
                    AND d.deptype = 'e')
        ), made AS (
            SELECT 1 AS turn, 'SCHEMA' AS kind, quote_ident(p.nspname) AS name,
                   p.nspowner AS owner, p.role
            FROM place p
            UNION ALL
            SELECT 2, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                                     WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                   c.oid::regclass::text, c.relowner, p.role
            FROM pg_class c
            JOIN place p ON p.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
              AND NOT EXISTS (
                  SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                    AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
            UNION ALL
            SELECT 3, 'ROUTINE', f.oid::regprocedure::text, f.proowner, p.role
            FROM pg_proc f
            JOIN place p ON p.oid = f.pronamespace
            WHERE NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
        )
        SELECT format('ALTER %s %s OWNER TO %I', kind, name, role)
        FROM made
        WHERE owner = ANY (makers) AND owner <> to_regrole(role)
        ORDER BY turn
    LOOP
        EXECUTE statement;
    END LOOP;
END $$
"""


async def hand_over(connection: AsyncConnection) -> None:
    """Give what this connection's user has made to the roles of the programs."""
    await connection.execute(HAND_OVER)
