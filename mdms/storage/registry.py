"""Who is metered where: merged from imports, loaded whole, and as the table that ingest needs."""

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import dict_row

from mdms.domain.errors import UsageError
from mdms.domain.registry import (
    STILL_INSTALLED_S,
    WIRE_COMMODITY,
    ChannelTable,
    Commodity,
    Meter,
    MeterPlace,
    Radio,
    Registry,
)
from mdms.domain.time import to_epoch_s
from mdms.ports.registry import ImportResult
from mdms.storage.registry_tables import CHANNELS, WITHOUT_METERS, RegistryTable

_ROWS_MAX = 5_000
"""Rows in one statement."""


class PostgresRegistry:
    """`mdms.ports.RegistryStore` on the registry's tables."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def merge(self, registry: Registry) -> ImportResult:
        """
        Add or change these rows; rows that are not named stay.

        Raises:
            UsageError: A row names something that is neither in the import nor stored.
        """
        try:
            counts = [await self._merge(table, registry) for table in WITHOUT_METERS]
            counts.append(await self._merge_meters(registry.meters))
            counts.append(await self._merge(CHANNELS, registry))
        except ForeignKeyViolation as error:
            raise UsageError(
                f"the registry does not hold together: {error.diag.message_detail}"
            ) from error
        return ImportResult(
            added={count.file_name: count.added for count in counts},
            changed={count.file_name: count.changed for count in counts},
            unchanged={count.file_name: count.unchanged for count in counts},
        )

    async def _merge(self, table: RegistryTable, registry: Registry) -> "_Count":
        rows = getattr(registry, table.name)
        written = await self._write(table.merge, rows)
        added = sum(is_new for *_, is_new in written)
        return _Count(table.file_name, len(rows), added, len(written) - added)

    MERGE_METERS = """
    INSERT INTO meter AS known
        (badge, serial, model, has_switch, register_dials, register_resolution, key_id)
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r
        (badge text, serial text, model text, has_switch boolean, register_dials smallint,
         register_resolution bigint, key_id integer)
    ON CONFLICT (badge) DO UPDATE
    SET serial = EXCLUDED.serial, model = EXCLUDED.model, has_switch = EXCLUDED.has_switch,
        register_dials = EXCLUDED.register_dials,
        register_resolution = EXCLUDED.register_resolution, key_id = EXCLUDED.key_id
    WHERE known IS DISTINCT FROM EXCLUDED
    RETURNING badge, xmax = 0
    """

    # Whether a place is in the pilot is for people to decide; a file speaks where nobody has.
    MERGE_INSTALLATIONS = """
    INSERT INTO meter_installation AS known
        (badge, usage_point_id, radio_id, installed_at, removed_at, multiplier, pilot, radio)
    SELECT badge, usage_point_id, radio_id, installed_at, removed_at, multiplier,
           coalesce((SELECT s.enrolled FROM pilot_step s
                     WHERE s.usage_point_id = r.usage_point_id
                       AND s.at < coalesce(r.removed_at, 'infinity')
                     ORDER BY s.number DESC LIMIT 1), pilot),
           radio
    FROM json_to_recordset(%(rows)s::json) AS r
        (badge text, usage_point_id text, radio_id bigint, installed_at timestamptz,
         removed_at timestamptz, multiplier bigint, pilot boolean, radio text)
    ON CONFLICT (badge, installed_at) DO UPDATE
    SET usage_point_id = EXCLUDED.usage_point_id, radio_id = EXCLUDED.radio_id,
        removed_at = EXCLUDED.removed_at, multiplier = EXCLUDED.multiplier,
        pilot = EXCLUDED.pilot, radio = EXCLUDED.radio
    WHERE known IS DISTINCT FROM EXCLUDED
    RETURNING badge, installed_at, xmax = 0
    """

    async def _merge_meters(self, meters: Sequence[Meter]) -> "_Count":
        """Merge the device, as its newest row describes it, and each place it sat at."""
        devices = {m.badge: m for m in sorted(meters, key=lambda m: m.installed_at)}
        changed_badges = {
            badge
            for badge, is_new in await self._write(self.MERGE_METERS, list(devices.values()))
            if not is_new
        }
        written = await self._write(self.MERGE_INSTALLATIONS, meters)
        added = {(badge, installed_at) for badge, installed_at, is_new in written if is_new}
        changed = {(badge, installed_at) for badge, installed_at, is_new in written if not is_new}
        changed |= {(m.badge, m.installed_at) for m in meters if m.badge in changed_badges} - added
        return _Count("meters.csv", len(meters), len(added), len(changed))

    async def _write(self, statement: str, rows: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run a merge; return one tuple per row that it wrote, ending in whether it is new."""
        written = []
        for part in _as_json(rows):
            cursor = await self._connection.execute(statement, {"rows": part})
            written += await cursor.fetchall()
        return written

    LOAD_METERS = """
    SELECT badge, serial, radio_id, usage_point_id, model, installed_at, removed_at, has_switch,
           pilot, radio, register_dials, register_resolution, multiplier, key_id
    FROM meter JOIN meter_installation USING (badge)
    ORDER BY badge, installed_at
    """

    INSTALLATIONS = """
    SELECT badge, serial, radio_id, usage_point_id, model, installed_at, removed_at, has_switch,
           pilot, radio, register_dials, register_resolution, multiplier, key_id
    FROM meter JOIN meter_installation USING (badge)
    WHERE badge = %(badge)s OR radio_id = %(radio_id)s
    ORDER BY installed_at, badge
    """

    async def installations(self, badge: str, radio_id: int) -> Sequence[Meter]:
        rows = await self._rows(self.INSTALLATIONS, badge=badge, radio_id=radio_id)
        return [Meter(**row | {"radio": Radio(row["radio"])}) for row in rows]

    async def load(self) -> Registry:
        meters = [
            Meter(**row | {"radio": Radio(row["radio"])})
            for row in await self._rows(self.LOAD_METERS)
        ]
        others = {table.name: await self._load(table) for table in (*WITHOUT_METERS, CHANNELS)}
        return Registry(meters=tuple(meters), **others)

    async def _load(self, table: RegistryTable) -> tuple[Any, ...]:
        rows = await self._rows(table.load)
        for row in rows:
            row.update({name: decode(row[name]) for name, decode in table.decode.items()})
        return tuple(table.row(**row) for row in rows)

    async def _rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values or None)
            return await cursor.fetchall()

    # An installation is cut where its radio fell silent and where it was heard again: one row for
    # each part, with all that is said of it: a join of parts to installations is planned as if
    # there were hardly any.
    CHANNEL_TABLE = """
    WITH cut AS (
        SELECT *, installed_at AS from_at FROM meter_installation
        WHERE %(badges)s::text[] IS NULL OR badge = ANY (%(badges)s)
        UNION
        SELECT i.*, cut.at
        FROM meter_installation i
        JOIN radio_silence s USING (badge)
        CROSS JOIN LATERAL (VALUES (s.off_at), (s.on_at)) AS cut (at)
        WHERE cut.at > i.installed_at AND (i.removed_at IS NULL OR cut.at < i.removed_at)
          AND (%(badges)s::text[] IS NULL OR badge = ANY (%(badges)s))
    ), part AS (
        SELECT *, lead(from_at) OVER (PARTITION BY badge, installed_at ORDER BY from_at) AS to_at
        FROM cut
    )
    SELECT c.channel_id, m.badge, c.reading_type, u.commodity, u.service_class, u.usage_point_id,
           coalesce(p.transformer_id, '') AS transformer_id, i.radio_id, c.channel,
           c.interval_s, i.from_at AS installed_at, coalesce(i.to_at, i.removed_at) AS removed_at,
           i.radio = 'on' AND NOT EXISTS (
               SELECT FROM radio_silence s
               WHERE s.badge = i.badge AND s.off_at <= i.from_at
                 AND (s.on_at IS NULL OR s.on_at > i.from_at)
           ) AS radio_on,
           m.register_dials, m.register_resolution, i.multiplier
    FROM channel c
    JOIN meter m USING (badge)
    JOIN part i USING (badge)
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    WHERE %(badges)s::text[] IS NULL OR m.badge = ANY (%(badges)s)
    ORDER BY c.channel_id, i.from_at
    """

    async def channels(self) -> ChannelTable:
        return await self._channels(None)

    async def channels_of(self, badges: Collection[str]) -> ChannelTable:
        return await self._channels(list(badges))

    BADGES_AT = """
    SELECT badge FROM meter WHERE badge = %(name)s
    UNION SELECT badge FROM meter_installation WHERE usage_point_id = %(name)s
    """

    async def channels_at(self, name: str) -> ChannelTable:
        cursor = await self._connection.execute(self.BADGES_AT, {"name": name})
        table = await self._channels([badge for (badge,) in await cursor.fetchall()])
        return table.take((table.badge == name) | (table.usage_point_id == name))

    async def _channels(self, badges: list[str] | None) -> ChannelTable:
        cursor = await self._connection.execute(self.CHANNEL_TABLE, {"badges": badges})
        at = {each.name: number for number, each in enumerate(cursor.description or ())}
        rows = await cursor.fetchall()  # as tuples: there are many
        # On a thread: a city's takes a second, and commands and acknowledgements do not wait.
        return await asyncio.to_thread(_table, rows, at)

    # A badge wins over a usage point of the same name; a meter that was moved is where it is now.
    PLACE = """
    SELECT badge, serial, radio_id, usage_point_id, model, installed_at, removed_at, has_switch,
           pilot, radio, register_dials, register_resolution, multiplier, key_id, u.commodity,
           p.flags AS premise_flags
    FROM meter
    JOIN meter_installation i USING (badge)
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    WHERE (badge = %(name)s OR usage_point_id = %(name)s)
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY badge = %(name)s DESC, i.installed_at DESC
    LIMIT 1
    """

    async def place(self, name: str, at: datetime) -> MeterPlace | None:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.PLACE, {"name": name, "at": at})
            row = await cursor.fetchone()
        if row is None:
            return None
        commodity, flags = Commodity(row.pop("commodity")), tuple(row.pop("premise_flags"))
        return MeterPlace(Meter(**row | {"radio": Radio(row["radio"])}), commodity, flags)

    # Not the newest number: a change with a lower one may become visible later.
    CHANGE_COUNT = "SELECT count(*) FROM registry_change"

    async def change_count(self) -> int:
        cursor = await self._connection.execute(self.CHANGE_COUNT)
        ((count,),) = await cursor.fetchall()
        return int(count)

    COLLECTOR_IDS = "SELECT collector_id FROM collector"

    async def collector_ids(self) -> frozenset[int]:
        cursor = await self._connection.execute(self.COLLECTOR_IDS)
        return frozenset(collector_id for (collector_id,) in await cursor.fetchall())


