"""Billing at a city's size: 100,000 windows frozen, kept, and pulled as files."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from mdms.billing.formats import csv_v1
from mdms.ports.billing import BilledService, BillingDeterminant
from mdms.services.billing_run import BillingService
from mdms.storage.unit_of_work import open_store
from tests.bench.billing import CHANNELS, WINDOW, ZONE, Month
from tests.bench.measure import Figures, Row, interleave
from tests.bench.server import Server, started
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.unit.vee.build import RULES

WINDOWS: Final = 100_000
NOW: Final = datetime(2026, 12, 3, 13, tzinfo=UTC)
_MIB: Final = 1 << 20

UNITS: Final = {
    "billing.scale.freeze": "windows/CPU-s",
    "billing.scale.keep": "windows/s",
    "billing.scale.pull": "windows/s",
    "billing.scale.files": "MiB",
}


def rows(rounds: int) -> list[Row]:
    """Measure every window once a round."""
    with started() as server:
        found = interleave([_City(server).run], UNITS, rounds)
    return [
        found["billing.scale.freeze"].row(goal="value >= 2,000"),
        *(found[name].row() for name in UNITS if name != "billing.scale.freeze"),
    ]


class _City:
    """One block of meters with their reads, again and again under other names."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._month = Month()

    def run(self) -> Figures:
        frozen: list[BillingDeterminant] = []
        services: list[BilledService] = []
        spent_s = 0.0
        for first in range(0, WINDOWS, CHANNELS):
            began_s = time.process_time()
            determinants = self._month.freeze()
            billed = self._month.add_up(determinants)
            spent_s += time.process_time() - began_s
            frozen.extend(_named(row, first) for row in determinants)
            services.extend(
                replace(row, usage_point_id=f"{row.usage_point_id}-{first}") for row in billed
            )
        began_s = time.process_time()
        files = csv_v1.files(WINDOW, frozen, ZONE, services=services)
        spent_s += time.process_time() - began_s
        assert len(frozen) == len(services) == WINDOWS, "every window is frozen"
        kept, pulled, again = asyncio.run(self._keep_and_pull(frozen, services))
        table = f"determinants_v1_{WINDOW.start}_{WINDOW.end}.csv"
        assert again[table].count(b"\n") == files[table].count(b"\n"), "and handed out"
        return {
            "billing.scale.freeze": WINDOWS / spent_s,
            "billing.scale.keep": WINDOWS / kept,
            "billing.scale.pull": WINDOWS / pulled,
            "billing.scale.files": sum(map(len, again.values())) / _MIB,
        }

    async def _keep_and_pull(
        self, frozen: Sequence[BillingDeterminant], services: Sequence[BilledService]
    ) -> tuple[float, float, dict[str, bytes]]:
        async with open_store(
            self._server.dsn, connections_max=2, statement_timeout_s=600
        ) as store:
            before = self._server.clocks()
            for first in range(0, WINDOWS, CHANNELS):
                part = slice(first, first + CHANNELS)
                async with store() as work:
                    await work.billing.add(
                        WINDOW.start, WINDOW.end, frozen[part], services[part], NOW
                    )
            kept = self._server.clocks()
            billing = BillingService(store, FakeClock(NOW), BOOK, _nothing, RULES)
            files = await billing.files(WINDOW.start, WINDOW.end)
            pulled = self._server.clocks()
        return (kept - before).wall_s, (pulled - kept).wall_s, files


def _named(row: BillingDeterminant, first: int) -> BillingDeterminant:
    return replace(
        row,
        channel_id=row.channel_id + first,
        usage_point_id=f"{row.usage_point_id}-{first}",
        badge=f"{row.badge}-{first}",
    )


async def _nothing(*_days: object) -> None:
    """Leave the reads as they are."""
