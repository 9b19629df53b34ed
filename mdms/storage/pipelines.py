"""What a statement counted, where its transaction is pipelined."""

from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import PipelineStatus


async def row_count(connection: AsyncConnection, cursor: AsyncCursor[Any]) -> int:
    """Return how many rows a statement changed; in a pipeline that is what is waited for."""
    if connection.pgconn.pipeline_status != PipelineStatus.OFF:
        async with connection.pipeline() as pipeline:  # the one that is open
            await pipeline.sync()
    return cursor.rowcount
