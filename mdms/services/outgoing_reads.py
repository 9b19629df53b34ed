"""Current reads of some meters as formats take them: each with the place where it was measured."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel
from mdms.billing.registers import best_known
from mdms.domain.errors import NotFoundError
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import Int32, Int64
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, local_day
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.reading_tables import displayed_status

CHANNELS_PER_BLOCK: Final = 256
_NOWHERE: Final = -1
_LAST_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which reads, as of when.

    Attributes:
        period: Intervals that start in it, registers in it, both ends included.
        meter: Badge, or usage point: then only what was measured there; None for all.
        as_of: What was known then; None for now.
    """

    period: Period
    meter: str | None = None
    as_of: datetime | None = None


async def blocks(work: UnitOfWork, wanted: Wanted, zone: ZoneInfo) -> AsyncIterator[Outgoing]:
    """
    Yield the reads block by block, sorted by badge, reading type, installation and time.

    Raises:
        NotFoundError: There is no such meter.
    """
    registry, name = work.registry, wanted.meter
    table = _sorted(await (registry.channels() if name is None else registry.channels_at(name)))
    if wanted.meter is not None and not len(table):
        raise NotFoundError(f"no meter or usage point is called {wanted.meter!r}")
    edges = np.flatnonzero(np.diff(table.channel_id, prepend=-1))[::CHANNELS_PER_BLOCK].tolist()
    for first, last in zip(edges, [*edges[1:], len(table)], strict=True):
        yield await _block(work, table.take(np.arange(first, last)), wanted, zone)


def _sorted(table: ChannelTable) -> ChannelTable:
    """Return installations in the order in which they are written."""
    return table.take(np.lexsort((table.installed_s, table.reading_type, table.badge)))


async def _block(work: UnitOfWork, table: ChannelTable, wanted: Wanted, zone: ZoneInfo) -> Outgoing:
    ids = np.unique(table.channel_id).tolist()
    period, as_of = wanted.period, wanted.as_of
    reads = await work.readings.intervals(period, channel_ids=ids, as_of=as_of)
    registers = await work.readings.registers(period, channel_ids=ids, as_of=as_of)
    first = local_day(period.start_utc, zone)
    last = local_day(period.end_utc - _LAST_INSTANT, zone)
    days = await work.vee.days(first, last, channel_ids=ids, as_of=as_of)
    current, shown = reads.current(), best_known(registers)
    status = displayed_status(current, days, zone)
    place = _place(table, current.channel_id, current.start_s, table.removed_s)
    # The last register is read in the instant of the removal.
    register_place = _place(table, shown.channel_id, shown.at_s, table.removed_s + 1)
    order = _order(place, current.start_s)
    register_order = _order(register_place, shown.at_s)
    return Outgoing(
        channels=[_channel(table, row) for row in range(len(table))],
        place=place[order],
        start_s=current.start_s[order],
        value=current.value[order],
        status=status[order],
        method=current.method[order],
        flags=current.flags[order],
        register_place=register_place[register_order],
        register_at_s=shown.at_s[register_order],
        register_value=shown.value[register_order],
        register_status=shown.status[register_order],
    )


def _place(table: ChannelTable, channel_id: Int32, at_s: Int64, end_s: Int64) -> Int64:
    """Return the installation in which each read was taken, each up to its end; -1: in none."""
    place = np.full(len(channel_id), _NOWHERE, np.int64)
    by_channel = np.argsort(table.channel_id, kind="stable")
    ids = table.channel_id[by_channel]
    first = np.searchsorted(ids, channel_id)
    count = np.searchsorted(ids, channel_id, side="right") - first
    for nth in range(int(count.max(initial=0))):
        row = by_channel[np.minimum(first + nth, len(ids) - 1)]
        within = (nth < count) & (table.installed_s[row] <= at_s) & (at_s < end_s[row])
        place[within] = row[within]
    return place


def _order(place: Int64, at_s: Int64) -> Int64:
    """Return the rows that have a place, sorted by it and by time."""
    order = np.lexsort((at_s, place))
    return order[np.searchsorted(place[order], 0) :]


def _channel(table: ChannelTable, row: int) -> OutgoingChannel:
    return OutgoingChannel(
        badge=str(table.badge[row]),
        usage_point_id=str(table.usage_point_id[row]),
        radio_id=int(table.radio_id[row]),
        kind=READING_TYPES[str(table.reading_type[row])],
        multiplier=int(table.multiplier[row]),
    )
