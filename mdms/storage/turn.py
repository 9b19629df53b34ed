"""
The turn to take reads: a lock of a session of ours, so that it ends when the process does.

Who has it asks every second whether the session still stands, and who waits tries every second: a
statement that waits for a lock would keep vacuum from its work for as long as it waits. A database
that restarts ends the turn of whoever has it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Final

from psycopg import AsyncConnection

from mdms.domain.errors import UnavailableError
from mdms.domain.turns import Process
from mdms.ports.clock import Clock
from mdms.storage import pool

BEAT_S: Final = 1.0
PATIENCE_S: Final = 5.0
"""A server that says nothing for so long has perhaps given the turn to somebody else."""
NOTICE_S: Final = BEAT_S + PATIENCE_S + 1.0
"""Who has lost the turn knows it by then, and takes nothing any more."""


class Turn:
    """
    One process's place in the line.

    Args:
        dsn: The database; a session of its own, not one that a pooler shares out.
        client_id: Whose session at the broker it is about.
        me: This process.
        clock: For waiting.
    """

    def __init__(self, dsn: str, client_id: str, me: Process, clock: Clock) -> None:
        self._dsn, self._client_id, self._me, self._clock = dsn, client_id, me, clock
        self._session: AsyncConnection | None = None

    # A machine that lost its power says no farewell: the server misses it after half a minute.
    SET_UP = """
    SELECT set_config('application_name', %(name)s, false),
           set_config('tcp_keepalives_idle', '10', false),
           set_config('tcp_keepalives_interval', '5', false),
           set_config('tcp_keepalives_count', '3', false),
           set_config('tcp_user_timeout', '25000', false)
    """
    TRY = "SELECT pg_try_advisory_lock(hashtextextended('mdms ingest ' || %(client_id)s, 0))"
    LAST = """
    SELECT host, pid, pid_space, left_at IS NOT NULL AS has_left
    FROM ingest_turn WHERE client_id = %(client_id)s
    """
    # The server's time, as its lock: simulated time may not have begun when a process does.
    SIGN = """
    INSERT INTO ingest_turn (client_id, host, pid, pid_space, taken_at)
    VALUES (%(client_id)s, %(host)s, %(pid)s, %(pid_space)s, now())
    ON CONFLICT (client_id) DO UPDATE
    SET host = EXCLUDED.host, pid = EXCLUDED.pid, pid_space = EXCLUDED.pid_space,
        taken_at = EXCLUDED.taken_at, left_at = NULL
    """
    LEAVE = """
    UPDATE ingest_turn SET left_at = now()
    WHERE (client_id, host, pid, pid_space) = (%(client_id)s, %(host)s, %(pid)s, %(pid_space)s)
    """

    async def take(self) -> bool:
        """
        Try to take the turn; once taken it is ours until `lost` returns, or until we leave.

        Raises:
            UnavailableError: The database is away.
        """
        with self._session_dropped():
            if self._session is None:
                self._session = await pool.connect_apart(self._dsn, patience_s=PATIENCE_S)
                await self._session.execute(self.SET_UP, {"name": f"mdms turn {self._me.pid}"})
            cursor = await self._session.execute(self.TRY, {"client_id": self._client_id})
            return await cursor.fetchone() == (True,)

    async def last(self) -> Process | None:
        """
        Return whose turn it is, or was if they have not left by themselves.

        Raises:
            UnavailableError: The database is away.
        """
        with self._session_dropped():
            session = self._connected()
            cursor = await session.execute(self.LAST, {"client_id": self._client_id})
            row = await cursor.fetchone()
        if row is None:
            return None
        host, pid, pid_space, has_left = row
        return None if has_left else Process(host, pid, pid_space)

    async def sign(self) -> None:
        """
        Say that it is ours now.

        Raises:
            UnavailableError: The database is away, and so is the turn.
        """
        with self._session_dropped():
            await self._connected().execute(self.SIGN, self._signature())

    async def lost(self) -> None:
        """Return when the turn is over: the session ended, or nobody answers in it."""
        with suppress(UnavailableError):
            while True:
                await self._clock.sleep(BEAT_S)
                with self._session_dropped():
                    await self._connected().execute("SELECT")

    async def leave(self) -> None:
        """Let the next one begin; without the database it will find out by itself."""
        if self._session is not None:
            with suppress(UnavailableError), self._session_dropped():
                await self._session.execute(self.LEAVE, self._signature())
                await self._session.execute("SELECT pg_advisory_unlock_all()")
            await self.drop()

    async def drop(self) -> None:
        """Hang up; what was ours is nobody's now."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _connected(self) -> AsyncConnection:
        if self._session is None or self._session.closed:
            raise UnavailableError("the session that had the turn has ended")
        return self._session

    def _signature(self) -> dict[str, Any]:
        return {"client_id": self._client_id, **asdict(self._me)}

    @contextmanager
    def _session_dropped(self) -> Iterator[None]:
        """Forget a session that failed: the turn went with it."""
        try:
            yield
        except pool.AWAY as error:
            session, self._session = self._session, None
            if session is not None:
                session.pgconn.finish()
            raise UnavailableError(f"the database is away: {error}") from error
