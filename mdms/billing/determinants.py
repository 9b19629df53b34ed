"""
What a channel used in a bill window: registers at its edges, whole units, quality, lineage.

Usage is the difference of two registers, so the meter's own total is billed and estimates inside
the window change nothing in it; intervals give the estimated share and must agree (V45). A bill
opens with what the one before ended with, so that nothing is billed twice, or never.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final, TypeVar

import numpy as np

from mdms.billing.channels import BilledChannel
from mdms.billing.edges import Edges, billed_after, billed_before, edges_of, usage_between
from mdms.billing.proof import content_hash, pack_versions
from mdms.billing.registers import (
    IS_ABSENT,
    IS_EDITED,
    IS_ESTIMATED_SHARE,
    IS_HELD,
    Basis,
    EdgeRegister,
    Quality,
    best_known,
    carried_from_s,
    least_trusted,
    usable,
)
from mdms.billing.units import whole_units
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_COARSE,
    FLAG_EST_UNSCALED,
    IntervalReads,
    RegisterReads,
)
from mdms.domain.time import from_epoch_s
from mdms.ports.billing import BilledBefore, BillingBlock, BillingDeterminant

_MAY_BE_INEXACT: Final = FLAG_EST_CLAMPED | FLAG_EST_COARSE | FLAG_EST_UNSCALED
"""Marks of estimates that need not add up to the register (design 9)."""
_UNALIGNED: Final = {Basis.NEAR, Basis.BILLED, Basis.SWAP}
_SHARE_PLACES: Final = Decimal("0.000001")
_NOTHING_ESTIMATED: Final = Decimal("0.000000")
_MOVED_TEXT: Final = (
    "the meter was away within the period, or its multiplier, dials or resolution changed"
)

Rows = TypeVar("Rows", IntervalReads, RegisterReads)


class BlockReason(StrEnum):
    """Why a channel's window cannot be frozen yet: a closed set."""

    MOVED = "moved"
    """Taken away and put back at the same place within one period, or set up to count otherwise."""
    MISSING_INTERVALS = "missing_intervals"
    HELD_INTERVALS = "held_intervals"
    NO_REGISTER = "no_register"
    SUM_CHECK = "sum_check"
    """Intervals and register of the window disagree (V45 over the billing period)."""
    PERIOD_CHECK = "period_check"
    """A period rule holds the bill until a person accepts it (vee.md 3.6)."""
    OTHER_METER = "other_meter"
    """Another channel of the same service cannot be billed yet: it is billed whole."""
    NO_TERMS = "no_terms"
    """Nobody knows its rate schedule."""
    NOT_COUNTED = "not_counted"
    """Its rate schedule asks for what its intervals cannot say."""
    BILLED_ELSEWHERE = "billed_elsewhere"
    """Days of it are frozen in another window, or for another account in this one."""


def intervals_needed_from_s(channels: Sequence[BilledChannel], registers: RegisterReads) -> int:
    """
    Return the start of the earliest interval that `determine` may use.

    Args:
        channels: At least one channel.
        registers: Versions of their register reads, as for `determine`.
    """
    reads = best_known(registers)
    return min(
        carried_from_s(channel.read_start_s, usable(_of(reads, channel), channel), channel)
        for channel in channels
    )


def determine(
    window: BillWindow,
    channels: Sequence[BilledChannel],
    intervals: IntervalReads,
    registers: RegisterReads,
    *,
    ruleset_hash: str,
    before: Sequence[BilledBefore] = (),
) -> tuple[list[BillingDeterminant], list[BillingBlock]]:
    """
    Return what each channel used, and why the others cannot be billed yet.

    Args:
        window: What is billed.
        channels: Whom to bill.
        intervals: Versions of their intervals from `intervals_needed_from_s` to the window's end.
        registers: Versions of their register reads, from CARRY_S_MAX before the window to
            NEAREST_S_MAX after it.
        ruleset_hash: The validation rules that judged the intervals.
        before: What is billed of them already, before and after and in between.

    Returns:
        Determinants and blocks, each in the order of the channels but parts of one by their time.
    """
    current, reads = intervals.current(), best_known(registers)
    closed: dict[int, list[BilledBefore]] = {}
    for each in before:
        closed.setdefault(each.channel_id, []).append(each)
    determinants: list[BillingDeterminant] = []
    blocked: list[BillingBlock] = []
    for channel in sorted(channels, key=lambda each: each.read_start_s):  # a part opens the next
        outcome = _determine(
            window,
            channel,
            _of(current, channel),
            usable(_of(reads, channel), channel),
            closed.get(channel.channel_id, ()),
            ruleset_hash=ruleset_hash,
        )
        if isinstance(outcome, BillingDeterminant):
            determinants.append(outcome)
            if len(channels) > 1:
                closed.setdefault(channel.channel_id, []).append(_billed(channel, outcome))
        else:
            blocked.append(outcome)
    return determinants, blocked


