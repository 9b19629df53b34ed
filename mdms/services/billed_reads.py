"""The reads that a frozen window was billed by: the exact versions, whatever is known since."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import BilledChannel, billed_channels, service_periods
from mdms.billing.formats.outgoing import Outgoing, OutgoingChannel
from mdms.billing.proof import unpack_versions
from mdms.billing.registers import Quality
from mdms.billing.window import BillWindow
from mdms.domain.errors import OperatorError
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import Int64, IntervalReads, Status, UInt8
from mdms.domain.registry import ChannelTable
from mdms.domain.time import to_epoch_s
from mdms.ports.billing import BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.billed import must_be_frozen

DETERMINANTS_PER_BLOCK: Final = 256
_VERSION_BITS: Final = 16

_Parts = Mapping[tuple[int, str, int], BilledChannel]

_STATUS: Final = {
    Quality.ACTUAL: Status.VALIDATED,
    Quality.CUSTOMER: Status.VALIDATED,
    Quality.ESTIMATED: Status.ESTIMATED,
    Quality.EDITED: Status.EDITED,
}


async def billed_blocks(
    work: UnitOfWork, window: BillWindow, zone: ZoneInfo
) -> AsyncIterator[Outgoing]:
    """
    Yield the intervals of each determinant, and the registers at its two edges.

    Raises:
        NotFoundError: The window was never frozen.
        OperatorError: The registry has changed so that times of intervals cannot be told.
    """
    await must_be_frozen(work, window)
    table, registry = await work.registry.channels(), await work.registry.load()
    parts = {
        (part.channel_id, part.usage_point_id, part.period): part
        for part in billed_channels(window, zone, table, service_periods(window, registry))
    }
    rows = sorted(
        await work.billing.determinants(window.start, window.end),
        key=lambda row: (row.badge, row.reading_type, row.read_start_utc, row.period),
    )
    for first in range(0, len(rows), DETERMINANTS_PER_BLOCK):
        block = rows[first : first + DETERMINANTS_PER_BLOCK]
        reads = await work.readings.intervals(
            window.period(zone), channel_ids=sorted({row.channel_id for row in block})
        )
        yield _block(block, parts, reads, table)


def _block(
    rows: Sequence[BillingDeterminant], parts: _Parts, reads: IntervalReads, table: ChannelTable
) -> Outgoing:
    taken = [_taken(row, parts, reads) for row in rows]
    used = reads.take(np.concatenate(taken))
    counts = [len(each) for each in taken]
    edges = [(row.read_start_utc, row.register_start) for row in rows]
    edges += [(row.read_end_utc, row.register_end) for row in rows]
    place = np.tile(np.arange(len(rows)), 2)
    letters = np.array([_STATUS[Quality(row.quality)].code for row in rows], np.uint8)
    order = np.argsort(place, kind="stable")
    return Outgoing(
        channels=[_channel(row, table) for row in rows],
        place=np.repeat(np.arange(len(rows)), counts),
        start_s=used.start_s,
        value=used.value,
        status=_settled(used.status),
        method=used.method,
        flags=used.flags,
        register_place=place[order],
        register_at_s=np.array([to_epoch_s(at) for at, _ in edges], np.int64)[order],
        register_value=np.array([value for _, value in edges], np.int64)[order],
        register_status=letters[place[order]],
    )


def _taken(row: BillingDeterminant, parts: _Parts, reads: IntervalReads) -> Int64:
    """Return where the versions that a determinant was made of stand."""
    version = unpack_versions(row.versions)
    if not len(version):
        return np.empty(0, np.int64)
    part = parts.get((row.channel_id, row.usage_point_id, row.period))
    step_s = READING_TYPES[row.reading_type].interval_s
    if part is None or part.read_end_s - part.read_start_s != step_s * len(version):
        raise OperatorError(
            f"the registry no longer says that {row.badge} measured at {row.usage_point_id} as it "
            "was billed; its intervals cannot be placed"
        )
    first, last = np.searchsorted(reads.channel_id, [row.channel_id, row.channel_id + 1])
    stored = _key(reads.start_s[first:last], reads.version[first:last])
    wanted = _key(part.read_start_s + step_s * np.arange(len(version)), version)
    at = np.searchsorted(stored, wanted)
    assert (stored[at] == wanted).all(), "versions are never removed"
    place: Int64 = first + at
    return place


def _key(start_s: Int64, version: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Int64:
    return start_s << _VERSION_BITS | version


def _settled(status: UInt8) -> UInt8:
    """Return letters with R as V: nothing is billed that was not validated."""
    return np.where(status == Status.RAW.code, np.uint8(Status.VALIDATED.code), status)


def _channel(row: BillingDeterminant, table: ChannelTable) -> OutgoingChannel:
    of_channel = np.flatnonzero(
        (table.channel_id == row.channel_id) & (table.usage_point_id == row.usage_point_id)
    )
    newest = int(of_channel[np.argmax(table.installed_s[of_channel])])
    return OutgoingChannel(
        badge=row.badge,
        usage_point_id=row.usage_point_id,
        radio_id=int(table.radio_id[newest]),
        kind=READING_TYPES[row.reading_type],
        multiplier=int(table.multiplier[newest]),
    )
