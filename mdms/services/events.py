"""What meters and collectors reported by themselves, as people and programs see it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mdms.domain.events import EndDeviceEvent
from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWorkFactory

_INSTANT: Final = pa.timestamp("us", tz="UTC")

EVENT_SCHEMA: Final = pa.schema(
    [
        ("meter", pa.string()),
        ("at_utc", _INSTANT),
        ("code", pa.int32()),
        ("sub", pa.int32()),
        ("value", pa.int64()),
        ("severity", pa.int32()),
        ("cleared", pa.bool_()),
        ("collector_id", pa.int64()),
        ("received_at", _INSTANT),
    ]
)
"""
`events.parquet`: `at_utc` is what the meter's own clock said, `code` that of `EventCode`;
a collector's own events have no meter.
"""


class EventService:
    """
    Stored events, for reading; registers that came with them stay with the reads.

    Args:
        unit_of_work: Opens a transaction.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def listed(
        self,
        period: Period,
        *,
        meter: str | None,
        after: tuple[datetime, int] | None = None,
        count_max: int,
    ) -> list[dict[str, Any]]:
        """Return events of a period in order of time; see `EventStore.within`."""
        async with self._unit_of_work() as work:
            events = await work.events.within(period, badge=meter, after=after, count_max=count_max)
        return [_view(event) for event in events]

    async def write_events(self, period: Period, path: Path) -> None:
        """Write the events of a period to a Parquet file of `EVENT_SCHEMA`."""
        async with self._unit_of_work() as work:
            events = await work.events.within(period)
        await asyncio.to_thread(lambda: pq.write_table(_table(events), path))


def _view(event: EndDeviceEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "meter": event.badge,
        "at": event.at.isoformat(),
        "code": event.code.name.lower(),
        "sub": event.sub,
        "value": event.value,
        "severity": event.severity.name.lower(),
        "cleared": event.cleared,
        "noticed": event.noticed,
        "collector_id": event.collector_id,
        "received_at": event.received_at.isoformat(),
    }


def _table(events: Sequence[EndDeviceEvent]) -> pa.Table:
    columns = [
        [event.badge for event in events],
        [event.at for event in events],
        [int(event.code) for event in events],
        [event.sub for event in events],
        [event.value for event in events],
        [int(event.severity) for event in events],
        [event.cleared for event in events],
        [event.collector_id for event in events],
        [event.received_at for event in events],
    ]
    return pa.table(
        [pa.array(each, field.type) for each, field in zip(columns, EVENT_SCHEMA, strict=True)],
        schema=EVENT_SCHEMA,
    )
