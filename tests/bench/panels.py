"""Dashboards: how long each page's slowest query takes on a month of 10,000 meters."""

import asyncio
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import psycopg
from psycopg import Connection

from mdms.dashboards.__main__ import DASHBOARDS
from mdms.dashboards.model import Dashboard, Sql
from mdms.domain.time import to_epoch_s
from mdms.storage import capabilities
from mdms.storage.time_series import Partitions, months_of
from tests.bench.measure import Figures, Row, interleave
from tests.bench.server import Server, started

MONTH: Final = Path(__file__).with_suffix(".sql")
FROM = datetime(2026, 11, 3, 8, tzinfo=UTC)
TO = datetime(2026, 12, 3, 8, tzinfo=UTC)

UNITS = {f"panels.{each.uid.removeprefix('mdms-')}": "ms" for each in DASHBOARDS}
GOAL: Final = "value <= 300"


def rows(rounds: int) -> list[Row]:
    """Measure every SQL panel as the role of dashboards; a page counts as its slowest one."""
    with started() as server:
        asyncio.run(_partitions(server))
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(MONTH.read_bytes())
            connection.execute("VACUUM ANALYZE")
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET ROLE mdms_report")
            pages = [_Page(connection, dashboard) for dashboard in DASHBOARDS]
            found = interleave([page.draw for page in pages], UNITS, rounds)
    return [series.row(goal=GOAL) for series in found.values()]


class _Page:
    """A dashboard's queries."""

    def __init__(self, connection: Connection, dashboard: Dashboard) -> None:
        self._connection = connection
        self._name = f"panels.{dashboard.uid.removeprefix('mdms-')}"
        self._queries = [
            _filled(query.text)
            for panel in dashboard.panels()
            for query in panel.queries
            if isinstance(query, Sql)
        ]

    def draw(self) -> Figures:
        slowest_s = 0.0
        for query in self._queries:
            before = time.perf_counter()
            rows = self._connection.execute(query).fetchall()
            slowest_s = max(slowest_s, time.perf_counter() - before)
            assert rows, query
        return {self._name: 1000 * slowest_s}


def _filled(text: str) -> bytes:
    """Return a query with what Grafana puts in it for a month."""
    query = re.sub(
        r"\$__timeFilter\((.+?)\)(?=\n|$| ORDER)",
        lambda found: f"{found[1]} BETWEEN '{FROM.isoformat()}' AND '{TO.isoformat()}'",
        text,
    ).replace("$__timeTo()", f"'{TO.isoformat()}'")
    assert "$__" not in query
    return query.encode()


async def _partitions(server: Server) -> None:
    async with await psycopg.AsyncConnection.connect(server.dsn) as connection:
        known = await capabilities.remembered(connection)
    assert known is not None, "the database was migrated"
    await Partitions(server.dsn, known).ensure(
        "register_read", months_of(np.array([to_epoch_s(FROM), to_epoch_s(TO)]))
    )