def _determine(
    window: BillWindow,
    channel: BilledChannel,
    intervals: IntervalReads,
    registers: RegisterReads,
    frozen: Sequence[BilledBefore],
    *,
    ruleset_hash: str,
) -> BillingDeterminant | BillingBlock:
    """Return the determinant of one channel from its current intervals and usable registers."""
    if channel.installation_count > 1:
        return _block(channel, BlockReason.MOVED, _MOVED_TEXT)
    billed = _in_window(intervals, channel)
    obstacle = _unfinished(billed, channel)
    if obstacle is not None:
        return obstacle
    before, after = billed_before(channel, frozen), billed_after(channel, frozen)
    edges = edges_of(channel, registers, intervals, before, after)
    if edges is None or edges.end.at_s <= edges.start.at_s:
        return _block(
            channel,
            BlockReason.NO_REGISTER,
            f"no two register reads near {from_epoch_s(channel.read_start_s)} and "
            f"{from_epoch_s(channel.read_end_s)}",
        )
    difference = _sum_check(edges.measured, billed, channel)
    if difference:
        return _block(
            channel,
            BlockReason.SUM_CHECK,
            f"intervals and register differ by {difference} of "
            f"{usage_between(*edges.measured, channel)} quanta",
        )
    return _frozen(window, channel, edges, billed, ruleset_hash=ruleset_hash)


def _frozen(
    window: BillWindow,
    channel: BilledChannel,
    edges: Edges,
    billed: IntervalReads,
    *,
    ruleset_hash: str,
) -> BillingDeterminant:
    kind = READING_TYPES[channel.reading_type]
    start, end = edges.start, edges.end
    usage = usage_between(start, end, channel)
    estimated = IS_ESTIMATED_SHARE[billed.status]
    estimated_count = int(np.count_nonzero(estimated))
    determinant = BillingDeterminant(
        window_start=window.start,
        window_end=window.end,
        channel_id=channel.channel_id,
        badge=channel.badge,
        reading_type=channel.reading_type,
        usage_point_id=channel.usage_point_id,
        premise_id=channel.premise_id,
        account_id=channel.account_id,
        read_start_utc=from_epoch_s(start.at_s),
        read_end_utc=from_epoch_s(end.at_s),
        register_start=start.value,
        register_end=end.value,
        usage_quanta=usage,
        usage_units=whole_units(usage, kind),
        unit=kind.billing_unit,
        quality=least_trusted(start, end).value,
        method=_method(start, end),
        estimated_share=(
            _share(int(billed.value[estimated].sum()), int(billed.value.sum()))
            if estimated_count
            else _NOTHING_ESTIMATED
        ),
        interval_count=len(billed),
        estimated_count=estimated_count,
        versions=pack_versions(billed.version),
        ruleset_hash=ruleset_hash,
        content_hash="",
        period=channel.period,
        opened_by=channel.opened_by.value,
        closed_by=channel.closed_by.value,
    )
    return replace(determinant, content_hash=content_hash(determinant, start, end, billed))


def _billed(channel: BilledChannel, row: BillingDeterminant) -> BilledBefore:
    """Return a part that was just made as the parts next to it see it."""
    names = (each.name for each in fields(BilledBefore) if each.name not in {"from_on", "to_on"})
    same = {name: getattr(row, name) for name in names}
    return BilledBefore(**same, from_on=channel.from_on, to_on=channel.to_on)


