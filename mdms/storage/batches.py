"""Batches of commands, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.batches import Batch, BatchState
from mdms.domain.controls import ControlState, EndDeviceControl
from mdms.storage.controls import PostgresControls

_COLUMNS = (
    "batch_id, name, requested_by, requested_at, listing, sha256, every_s, stop_after, stop_at, "
    "state, approved_by, approved_at"
)


class PostgresBatches:
    """`mdms.ports.BatchStore` on control_batch, control."""

    def __init__(self, connection: AsyncConnection, controls: PostgresControls) -> None:
        self._connection = connection
        self._controls = controls

    ADD = f"""
    INSERT INTO control_batch ({_COLUMNS})
    VALUES (%(batch_id)s, %(name)s, %(requested_by)s, %(requested_at)s, %(listing)b, %(sha256)s,
            %(every_s)s, %(stop_after)s, %(stop_at)s, %(state)s, %(approved_by)s, %(approved_at)s)
    """  # noqa: S608 - names of columns, written above

    async def add(self, batch: Batch) -> None:
        await self._connection.execute(self.ADD, asdict(batch))

    SAVE = """
    UPDATE control_batch
    SET listing = %(listing)b, sha256 = %(sha256)s, state = %(state)s, stop_at = %(stop_at)s,
        approved_by = %(approved_by)s, approved_at = %(approved_at)s
    WHERE batch_id = %(batch_id)s
    """

    async def save(self, batch: Batch) -> None:
        await self._connection.execute(self.SAVE, asdict(batch))

    FIND = f"SELECT {_COLUMNS} FROM control_batch WHERE batch_id = %(batch_id)s"  # noqa: S608 - as above

    async def find(self, batch_id: UUID) -> Batch | None:
        found = await self._batches(self.FIND, batch_id=batch_id)
        return found[0] if found else None

    LOCK = f"{FIND} FOR UPDATE"

    async def lock(self, batch_id: UUID) -> Batch | None:
        found = await self._batches(self.LOCK, batch_id=batch_id)
        return found[0] if found else None

    NEWEST = f"""
    SELECT {_COLUMNS} FROM control_batch
    WHERE %(before)s::uuid IS NULL OR batch_id < %(before)s
    ORDER BY batch_id DESC LIMIT %(count_max)s
    """  # noqa: S608 - as above

    async def newest(self, count_max: int, *, before: UUID | None = None) -> Sequence[Batch]:
        return await self._batches(self.NEWEST, before=before, count_max=count_max)

    async def controls(self, batch_id: UUID) -> Sequence[EndDeviceControl]:
        return await self._controls.of_batch(batch_id)

    COUNTS = "SELECT state, count(*) FROM control WHERE batch_id = %(batch_id)s GROUP BY state"

    async def counts(self, batch_id: UUID) -> Mapping[ControlState, int]:
        cursor = await self._connection.execute(self.COUNTS, {"batch_id": batch_id})
        return {ControlState(state): count for state, count in await cursor.fetchall()}

    # The row is locked last and nobody who holds it waits for a command.
    PAUSE_IF_FAILING = """
    UPDATE control_batch b SET state = 'PAUSED'
    WHERE b.batch_id = %(batch_id)s AND b.state = 'RUNNING' AND b.stop_at <= (
        SELECT count(*) FROM control c
        WHERE c.batch_id = b.batch_id AND c.state IN ('FAILED', 'UNKNOWN')
    )
    RETURNING b.batch_id
    """

    async def pause_if_failing(self, batch_id: UUID) -> bool:
        cursor = await self._connection.execute(self.PAUSE_IF_FAILING, {"batch_id": batch_id})
        return await cursor.fetchone() is not None

    async def _batches(self, statement: str, **values: object) -> list[Batch]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return [
                Batch(**row | {"state": BatchState(row["state"])})
                for row in await cursor.fetchall()
            ]
