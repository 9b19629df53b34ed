"""Which services a freeze is for: those of a cycle, and no day twice."""

from collections.abc import Collection, Sequence
from datetime import date

from mdms.billing.determinants import BlockReason
from mdms.billing.window import BillWindow
from mdms.domain.errors import UsageError
from mdms.ports.billing import BilledService, BillingBlock
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.billing_cycles import windows_by_cycle
from mdms.services.billing_reckoning import Service


async def of_cycle(
    work: UnitOfWork, window: BillWindow, services: Sequence[Service], cycle: int | None
) -> list[Service]:
    """Return the services that a window is for: of one cycle, or of all that have no other days."""
    windows = windows_by_cycle(await work.billing.read_days())
    this = (window.start, window.end)
    if cycle is not None and cycle in windows and this not in windows[cycle]:
        known = ", ".join(f"{start} to {end}" for start, end in windows[cycle][-3:])
        raise UsageError(f"cycle {cycle} has no such window; its last ones are {known}")
    return [
        each
        for each in services
        if cycle in {None, each.period.billing_cycle}
        and this in windows.get(each.period.billing_cycle, {this})
    ]


def not_billed_yet(
    services: Sequence[Service],
    elsewhere: Collection[tuple[str, date, date]],
    frozen: Collection[BilledService],
) -> tuple[list[Service], list[BillingBlock]]:
    """
    Keep the services no day of which is charged already; no day is billed twice.

    Args:
        services: That a freeze would add.
        elsewhere: Usage point and days [from, to) that other windows charge.
        frozen: What counts of this window; a move that was told late cuts its days anew.
    """
    charged: dict[str, list[tuple[date, date, str]]] = {}
    for usage_point_id, from_on, to_on in elsewhere:
        charged.setdefault(usage_point_id, []).append((from_on, to_on, "in another window"))
    for bill in frozen:
        told = f"to {bill.account_id or 'nobody'} in this window: correct it, then freeze again"
        charged.setdefault(bill.usage_point_id, []).append((bill.from_on, bill.to_on, told))
    kept: list[Service] = []
    doubled: list[BillingBlock] = []
    for service in services:
        period = service.period
        days = [
            (from_on, to_on, told)
            for from_on, to_on, told in charged.get(period.usage_point_id, ())
            if from_on < period.to_on and to_on > period.from_on
        ]
        if not days:
            kept.append(service)
            continue
        detail = f"{days[0][0]} to {days[0][1]} are billed {days[0][2]}"
        reason = BlockReason.BILLED_ELSEWHERE.value
        doubled += [
            BillingBlock(each.channel_id, each.badge, reason, f"{each.reading_type}: {detail}")
            for each in service.channels
        ]
    return kept, doubled