def _of(rows: Rows, channel: BilledChannel) -> Rows:
    """Return a channel's rows of columns that are sorted by channel."""
    # Keys of the column's own type: with others the whole column is converted at each look-up.
    edges = np.array((channel.channel_id, channel.channel_id + 1), rows.channel_id.dtype)
    first, last = np.searchsorted(rows.channel_id, edges)
    return rows.take(slice(int(first), int(last)))


def billed_intervals(intervals: IntervalReads, channel: BilledChannel) -> IntervalReads:
    """
    Return the intervals that a part of a bill is made of, in time order.

    Args:
        intervals: Current ones, sorted by channel and start, of any channels.
        channel: The part.
    """
    return _in_window(_of(intervals, channel), channel)


def _in_window(intervals: IntervalReads, channel: BilledChannel) -> IntervalReads:
    """Return the expected intervals of a channel that have a value."""
    if not channel.intervals_expected:
        return intervals.take(slice(0, 0))
    edges = (channel.read_start_s, channel.read_end_s)
    first, last = np.searchsorted(intervals.start_s, edges)
    billed = intervals.take(slice(int(first), int(last)))
    absent = IS_ABSENT[billed.status]
    return billed.take(~absent) if absent.any() else billed


def _unfinished(billed: IntervalReads, channel: BilledChannel) -> BillingBlock | None:
    """Return what keeps the window from being frozen: no M, no S (vee.md 5.4)."""
    if not channel.intervals_expected:
        return None
    expected_count = (channel.read_end_s - channel.read_start_s) // channel.interval_s
    missing_count = expected_count - len(billed)
    assert missing_count >= 0, "a stored interval starts on the channel's grid"
    if missing_count:
        expected_s = np.arange(channel.read_start_s, channel.read_end_s, channel.interval_s)
        first = from_epoch_s(np.setdiff1d(expected_s, billed.start_s)[0])
        return _block(
            channel,
            BlockReason.MISSING_INTERVALS,
            f"{missing_count} of {expected_count} intervals are missing, the first at {first}",
        )
    held = IS_HELD[billed.status]
    if held.any():
        first = from_epoch_s(billed.start_s[held][0])
        return _block(
            channel,
            BlockReason.HELD_INTERVALS,
            f"{np.count_nonzero(held)} of {expected_count} intervals are held, "
            f"the first at {first}",
        )
    return None


def _sum_check(
    measured: tuple[EdgeRegister, EdgeRegister], billed: IntervalReads, channel: BilledChannel
) -> int:
    """
    Return by how many quanta intervals and register disagree; 0 within tolerance.

    A register decrease that reads like a rollover is caught here: its wrapped usage is far from
    what the intervals say.

    What a person edited was checked when it was approved, or the check was waived with a reason.

    Source:
        vee.md 3.5, V45 on the billing period; both edges are aligned, or there is no check.
    """
    if any(edge.quality is Quality.EDITED for edge in measured) or IS_EDITED[billed.status].any():
        return 0
    inexact = bool((billed.flags & _MAY_BE_INEXACT).any())
    unaligned = any(edge.basis in _UNALIGNED for edge in measured)
    if inexact or unaligned or not channel.intervals_expected:
        return 0
    usage = usage_between(*measured, channel)
    difference = int(billed.value.sum()) - usage
    permille = max(2_000 * channel.register_resolution * channel.multiplier, usage)
    return difference if abs(difference) * 1_000 > permille else 0


def _method(start: EdgeRegister, end: EdgeRegister) -> str:
    """Name what stood in for a read at an edge, joined by `+`; empty when nothing did."""
    bases = [
        basis
        for basis in (Basis.BILLED, Basis.SUM, Basis.BACK, Basis.NEAR)
        if basis in {start.basis, end.basis}
    ]
    return "+".join([*bases, *(method.name for method in sorted(start.methods | end.methods))])


def _share(estimated: int, total: int) -> Decimal:
    """Return estimated energy over all interval energy; 0 where nothing flowed."""
    return (Decimal(estimated) / total if total else Decimal(0)).quantize(
        _SHARE_PLACES, rounding=ROUND_HALF_UP
    )


def _block(channel: BilledChannel, reason: BlockReason, detail: str) -> BillingBlock:
    """Return a block that says which of a meter's channels it is about."""
    return BillingBlock(
        channel.channel_id, channel.badge, reason.value, f"{channel.reading_type}: {detail}"
    )
