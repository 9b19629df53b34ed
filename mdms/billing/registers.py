"""
What a channel's register showed at an edge of a bill window.

The read at that instant where there is one; else the last read before it plus the intervals
since; else the first read after it less the intervals between (ADR 0010); only where those are
missing, the nearest read within three days (design 9).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from mdms.billing.channels import BilledChannel
from mdms.domain.readings import IntervalReads, Method, RegisterReads, Source, Status
from mdms.domain.time import to_epoch_s
from mdms.ports.billing import BilledBefore

ALIGN_S = 60
"""A read whose stamp lies this close to an interval boundary stands for that boundary."""
NEAREST_S_MAX = 3 * 86_400
"""How far from the edge a read may lie that is taken as it is."""
CARRY_S_MAX = 35 * 86_400
"""How far back a read may lie that the intervals since are added to."""


class Basis(StrEnum):
    """What the register at an edge rests on."""

    READ = "READ"
    SWAP = "SWAP"
    """The meter's first or last read in place, between two interval boundaries."""
    BILLED = "BILLED"
    """What the bill before ended with, or the one after, frozen first, opened with."""
    SUM = "SUM"
    BACK = "BACK"
    NEAR = "NEAR"


class Quality(StrEnum):
    """Where a billed register comes from, the most trusted first."""

    ACTUAL = "ACTUAL"
    CUSTOMER = "CUSTOMER"
    EDITED = "EDITED"
    ESTIMATED = "ESTIMATED"


_RANK: Final = {quality: rank for rank, quality in enumerate(Quality)}


@dataclass(frozen=True, slots=True)
class EdgeRegister:
    """
    The register at an edge, with what it was made of.

    Attributes:
        value: Dial reading in quanta, before the multiplier.
        at_s: Instant it holds for: the edge, or the stamp of the nearest read.
        basis: How it was found.
        read: The one register read it rests on.
        carried: Intervals between that read and the edge; no rows unless basis is SUM or BACK.
        quality: The least trusted of what it was made of.
    """

    value: int
    at_s: int
    basis: Basis
    read: RegisterReads
    carried: IntervalReads
    quality: Quality

    @property
    def methods(self) -> set[Method]:
        """How estimates among the carried intervals were made."""
        estimated = IS_ESTIMATE[self.carried.status]
        return {Method(code) for code in self.carried.method[estimated]} - {Method.NONE}


def status_table(*statuses: Status) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether each code of a status is one of these, shape (256,)."""
    table = np.zeros(256, np.bool_)
    table[[status.code for status in statuses]] = True
    return table


IS_ABSENT: Final = status_table(Status.MISSING, Status.NOT_EXPECTED)
IS_HELD: Final = status_table(Status.SUSPECT)
IS_ESTIMATE: Final = status_table(Status.ESTIMATED, Status.FINAL_ESTIMATE)
IS_ESTIMATED_SHARE: Final = IS_ESTIMATE | status_table(Status.ZERO)
"""Counted into the estimated share, zeros by outage included."""
IS_EDITED: Final = status_table(Status.EDITED)
_IS_UNUSABLE: Final = IS_ABSENT | IS_HELD


def best_known(registers: RegisterReads) -> RegisterReads:
    """
    Return one read of each instant, sorted: the highest version, but any read before an estimate.

    An estimate is made where nothing was read; what is received later is version 0 beside it.
    """
    estimated = IS_ESTIMATE[registers.status]
    if not estimated.any():
        return registers.current()
    read = registers.take(~estimated & ~_IS_UNUSABLE[registers.status])
    instants = set(zip(read.channel_id.tolist(), read.at_s.tolist(), strict=True))
    keys = zip(registers.channel_id.tolist(), registers.at_s.tolist(), strict=True)
    overtaken = np.array([key in instants for key in keys], np.bool_) & estimated
    return registers.take(~overtaken).current()


def usable(registers: RegisterReads, channel: BilledChannel) -> RegisterReads:
    """Return a channel's current reads that are not held and were taken while it was in place."""
    in_place = (registers.at_s >= channel.installed_s - ALIGN_S) & (
        registers.at_s <= channel.removed_s + ALIGN_S
    )
    return registers.take(in_place & ~_IS_UNUSABLE[registers.status])


