"""What a frozen bill and the reads of today differ by, in whole units, and what moved them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from mdms.billing.channels import ReadReason
from mdms.billing.registers import IS_ESTIMATED_SHARE, Quality
from mdms.billing.service_parts import DIRECTIONS
from mdms.domain.readings import RAW_VERSION, IntervalReads, RegisterReads, Source
from mdms.ports.billing import BilledBefore, BilledService, BillingDeterminant


class Cause(StrEnum):
    """What moved a bill after its freeze: a closed set."""

    LATE_ACTUAL = "late_actual"
    EDIT = "edit"
    SELF_READ = "self_read"
    RE_ESTIMATE = "re_estimate"
    BILL_BEFORE = "bill_before"
    """The bill that it follows was corrected."""
    TERMS_OR_REGISTRY = "terms_or_registry"
    """No read: who pays, which meter, or by what it is billed."""


_ACTUAL_AFTER_ALL: Final = {Cause.LATE_ACTUAL, Cause.SELF_READ, Cause.RE_ESTIMATE}
_TOTALS: Final = {*DIRECTIONS.values(), "net"}
_RECEIVED: Final = (Source.UPLINK, Source.BACKFILL, Source.FILE)


def differences(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return frozen and present units of every quantity that differs; absent is 0."""
    return {
        name: (old.get(name, 0), new.get(name, 0))
        for name in sorted(old.keys() | new.keys())
        if old.get(name, 0) != new.get(name, 0)
    }


def causes(
    intervals: IntervalReads, registers: RegisterReads, *, opened_anew: bool
) -> tuple[Cause, ...]:
    """
    Return what moved a bill.

    Args:
        intervals: Versions of its intervals that became known after its freeze.
        registers: Likewise.
        opened_anew: Whether the bill before ends elsewhere now.
    """
    sources = set(intervals.source.tolist()) | set(registers.source.tolist())
    by_vee = intervals.take(intervals.source == Source.VEE)
    late = bool(sources & set(_RECEIVED)) or bool(
        (~IS_ESTIMATED_SHARE[by_vee.status] & (by_vee.version > RAW_VERSION)).any()
    )
    holds = {
        Cause.LATE_ACTUAL: late,
        Cause.EDIT: Source.EDIT in sources,
        Cause.SELF_READ: Source.SELF_READ in sources,
        Cause.RE_ESTIMATE: not late and bool(np.any(IS_ESTIMATED_SHARE[by_vee.status])),
        Cause.BILL_BEFORE: opened_anew,
    }
    found = tuple(cause for cause, is_one in holds.items() if is_one)
    return found or (Cause.TERMS_OR_REGISTRY,)


def next_bill_carries(
    old: BilledService,
    changes: Mapping[str, tuple[int, int]],
    found: tuple[Cause, ...],
    frozen: Sequence[BilledBefore],
    present: Sequence[BillingDeterminant],
) -> bool:
    """
    Return whether the next bill settles a bill that ended with an estimated register.

    It opens with that register, so it carries a total that was estimated too high or too low: of
    the same customer, of meters that are still there. It carries no bucket and no demand, and
    nothing that went wrong where the bill opened.

    Args:
        old: The bill.
        changes: Frozen and present units of each quantity that differs.
        found: What moved it.
        frozen: Its parts.
        present: What they would be now.

    Source:
        R10.A.4, vee.md 5.4.4.
    """
    if old.quality != Quality.ESTIMATED or not set(found) <= _ACTUAL_AFTER_ALL:
        return False
    if old.closed_by != ReadReason.PERIODIC or not all(map(_is_total, changes)):
        return False
    opening = {(each.channel_id, each.read_start_utc, each.register_start) for each in frozen}
    closing = {(each.channel_id, each.read_end_utc, each.register_end) for each in frozen}
    return all(
        (each.channel_id, each.read_start_utc, each.register_start) in opening
        and (
            each.closed_by == ReadReason.PERIODIC
            or (each.channel_id, each.read_end_utc, each.register_end) in closing
        )
        for each in present
    )


def _is_total(quantity: str) -> bool:
    """Say whether a quantity is all of a direction, like `delivered_kwh`, no bucket or demand."""
    direction, _, unit = quantity.partition("_")
    return direction in _TOTALS and "_" not in unit
