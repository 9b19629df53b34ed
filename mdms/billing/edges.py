"""
The two registers that a bill's usage lies between.

A bill opens with what the one before ended with, right or wrong, and one that is frozen late ends
with what the one after opened with: so nothing is billed twice or never, and what was estimated
too high is given back by the next one (CPAU Rule 10.A.4, ADR 0010). Only bills of days that follow
each other do: what lies between two others is billed to whoever had it, however late.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mdms.billing.channels import BilledChannel, ReadReason
from mdms.billing.registers import (
    ALIGN_S,
    IS_ESTIMATE,
    NEAREST_S_MAX,
    EdgeRegister,
    billed_register,
    register_at,
    swap_read,
)
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.ports.billing import BilledBefore


@dataclass(frozen=True, slots=True)
class Edges:
    """
    Registers at the ends of a channel's part of a bill.

    Attributes:
        start: What usage counts from.
        end: What it counts to.
        measured: What the meter showed at both edges, as far as it is known; else start and end.
    """

    start: EdgeRegister
    end: EdgeRegister
    measured: tuple[EdgeRegister, EdgeRegister]


def edges_of(
    channel: BilledChannel,
    registers: RegisterReads,
    intervals: IntervalReads,
    before: EdgeRegister | None,
    after: EdgeRegister | None,
) -> Edges | None:
    """
    Return the registers at both ends; None where one of them is unknown.

    Args:
        channel: Whose.
        registers: Its `usable` reads, sorted by time.
        intervals: Its current intervals, sorted by start.
        before: What the bill before ended with; None for a first one.
        after: What the bill after opened with, where that one was frozen first; mostly None.
    """
    first = register_at(channel.read_start_s, registers, intervals, channel)
    last = register_at(channel.read_end_s, registers, intervals, channel)
    start = before or _installed(channel, registers) or first
    end = after or _removed(channel, registers) or last
    if start is None or end is None:
        return None
    if first is not None and (first.at_s, first.value) == (start.at_s, start.value):
        start = first
    if last is not None and (last.at_s, last.value) == (end.at_s, end.value):
        end = last
    return Edges(start, end, (first or start, last or end))


def billed_before(channel: BilledChannel, frozen: Sequence[BilledBefore]) -> EdgeRegister | None:
    """Return what the bill of the days just before ended with; None where there is none yet."""
    before = [each for each in frozen if each.to_on == channel.from_on]
    return _billed(channel, before, channel.read_start_s, closing=True)


def billed_after(channel: BilledChannel, frozen: Sequence[BilledBefore]) -> EdgeRegister | None:
    """Return what the bill of the days just after opened with; None where there is none yet."""
    after = [each for each in frozen if each.from_on == channel.to_on]
    return _billed(channel, after, channel.read_end_s, closing=False)


def _billed(
    channel: BilledChannel,
    beside: Sequence[BilledBefore],
    edge_s: int,
    *,
    closing: bool,
) -> EdgeRegister | None:
    """Return the register of the bill on the other side of an edge, within three days of it."""
    here = [each for each in beside if each.usage_point_id == channel.usage_point_id]
    registers = [billed_register(each, closing=closing) for each in here]
    found = [each for each in registers if abs(each.at_s - edge_s) <= NEAREST_S_MAX]
    return min(found, key=lambda each: abs(each.at_s - edge_s), default=None)


def usage_between(start: EdgeRegister, end: EdgeRegister, channel: BilledChannel) -> int:
    """
    Return the difference of two registers in quanta of usage.

    An estimate that was too high is given back: below it, a read is no rollover (S10.A.4).
    """
    turned = (end.value - start.value) % channel.register_modulus
    overestimated = not len(start.carried) and IS_ESTIMATE[start.read.status[0]]
    if overestimated and turned > channel.register_modulus // 2:
        turned -= channel.register_modulus
    return turned * channel.multiplier


def _installed(channel: BilledChannel, registers: RegisterReads) -> EdgeRegister | None:
    """Return the first read of a meter that was put in between two boundaries."""
    if channel.opened_by is not ReadReason.EXCHANGE:
        return None
    from_s, to_s = channel.installed_s - ALIGN_S, channel.read_start_s - ALIGN_S - 1
    return swap_read(from_s, to_s, registers, last=False)


def _removed(channel: BilledChannel, registers: RegisterReads) -> EdgeRegister | None:
    """Return the last read of a meter that was taken out between two boundaries."""
    if channel.closed_by is not ReadReason.EXCHANGE:
        return None
    from_s, to_s = channel.read_end_s + ALIGN_S + 1, channel.removed_s + ALIGN_S
    return swap_read(from_s, to_s, registers, last=True)