def carried_from_s(edge_s: int, registers: RegisterReads, channel: BilledChannel) -> int:
    """Return the start of the first interval that the register at this edge may need."""
    found = _last_bookend(edge_s, registers, channel.interval_s)
    return edge_s if found is None else found[1]


def register_at(
    edge_s: int, registers: RegisterReads, intervals: IntervalReads, channel: BilledChannel
) -> EdgeRegister | None:
    """
    Return what the register showed at an interval boundary, or None when nothing says so.

    Args:
        edge_s: The boundary, seconds since 1970-01-01 UTC.
        registers: The channel's `usable` reads, sorted by time.
        intervals: The channel's current intervals, sorted by start, from `carried_from_s` on.
        channel: What they were measured by.
    """
    for bookend in (_last_bookend, _first_bookend):
        found = bookend(edge_s, registers, channel.interval_s)
        if found is not None:
            carried = _carried(edge_s, found, registers, intervals, channel)
            if carried is not None:
                return carried
    nearest = _nearest(edge_s, registers)
    if nearest is None:
        return None
    read = registers.take(slice(nearest, nearest + 1))
    return EdgeRegister(
        value=int(read.value[0]),
        at_s=int(read.at_s[0]),
        basis=Basis.NEAR,
        read=read,
        carried=intervals.take(slice(0, 0)),
        # A customer reads when it suits them: their reading is billed as it is.
        quality=Quality.CUSTOMER if read.source[0] == Source.SELF_READ else Quality.ESTIMATED,
    )


def _carried(
    edge_s: int,
    bookend: tuple[int, int],
    registers: RegisterReads,
    intervals: IntervalReads,
    channel: BilledChannel,
) -> EdgeRegister | None:
    """Return a read brought to the edge by the intervals between; None where one is missing."""
    row, boundary_s = bookend
    read = registers.take(slice(row, row + 1))
    if boundary_s == edge_s:
        value, quality = int(read.value[0]), _read_quality(read)
        nothing = intervals.take(slice(0, 0))
        return EdgeRegister(value, edge_s, Basis.READ, read, nothing, quality)
    from_s, to_s = sorted((boundary_s, edge_s))
    first, last = np.searchsorted(intervals.start_s, (from_s, to_s))
    carried = intervals.take(slice(int(first), int(last)))
    complete = len(carried) == (to_s - from_s) // channel.interval_s
    if not complete or _IS_UNUSABLE[carried.status].any():
        return None
    # Where a multiplier does not divide the sum, the rest counts in the next period.
    turned = int(carried.value.sum()) // channel.multiplier
    basis = Basis.SUM if boundary_s < edge_s else Basis.BACK
    return EdgeRegister(
        value=(int(read.value[0]) + (turned if boundary_s < edge_s else -turned))
        % channel.register_modulus,
        at_s=edge_s,
        basis=basis,
        read=read,
        carried=carried,
        quality=max(_read_quality(read), _carried_quality(carried), key=_RANK.__getitem__),
    )


def swap_read(
    from_s: int, to_s: int, registers: RegisterReads, *, last: bool
) -> EdgeRegister | None:
    """
    Return the first or last read of a meter between two instants, both included; None without.

    Args:
        from_s: Installation, or the last boundary in place, seconds since 1970-01-01 UTC.
        to_s: The first boundary in place, or removal.
        registers: The channel's `usable` reads, sorted by time.
        last: The one before removal; else the one after installation.
    """
    rows = np.flatnonzero((registers.at_s >= from_s) & (registers.at_s <= to_s))
    if not rows.size:
        return None
    row = int(rows[-1 if last else 0])
    read = registers.take(slice(row, row + 1))
    return EdgeRegister(
        value=int(read.value[0]),
        at_s=int(read.at_s[0]),
        basis=Basis.SWAP,
        read=read,
        carried=IntervalReads.empty(),
        quality=_read_quality(read),
    )


