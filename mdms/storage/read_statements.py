"""
Every statement on a table of reads, written once for both.

The tables differ in the name of their time, in the columns that only intervals have, and in whether
what lies at the end of a period belongs to it. None of these columns is ever NULL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString, Self

from psycopg import sql

APPEND = "COPY {table} ({columns}) FROM STDIN (FORMAT binary)"

CREATE_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS {stage}
    (position integer NOT NULL, LIKE {table}) ON COMMIT DELETE ROWS
"""

CLEAR_STAGE = "DELETE FROM {stage}"

STAGE = "COPY {stage} (position, {columns}) FROM STDIN (FORMAT binary)"

STORE = """
WITH given AS {given}, stored AS (
    INSERT INTO {table} ({columns})
    SELECT {columns} FROM given
    ORDER BY channel_id, {time}
    ON CONFLICT DO NOTHING
    RETURNING channel_id, {time}
)
SELECT position FROM given
WHERE NOT EXISTS (
    SELECT FROM stored WHERE stored.channel_id = given.channel_id AND stored.{time} = given.{time}
)
ORDER BY position
"""

# LATERAL with LIMIT looks each one up: the planner knows nothing of the private table and would
# read all reads.
KEEP_CONFLICTS = """
INSERT INTO read_conflict (channel_id, kind, at_utc, value, stored_value, recorded_at)
SELECT refused.channel_id, {kind}, refused.{time}, refused.value, r.value, refused.recorded_at
FROM {refused} refused
CROSS JOIN LATERAL (
    SELECT value FROM {table}
    WHERE channel_id = refused.channel_id AND {time} = refused.{time} AND version = 0
    LIMIT 1
) r
WHERE r.value <> refused.value
ORDER BY refused.position
ON CONFLICT DO NOTHING
"""

STAGED = "NOT MATERIALIZED (SELECT * FROM {stage})"

# unnest() makes a hash of the positions: `= ANY` searches them from end to end once the statement
# is prepared.
STAGED_REFUSED = """
(SELECT * FROM unnest(%(positions)s::integer[]) AS listed (position) JOIN {stage} USING (position))
"""

# As parameters: few rows cost less than what COPY says to and fro before and after them.
FEW = """
(SELECT {columns}, position - 1 AS position
 FROM unnest({parameters}) WITH ORDINALITY AS few ({columns}, position))
"""

# Some channels travel in one message: a day of them is a few hundred thousand bytes.
TOGETHER = """
COPY (
    SELECT string_agg(record_send(one), '') FROM ({select}) one GROUP BY channel_id / 64
) TO STDOUT (FORMAT binary)
"""

SELECT = """
SELECT channel_id, {arrays}
FROM {table}
WHERE {time} >= %(start_utc)s AND {time} {up_to} %(end_utc)s
  AND (%(channel_ids)s::integer[] IS NULL OR channel_id = ANY(%(channel_ids)s::integer[]))
  AND recorded_at <= coalesce(%(as_of)s, timestamptz 'infinity')
GROUP BY channel_id
"""

# Most rows are as they were received and differ in little: then half the columns need not travel.
# Channels with other rows are told, and asked for again by `select`.
SELECT_PLAIN = """
SELECT channel_id, min(source), bool_or({altered}) OR min(source) <> max(source), {plain_arrays}
FROM {table}
WHERE {time} >= %(start_utc)s AND {time} {up_to} %(end_utc)s
  AND (%(channel_ids)s::integer[] IS NULL OR channel_id = ANY(%(channel_ids)s::integer[]))
  AND recorded_at <= coalesce(%(as_of)s, timestamptz 'infinity')
GROUP BY channel_id
"""

# Looked up channel by channel: joined as a whole, the planner takes a third of all reads for newer
# than these times, and reads all that there are.
NEWEST = """
SELECT c.channel_id, recent.*
FROM channel c
CROSS JOIN LATERAL (
    SELECT {time} - %(slots)s * c.interval_s * interval '1 second' AS after_utc
    FROM {table} WHERE channel_id = c.channel_id
    ORDER BY {time} DESC LIMIT 1
) newest
CROSS JOIN LATERAL (
    SELECT {arrays} FROM {table}
    WHERE channel_id = c.channel_id AND {time} > newest.after_utc AND version = 0
    HAVING count(*) > 0
) recent
WHERE c.channel_id >= %(first)s AND c.channel_id < %(end)s
"""


