"""
The two tables of reads and every statement on them, side by side.

They differ in the name of their time and in the columns that only intervals have; `readings.py`
runs the statements of either. None of these columns is ever NULL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.storage import copy_binary
from mdms.storage.copy_binary import Integers, Wire

R = TypeVar("R", IntervalReads, RegisterReads)


@dataclass(frozen=True, slots=True)
class ReadTable(Generic[R]):
    """
    One table of reads.

    Attributes:
        name: The table.
        rows: Makes our columns of it.
        time: Our name of its time column.
        wires: Our columns in the order of every statement's column list, and how they travel.
        append: Copy rows in; fails as a whole on the first key that is taken.
        create_stage: A private table to copy rows to whose keys may be taken.
        clear_stage: Forget what an earlier call in the same transaction staged.
        stage: Copy rows to the private table, each with its position among the caller's rows.
        store_staged: Insert what is not there yet; return the positions of the rest.
        keep_conflicts: Of these positions, keep the values that differ from the stored raw ones.
            LATERAL with LIMIT looks each one up: the planner knows nothing of the private table
            and would read all reads. unnest() makes a hash of the positions: `= ANY` searches
            them from end to end once the statement is prepared.
        select: Copy out, grouped by channel, what lies in a period.
        newest: Copy out, grouped by channel, the raw rows of its last slots.
    """

    name: str
    rows: Callable[..., R]
    time: str
    wires: Mapping[str, Wire]
    append: str
    create_stage: str
    clear_stage: str
    stage: str
    store_staged: str
    keep_conflicts: str
    select: str
    newest: str

    def times(self, rows: R) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the column by which the table is cut."""
        return np.asarray(getattr(rows, self.time), np.int64)

    def pack(self, rows: R) -> bytes:
        """Return the stream for `append`."""
        return copy_binary.pack(list(self.wires.values()), self._columns(rows))

    def pack_staged(self, rows: R) -> bytes:
        """Return the stream for `stage`."""
        position = np.arange(len(rows), dtype=np.int32)
        return copy_binary.pack(
            [copy_binary.INTEGER, *self.wires.values()], [position, *self._columns(rows)]
        )

    def unpack(self, stream: bytes) -> R:
        """Return the rows of a stream of `select` or `newest`, sorted by key and version."""
        names = list(self.wires)
        assert names[0] == "channel_id", "what a stream is grouped by"
        columns = copy_binary.unpack([self.wires[name] for name in names[1:]], stream)
        rows = self.rows(**dict(zip(names, columns, strict=True)))
        return rows.take(np.lexsort((rows.version, self.times(rows), rows.channel_id)))

    def _columns(self, rows: R) -> list[Integers]:
        return [getattr(rows, name) for name in self.wires]


INTERVALS = ReadTable(
    name="interval_read",
    rows=IntervalReads,
    time="start_s",
    wires={
        "channel_id": copy_binary.INTEGER,
        "start_s": copy_binary.TIMESTAMP_S,
        "version": copy_binary.SMALLINT,
        "value": copy_binary.BIGINT,
        "status": copy_binary.CHAR,
        "method": copy_binary.SMALLINT,
        "flags": copy_binary.BIGINT,
        "recorded_us": copy_binary.TIMESTAMP_US,
        "source": copy_binary.SMALLINT,
    },
    append="""
COPY interval_read
    (channel_id, start_utc, version, value, status, method, flags, recorded_at, source)
FROM STDIN (FORMAT binary)
""",
    create_stage="""
CREATE TEMPORARY TABLE IF NOT EXISTS interval_stage
    (position integer NOT NULL, LIKE interval_read) ON COMMIT DELETE ROWS
""",
    clear_stage="DELETE FROM interval_stage",
    stage="""
COPY interval_stage
    (position, channel_id, start_utc, version, value, status, method, flags, recorded_at, source)
FROM STDIN (FORMAT binary)
""",
    store_staged="""
WITH stored AS (
    INSERT INTO interval_read
        (channel_id, start_utc, version, value, status, method, flags, recorded_at, source)
    SELECT channel_id, start_utc, version, value, status, method, flags, recorded_at, source
    FROM interval_stage
    ORDER BY channel_id, start_utc
    ON CONFLICT DO NOTHING
    RETURNING channel_id, start_utc
)
SELECT position FROM interval_stage s
WHERE NOT EXISTS (
    SELECT FROM stored WHERE stored.channel_id = s.channel_id AND stored.start_utc = s.start_utc
)
ORDER BY position
""",
    keep_conflicts="""
INSERT INTO read_conflict (channel_id, kind, at_utc, value, stored_value, recorded_at)
SELECT s.channel_id, 'interval', s.start_utc, s.value, r.value, s.recorded_at
FROM unnest(%(positions)s::integer[]) AS refused (position)
JOIN interval_stage s USING (position)
CROSS JOIN LATERAL (
    SELECT value FROM interval_read
    WHERE channel_id = s.channel_id AND start_utc = s.start_utc AND version = 0
    LIMIT 1
) r
WHERE r.value <> s.value
ORDER BY position
ON CONFLICT DO NOTHING
""",
    select="""
COPY (
    SELECT channel_id, array_agg(start_utc), array_agg(version), array_agg(value),
           array_agg(status), array_agg(method), array_agg(flags), array_agg(recorded_at),
           array_agg(source)
    FROM interval_read
    WHERE start_utc >= %(start_utc)s AND start_utc < %(end_utc)s
      AND (%(channel_ids)s::integer[] IS NULL OR channel_id = ANY(%(channel_ids)s::integer[]))
      AND recorded_at <= coalesce(%(as_of)s, timestamptz 'infinity')
    GROUP BY channel_id
) TO STDOUT (FORMAT binary)
""",
    newest="""
COPY (
    SELECT channel_id, array_agg(start_utc), array_agg(version), array_agg(value),
           array_agg(status), array_agg(method), array_agg(flags), array_agg(recorded_at),
           array_agg(source)
    FROM (
        SELECT r.*
        FROM channel c
        CROSS JOIN LATERAL (
            SELECT start_utc - %(slots)s * c.interval_s * interval '1 second' AS after_utc
            FROM interval_read WHERE channel_id = c.channel_id
            ORDER BY start_utc DESC LIMIT 1
        ) newest
        JOIN interval_read r ON r.channel_id = c.channel_id AND r.start_utc > newest.after_utc
        WHERE r.version = 0
    ) recent
    GROUP BY channel_id
) TO STDOUT (FORMAT binary)
""",
)

