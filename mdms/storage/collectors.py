"""What each collector says of itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.domain.collectors import CollectorState


class PostgresCollectors:
    """`mdms.ports.CollectorStore` on collector_state."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    NAMES = "SELECT collector_id, name FROM collector ORDER BY collector_id"

    async def names(self) -> Mapping[int, str]:
        cursor = await self._connection.execute(self.NAMES)
        return dict(await cursor.fetchall())

    # Locked: two consumers of one collector's states take turns.
    STATES = """
    SELECT collector_id, online, reason, boot_id, previous_boot_id, alive_at, changed_at,
           clock_offset_ms, buffered, gps, firmware, temperature_c
    FROM collector_state
    WHERE %(collector_ids)s::bigint[] IS NULL OR collector_id = ANY(%(collector_ids)s)
    ORDER BY collector_id
    FOR UPDATE
    """

    async def states(
        self, collector_ids: Iterable[int] | None = None
    ) -> Mapping[int, CollectorState]:
        named = None if collector_ids is None else list(collector_ids)
        async with self._connection.cursor(row_factory=class_row(CollectorState)) as cursor:
            await cursor.execute(self.STATES, {"collector_ids": named})
            return {state.collector_id: state for state in await cursor.fetchall()}

    NOTE = """
    INSERT INTO collector_state (collector_id, online, reason, boot_id, previous_boot_id, alive_at,
                                 changed_at, clock_offset_ms, buffered, gps, firmware,
                                 temperature_c)
    VALUES (%(collector_id)s, %(online)s, %(reason)s, %(boot_id)s, %(previous_boot_id)s,
            %(alive_at)s, %(changed_at)s, %(clock_offset_ms)s, %(buffered)s, %(gps)s, %(firmware)s,
            %(temperature_c)s)
    ON CONFLICT (collector_id) DO UPDATE
    SET online = EXCLUDED.online, reason = EXCLUDED.reason, boot_id = EXCLUDED.boot_id,
        previous_boot_id = EXCLUDED.previous_boot_id, alive_at = EXCLUDED.alive_at,
        changed_at = EXCLUDED.changed_at, clock_offset_ms = EXCLUDED.clock_offset_ms,
        buffered = EXCLUDED.buffered, gps = EXCLUDED.gps, firmware = EXCLUDED.firmware,
        temperature_c = EXCLUDED.temperature_c
    """

    async def note(self, states: Sequence[CollectorState]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.NOTE, [asdict(state) for state in states])