SOURCE = "source"


@dataclass(frozen=True, slots=True)
class ReadStatements:
    """
    The statements on one table.

    Attributes:
        append: Copy rows in; fails as a whole on the first key that is taken.
        create_stage: A private table to copy rows to whose keys may be taken.
        clear_stage: Forget what an earlier call in the same transaction staged.
        stage: Copy rows to the private table, each with its position among the caller's rows.
        store_staged: Insert what is not there yet; return the positions of the rest.
        keep_conflicts: Of these positions, keep the values that differ from the stored raw ones.
        store_few: Insert what is not there yet of the rows that its parameters are the columns of;
            return the positions of the rest.
        keep_few_conflicts: Of these rows, keep the values that differ from the stored raw ones.
        select: Copy out, grouped by channel, what lies in a period.
        select_plain: Copy out, grouped by channel, its source, whether it has rows that are not
            plain, and the columns in which plain rows differ.
        newest: Copy out, grouped by channel, the raw rows of the last slots of some channels.
    """

    append: bytes
    create_stage: bytes
    clear_stage: bytes
    stage: bytes
    store_staged: bytes
    keep_conflicts: bytes
    store_few: bytes
    keep_few_conflicts: bytes
    select: bytes
    select_plain: bytes
    newest: bytes

    @classmethod
    def on(
        cls,
        table: str,
        columns: Mapping[str, LiteralString],
        *,
        time: str,
        kind: str,
        plain: Mapping[str, int | str],
        with_end: bool,
    ) -> Self:
        """
        Write the statements.

        Args:
            table: Its name.
            columns: Their names and types, the channel's first.
            time: The one by which the table is cut.
            kind: What a conflict in this table is called.
            plain: Values of the columns that are alike in all rows as received; they
                have one source besides.
            with_end: Whether a row at the very end of a period belongs to it.
        """
        names = list(columns)
        parts = {
            "table": sql.Identifier(table),
            "stage": sql.Identifier(f"{table}_stage"),
            "columns": sql.SQL(", ").join(map(sql.Identifier, names)),
            "parameters": sql.SQL(", ").join(
                sql.SQL("{}::{}[]").format(sql.Placeholder(name, "b"), sql.SQL(type_))
                for name, type_ in columns.items()
            ),
            "arrays": _arrays(names[1:]),
            "plain_arrays": _arrays(
                [name for name in names[1:] if name not in plain and name != SOURCE]
            ),
            "altered": sql.SQL(" OR ").join(
                sql.SQL("{} <> {}").format(sql.Identifier(name), sql.Literal(value))
                for name, value in plain.items()
            ),
            "time": sql.Identifier(time),
            "kind": sql.Literal(kind),
            "up_to": sql.SQL("<=" if with_end else "<"),
        }

        def written(template: LiteralString, **rows: LiteralString) -> bytes:
            given = {name: sql.SQL(each).format(**parts) for name, each in rows.items()}
            return sql.SQL(template).format(**parts, **given).as_bytes()

        def together(template: LiteralString) -> bytes:
            return sql.SQL(TOGETHER).format(select=sql.SQL(template).format(**parts)).as_bytes()

        return cls(
            append=written(APPEND),
            create_stage=written(CREATE_STAGE),
            clear_stage=written(CLEAR_STAGE),
            stage=written(STAGE),
            store_staged=written(STORE, given=STAGED),
            keep_conflicts=written(KEEP_CONFLICTS, refused=STAGED_REFUSED),
            store_few=written(STORE, given=FEW),
            keep_few_conflicts=written(KEEP_CONFLICTS, refused=FEW),
            select=together(SELECT),
            select_plain=together(SELECT_PLAIN),
            newest=together(NEWEST),
        )


def _arrays(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("array_agg({})").format(sql.Identifier(name)) for name in columns
    )