def billed_register(bill: BilledBefore, *, closing: bool) -> EdgeRegister:
    """Return what a bill ended with, or opened with, as the register of the one next to it."""
    at_s = to_epoch_s(bill.read_end_utc if closing else bill.read_start_utc)
    value = bill.register_end if closing else bill.register_start
    quality = Quality(bill.quality)
    status = Status.ESTIMATED if quality is Quality.ESTIMATED else Status.VALIDATED
    read = RegisterReads.raw(
        np.array([bill.channel_id]),
        np.array([at_s]),
        np.array([value]),
        recorded_us=0,
        source=Source.SELF_READ if quality is Quality.CUSTOMER else Source.VEE,
    )
    return EdgeRegister(
        value=value,
        at_s=at_s,
        basis=Basis.BILLED,
        read=replace(read, status=np.array([status.code], np.uint8)),
        carried=IntervalReads.empty(),
        quality=quality,
    )


def least_trusted(start: EdgeRegister, end: EdgeRegister) -> Quality:
    """Return the quality of a difference between two registers."""
    return least_trusted_of((start.quality, end.quality))


def least_trusted_of(qualities: Iterable[Quality]) -> Quality:
    """Return the least trusted of some qualities."""
    return max(qualities, key=_RANK.__getitem__)


def _last_bookend(edge_s: int, registers: RegisterReads, interval_s: int) -> tuple[int, int] | None:
    """Return row and boundary of the last read that stands for a boundary up to the edge."""
    first, last = np.searchsorted(
        registers.at_s, (edge_s - CARRY_S_MAX, edge_s + ALIGN_S + 1)
    ).tolist()
    if last - first > 1:  # mostly the last read stands for a boundary, and it alone
        before_s, newest_s = registers.at_s[last - 2 : last].tolist()
        on_s = edge_s + (newest_s - edge_s + interval_s // 2) // interval_s * interval_s
        if abs(newest_s - on_s) <= ALIGN_S and before_s < on_s - ALIGN_S:
            return last - 1, on_s
    at_s = registers.at_s[first:last]
    boundary_s = edge_s + (at_s - edge_s + interval_s // 2) // interval_s * interval_s
    off_s = np.abs(at_s - boundary_s)
    rows = np.flatnonzero(off_s <= ALIGN_S)
    if not rows.size:
        return None
    newest_s = boundary_s[rows[-1]]
    same = rows[boundary_s[rows] == newest_s]
    return first + int(same[off_s[same].argmin()]), int(newest_s)


def _first_bookend(
    edge_s: int, registers: RegisterReads, interval_s: int
) -> tuple[int, int] | None:
    """Return row and boundary of the first read that stands for a boundary after the edge."""
    first, last = np.searchsorted(
        registers.at_s, (edge_s + ALIGN_S + 1, edge_s + CARRY_S_MAX)
    ).tolist()
    at_s = registers.at_s[first:last]
    boundary_s = edge_s + (at_s - edge_s + interval_s // 2) // interval_s * interval_s
    rows = np.flatnonzero((np.abs(at_s - boundary_s) <= ALIGN_S) & (boundary_s > edge_s))
    return (first + int(rows[0]), int(boundary_s[rows[0]])) if rows.size else None


def _nearest(edge_s: int, registers: RegisterReads) -> int | None:
    """Return the row of the read nearest to the edge, the earlier one of two, within bounds."""
    if not len(registers):
        return None
    distance_s = np.abs(registers.at_s - edge_s)
    row = int(distance_s.argmin())
    return row if distance_s[row] <= NEAREST_S_MAX else None


def _read_quality(read: RegisterReads) -> Quality:
    if IS_ESTIMATE[read.status[0]]:
        return Quality.ESTIMATED
    if IS_EDITED[read.status[0]] or read.source[0] == Source.EDIT:
        return Quality.EDITED
    return Quality.CUSTOMER if read.source[0] == Source.SELF_READ else Quality.ACTUAL


def _carried_quality(carried: IntervalReads) -> Quality:
    if IS_ESTIMATE[carried.status].any():
        return Quality.ESTIMATED
    return Quality.EDITED if IS_EDITED[carried.status].any() else Quality.ACTUAL