def _table(rows: Sequence[tuple[Any, ...]], at: Mapping[str, int]) -> ChannelTable:
    """Return rows of CHANNEL_TABLE as columns; `at` tells where each column stands."""

    def column(name: str) -> list[Any]:
        place = at[name]
        return [row[place] for row in rows]

    resolution = np.array(column("register_resolution"), np.int64)
    return ChannelTable(
        channel_id=np.array(column("channel_id"), np.int32),
        badge=np.array(column("badge"), np.object_),
        reading_type=np.array(column("reading_type"), np.object_),
        commodity=np.array(column("commodity"), np.object_),
        service_class=np.array(column("service_class"), np.object_),
        usage_point_id=np.array(column("usage_point_id"), np.object_),
        transformer_id=np.array(column("transformer_id"), np.object_),
        radio_id=np.array(column("radio_id"), np.int64),
        wire_channel=np.array(
            [
                WIRE_COMMODITY[Commodity(flow)] << 4 | low
                for flow, low in zip(column("commodity"), column("channel"), strict=True)
            ],
            np.uint8,
        ),
        interval_s=np.array(column("interval_s"), np.int32),
        installed_s=np.array([to_epoch_s(at) for at in column("installed_at")], np.int64),
        removed_s=np.array(
            [STILL_INSTALLED_S if at is None else to_epoch_s(at) for at in column("removed_at")],
            np.int64,
        ),
        radio_on=np.array(column("radio_on"), np.bool_),
        register_modulus=10 ** np.array(column("register_dials"), np.int64) * resolution,
        register_resolution=resolution,
        multiplier=np.array(column("multiplier"), np.int64),
    )


@dataclass(frozen=True, slots=True)
class _Count:
    """What became of the rows of one file."""

    file_name: str
    given: int
    added: int
    changed: int

    @property
    def unchanged(self) -> int:
        return self.given - self.added - self.changed


def _as_json(rows: Sequence[Any]) -> Iterator[str]:
    """Yield the rows as JSON arrays of objects, a bounded number in each."""
    for start in range(0, len(rows), _ROWS_MAX):
        # str() of a Decimal, a date or an instant is what PostgreSQL reads back exactly.
        yield json.dumps([asdict(row) for row in rows[start : start + _ROWS_MAX]], default=str)
