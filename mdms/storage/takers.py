"""Who takes reads: what the processes signed, and whether the lock is still somebody's."""

from collections.abc import Sequence

from psycopg import AsyncConnection

from mdms.domain.turns import Process, Taker


class PostgresTakers:
    """`mdms.ports.TakerStore` on ingest_turn and the server's locks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # A lock of one 64-bit key is listed in two halves, with 1 in objsubid.
    TAKERS = """
    SELECT client_id, host, pid, pid_space, taken_at, EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (classid::bigint << 32 | objid::bigint)
              = hashtextextended('mdms ingest ' || client_id, 0)
    )
    FROM ingest_turn ORDER BY client_id
    """

    async def takers(self) -> Sequence[Taker]:
        cursor = await self._connection.execute(self.TAKERS)
        return [
            Taker(client_id, Process(host, pid, pid_space), since, present)
            for client_id, host, pid, pid_space, since, present in await cursor.fetchall()
        ]
