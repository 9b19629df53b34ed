"""
What the signer remembers, in its own schema and its own transactions.

A counter is drawn, an open counted and the envelope kept in one commit, before anyone may send it:
whatever is killed afterwards, the same command is never given a second counter, and no budget
forgets it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

from mdms.domain.audit import BEGINNING, AuditEntry, AuditHead, AuditRecord, chained
from mdms.domain.errors import UnavailableError
from mdms.ports.signer import (
    Issued,
    OpenOrder,
    SignerMemory,
    SignerMemoryFactory,
    Spent,
    SpentOpen,
    Trip,
)
from mdms.storage import pool
from mdms.storage.audit import PostgresAudit
from mdms.storage.signer_view import PostgresSignerView

LEAP_BY = 1 << 20
"""More than one meter is ever told between two backups; a counter has room for 10^12 such leaps."""

_CONNECTIONS_MAX = 4
_ACTOR = "signer"


class PostgresSignerMemory:
    """`mdms.ports.SignerMemory` on the schema `signer`, one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._view = PostgresSignerView(connection)
        self.audit = PostgresAudit(connection)

    # On a table of our own: an advisory lock could be held by whoever may connect.
    LOCK_OPENS = "LOCK TABLE signer.trip IN SHARE ROW EXCLUSIVE MODE"

    async def lock_opens(self) -> Trip | None:
        await self._connection.execute(self.LOCK_OPENS)
        return await self.standing_trip()

    ISSUED = """
    SELECT command_id, radio_id, key_id, counter, envelope
    FROM signer.issued WHERE command_id = %(command_id)s
    """

    async def issued(self, command_id: UUID) -> Issued | None:
        cursor = await self._connection.execute(self.ISSUED, {"command_id": command_id})
        row = await cursor.fetchone()
        return None if row is None else Issued(*row)

    LOCK_COUNTER = """
    INSERT INTO signer.counter AS c (radio_id, key_id, counter)
    VALUES (%(radio_id)s, %(key_id)s, 0)
    ON CONFLICT (radio_id, key_id) DO UPDATE SET counter = c.counter
    """

    async def lock_counter(self, radio_id: int, key_id: int) -> None:
        key = {"radio_id": radio_id, "key_id": key_id}
        await self._connection.execute(self.LOCK_COUNTER, key)

    # The row stays locked until the commit: whoever asks next gets a higher one.
    DRAW = """
    INSERT INTO signer.counter AS c (radio_id, key_id, counter)
    VALUES (%(radio_id)s, %(key_id)s,
            coalesce((SELECT counter_floor FROM signer.lineage), 0) + 1)
    ON CONFLICT (radio_id, key_id) DO UPDATE SET
        counter = greatest(c.counter + 1, EXCLUDED.counter)
    RETURNING counter
    """

    async def draw(self, radio_id: int, key_id: int) -> int:
        key = {"radio_id": radio_id, "key_id": key_id}
        row = await (await self._connection.execute(self.DRAW, key)).fetchone()
        assert row is not None, "an upsert returns its row"
        counter: int = row[0]
        return counter

    # A server's identifier is its own; its timeline grows when it is restored or takes over.
    HERE = """
    SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    FROM pg_control_system()
    """
    LINEAGE = "SELECT lineage FROM signer.lineage"
    FIRST_HERE = """
    INSERT INTO signer.lineage (lineage) VALUES (%(here)s) ON CONFLICT DO NOTHING
    """

    async def _here(self) -> str:
        row = await (await self._connection.execute(self.HERE)).fetchone()
        assert row is not None, "every server has an identifier"
        return str(row[0])

    async def continues(self) -> bool:
        here = await self._here()
        row = await (await self._connection.execute(self.LINEAGE)).fetchone()
        if row is None:
            await self._connection.execute(self.FIRST_HERE, {"here": here})
            return True
        return bool(row[0] == here)

    # A counter that another transaction has drawn and not committed is far below the new floor.
    LEAP = """
    INSERT INTO signer.lineage AS l (lineage, counter_floor)
    VALUES (%(here)s, (SELECT coalesce(max(counter), 0) FROM signer.counter) + %(by)s)
    ON CONFLICT (only_row) DO UPDATE SET
        lineage = EXCLUDED.lineage,
        counter_floor = greatest(l.counter_floor + %(by)s, EXCLUDED.counter_floor)
    WHERE l.lineage <> EXCLUDED.lineage OR %(anyway)s
    RETURNING counter_floor
    """

    async def leap(self, *, anyway: bool) -> int | None:
        cursor = await self._connection.execute(
            self.LEAP, {"here": await self._here(), "by": LEAP_BY, "anyway": anyway}
        )
        row = await cursor.fetchone()
        return None if row is None else int(row[0])

    ISSUE = """
    INSERT INTO signer.issued (command_id, radio_id, key_id, counter, envelope)
    VALUES (%(command_id)s, %(radio_id)s, %(key_id)s, %(counter)s, %(envelope)b)
    """

    async def issue(self, issued: Issued) -> None:
        await self._connection.execute(self.ISSUE, asdict(issued))

    SPENT = """
    SELECT count(*) FILTER (WHERE within_hour) AS hour,
           count(*) FILTER (WHERE at > %(now)s - interval '24 hours') AS day,
           count(*) FILTER (WHERE within_hour AND immediate) AS immediate_hour,
           count(*) FILTER (WHERE within_hour AND transformer_id = %(transformer_id)s)
               AS transformer_hour,
           (SELECT count(*) FROM signer.open_switch) AS open_now,
           max(at) AS latest_at
    FROM (
        SELECT at, immediate, transformer_id, at > %(now)s - interval '1 hour' AS within_hour
        FROM signer.open WHERE at > %(now)s - interval '24 hours'
    ) recent
    """

    async def spent(self, transformer_id: str | None, now: datetime) -> Spent:
        cursor = await self._connection.execute(
            self.SPENT, {"transformer_id": transformer_id, "now": now}
        )
        row = await cursor.fetchone()
        assert row is not None, "an aggregate has one row"
        hour, day, immediate_hour, transformer_hour, open_now, latest_at = row
        return Spent(
            hour=hour,
            day=day,
            immediate_hour=immediate_hour,
            transformer_hour=transformer_hour,
            open_now=open_now,
            pilot=await self._view.pilot(now),
            latest_at=latest_at,
        )

    SPEND = """
    WITH spent AS (
        INSERT INTO signer.open (command_id, radio_id, transformer_id, immediate, at)
        VALUES (%(command_id)s, %(radio_id)s, %(transformer_id)s, %(immediate)s, %(at)s)
    )
    INSERT INTO signer.open_switch (radio_id, key_id, counter)
    VALUES (%(radio_id)s, %(key_id)s, %(counter)s)
    ON CONFLICT (radio_id) DO UPDATE SET key_id = EXCLUDED.key_id, counter = EXCLUDED.counter
    """

    async def spend(self, spent: SpentOpen) -> None:
        await self._connection.execute(self.SPEND, asdict(spent))

    # An answer to an earlier command says nothing of the open that came after it.
    CLOSED = """
    DELETE FROM signer.open_switch
    WHERE radio_id = %(radio_id)s AND (key_id, counter) <= (%(key_id)s, %(counter)s)
    """

    async def closed(self, radio_id: int, key_id: int, counter: int) -> None:
        await self._connection.execute(
            self.CLOSED, {"radio_id": radio_id, "key_id": key_id, "counter": counter}
        )

    TRIP = """
    INSERT INTO signer.trip (trip_id, at, reason) VALUES (%(trip_id)s, %(at)s, %(reason)s)
    """

    async def trip(self, trip: Trip) -> None:
        await self._connection.execute(self.TRIP, asdict(trip))

    RELEASE = """
    INSERT INTO signer.release (trip_id, supervisor, at)
    VALUES (%(trip_id)s, %(supervisor)s, %(at)s) ON CONFLICT DO NOTHING
    """

    async def release(self, trip_id: UUID, supervisor: str, at: datetime) -> None:
        await self._connection.execute(
            self.RELEASE, {"trip_id": trip_id, "supervisor": supervisor, "at": at}
        )

    END_TRIP = "UPDATE signer.trip SET released_at = %(at)s WHERE trip_id = %(trip_id)s"

    async def end_trip(self, trip_id: UUID, at: datetime) -> None:
        await self._connection.execute(self.END_TRIP, {"trip_id": trip_id, "at": at})

    STANDING = """
    SELECT trip_id, at, reason,
           ARRAY(SELECT supervisor FROM signer.release r
                 WHERE r.trip_id = t.trip_id ORDER BY supervisor)
    FROM signer.trip t WHERE released_at IS NULL
    """

    async def standing_trip(self) -> Trip | None:
        row = await (await self._connection.execute(self.STANDING)).fetchone()
        if row is None:
            return None
        trip_id, at, reason, released_by = row
        return Trip(trip_id, at, reason, tuple(released_by))

    LOCK_RECORD = "LOCK TABLE signer.audit IN SHARE ROW EXCLUSIVE MODE"
    LAST_NOTED = "SELECT number, hash FROM signer.audit ORDER BY number DESC LIMIT 1"
    NOTE = """
    INSERT INTO signer.audit (number, at, event, command_id, detail, content, hash)
    VALUES (%(number)s, %(at)s, %(event)s, %(command_id)s, %(detail)s, %(content)b, %(hash)b)
    """

    async def note(self, event: str, at: datetime, command_id: UUID | None, detail: str) -> None:
        await self._connection.execute(self.LOCK_RECORD)
        row = await (await self._connection.execute(self.LAST_NOTED)).fetchone()
        last = BEGINNING if row is None else AuditHead(*row)
        subject = "" if command_id is None else str(command_id)
        entry = AuditEntry(at, event, subject, _ACTOR, {"text": detail})
        (link,) = chained(last, [entry])
        line = {"at": at, "event": event, "command_id": command_id, "detail": detail}
        await self._connection.execute(self.NOTE, line | asdict(link))

    NOTED_AFTER = """
    SELECT number, content, hash FROM signer.audit
    WHERE number > %(number)s ORDER BY number LIMIT %(count_max)s
    """

    async def noted_after(self, number: int, count_max: int) -> Sequence[AuditRecord]:
        cursor = await self._connection.execute(
            self.NOTED_AFTER, {"number": number, "count_max": count_max}
        )
        return [AuditRecord(*row) for row in await cursor.fetchall()]

    CONTRADICTED = """
    SELECT format('signer''s record %s: its own columns tell it otherwise', number)
    FROM (SELECT a.*, convert_from(content, 'UTF8')::jsonb AS said FROM signer.audit a) link
    WHERE (at, event, coalesce(command_id::text, ''), detail)
          IS DISTINCT FROM ((said ->> 'at')::timestamptz, said ->> 'kind', said ->> 'subject',
                            said -> 'detail' ->> 'text')
    UNION ALL
    SELECT format('open of command %s: the signer''s record does not tell of it', command_id)
    FROM signer.open o
    WHERE NOT EXISTS (SELECT FROM signer.audit a
                      WHERE a.command_id = o.command_id AND a.event = 'opened')
    UNION ALL
    SELECT format('signer''s record %s: the budgets do not count its open', number)
    FROM signer.audit a
    WHERE event = 'opened' AND NOT EXISTS (SELECT FROM signer.open o
                                           WHERE o.command_id = a.command_id)
    """

    async def contradicted(self) -> Sequence[str]:
        cursor = await self._connection.execute(self.CONTRADICTED)
        return [problem for (problem,) in await cursor.fetchall()]

    async def order(self, command_id: UUID, now: datetime) -> OpenOrder | None:
        return await self._view.order(command_id, now)


@asynccontextmanager
async def open_signer_memory(
    dsn: str, *, statement_timeout_s: float
) -> AsyncIterator[SignerMemoryFactory]:
    """
    Connect to a migrated database; yield what opens transactions on the signer's memory.

    Raises:
        UnavailableError: The database is away.
    """
    async with pool.open_pool(
        dsn, connections_max=_CONNECTIONS_MAX, statement_timeout_s=statement_timeout_s
    ) as connections:

        @asynccontextmanager
        async def memory() -> AsyncIterator[SignerMemory]:
            try:
                async with (
                    pool.connection_of(connections) as connection,
                    connection.transaction(),
                ):
                    yield PostgresSignerMemory(connection)
            except pool.AWAY as error:
                raise UnavailableError(f"the signer's database is away: {error}") from error

        yield memory
