"""What a frozen bill and the reads of today differ by, in whole units, and what moved them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import numpy as np

from mdms.billing.registers import IS_ESTIMATED_SHARE, Quality
from mdms.domain.readings import RAW_VERSION, IntervalReads, RegisterReads, Source
from mdms.ports.billing import BilledService


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


def rested_on_estimates(service: BilledService, found: tuple[Cause, ...]) -> bool:
    """Return whether a bill was wrong because it had been estimated, and is actual by now."""
    estimated = service.quality == Quality.ESTIMATED or service.estimated_share > 0
    return estimated and set(found) <= {Cause.LATE_ACTUAL, Cause.SELF_READ, Cause.RE_ESTIMATE}