REGISTERS = ReadTable(
    name="register_read",
    rows=RegisterReads,
    time="at_s",
    wires={
        "channel_id": copy_binary.INTEGER,
        "at_s": copy_binary.TIMESTAMP_S,
        "version": copy_binary.SMALLINT,
        "value": copy_binary.BIGINT,
        "status": copy_binary.CHAR,
        "recorded_us": copy_binary.TIMESTAMP_US,
        "source": copy_binary.SMALLINT,
    },
    append="""
COPY register_read (channel_id, at_utc, version, value, status, recorded_at, source)
FROM STDIN (FORMAT binary)
""",
    create_stage="""
CREATE TEMPORARY TABLE IF NOT EXISTS register_stage
    (position integer NOT NULL, LIKE register_read) ON COMMIT DELETE ROWS
""",
    clear_stage="DELETE FROM register_stage",
    stage="""
COPY register_stage (position, channel_id, at_utc, version, value, status, recorded_at, source)
FROM STDIN (FORMAT binary)
""",
    store_staged="""
WITH stored AS (
    INSERT INTO register_read (channel_id, at_utc, version, value, status, recorded_at, source)
    SELECT channel_id, at_utc, version, value, status, recorded_at, source
    FROM register_stage
    ORDER BY channel_id, at_utc
    ON CONFLICT DO NOTHING
    RETURNING channel_id, at_utc
)
SELECT position FROM register_stage s
WHERE NOT EXISTS (
    SELECT FROM stored WHERE stored.channel_id = s.channel_id AND stored.at_utc = s.at_utc
)
ORDER BY position
""",
    keep_conflicts="""
INSERT INTO read_conflict (channel_id, kind, at_utc, value, stored_value, recorded_at)
SELECT s.channel_id, 'register', s.at_utc, s.value, r.value, s.recorded_at
FROM unnest(%(positions)s::integer[]) AS refused (position)
JOIN register_stage s USING (position)
CROSS JOIN LATERAL (
    SELECT value FROM register_read
    WHERE channel_id = s.channel_id AND at_utc = s.at_utc AND version = 0
    LIMIT 1
) r
WHERE r.value <> s.value
ORDER BY position
ON CONFLICT DO NOTHING
""",
    select="""
COPY (
    SELECT channel_id, array_agg(at_utc), array_agg(version), array_agg(value),
           array_agg(status), array_agg(recorded_at), array_agg(source)
    FROM register_read
    WHERE at_utc >= %(start_utc)s AND at_utc <= %(end_utc)s
      AND (%(channel_ids)s::integer[] IS NULL OR channel_id = ANY(%(channel_ids)s::integer[]))
      AND recorded_at <= coalesce(%(as_of)s, timestamptz 'infinity')
    GROUP BY channel_id
) TO STDOUT (FORMAT binary)
""",
    newest="""
COPY (
    SELECT channel_id, array_agg(at_utc), array_agg(version), array_agg(value),
           array_agg(status), array_agg(recorded_at), array_agg(source)
    FROM (
        SELECT r.*
        FROM channel c
        CROSS JOIN LATERAL (
            SELECT at_utc - %(slots)s * c.interval_s * interval '1 second' AS after_utc
            FROM register_read WHERE channel_id = c.channel_id
            ORDER BY at_utc DESC LIMIT 1
        ) newest
        JOIN register_read r ON r.channel_id = c.channel_id AND r.at_utc > newest.after_utc
        WHERE r.version = 0
    ) recent
    GROUP BY channel_id
) TO STDOUT (FORMAT binary)
""",
)
