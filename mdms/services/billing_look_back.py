"""A frozen window added up again, by the reads of now or of any other instant."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from mdms.billing.differences import Cause, causes, differences, next_bill_carries
from mdms.billing.window import BillWindow
from mdms.domain.errors import NotFoundError
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.time import to_epoch_us
from mdms.ports.billing import BilledBefore, BilledService, BillingBlock, BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.billing_reckoning import (
    BILLS_BEFORE,
    CHANNELS_PER_BLOCK,
    Reckoned,
    Reckoning,
    Service,
    ServiceKey,
    blocks,
    reads_of,
)
from mdms.services.customer_rules import CustomerBook
from vee.rules import RuleSet

Reads = TypeVar("Reads", IntervalReads, RegisterReads)


@dataclass(frozen=True, slots=True)
class Difference:
    """
    A frozen service beside what it would come to by other reads.

    Attributes:
        present: None where it cannot be added up.
        changes: Frozen and present units of each quantity that differs; none where only the account
            or the days are others.
        next_bill_carries: Whether the next bill settles it, as it opens with what was estimated.
        billed_to: Accounts that were billed for any day of the present one.
        parts: Of the present one.
        obstacle: Why it cannot be added up; empty where it can.
    """

    frozen: BilledService
    present: BilledService | None
    changes: Mapping[str, tuple[int, int]]
    causes: tuple[Cause, ...]
    parts: Sequence[BillingDeterminant]
    obstacle: str = ""
    next_bill_carries: bool = False
    billed_to: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LookBack:
    """
    Sets what was frozen beside what it would come to.

    Attributes:
        book: The rules that bills go by.
        rules: The rule set that the installation ships with.
    """

    book: CustomerBook
    rules: RuleSet

    async def differences(
        self,
        work: UnitOfWork,
        window: BillWindow,
        as_of: datetime,
        *,
        channel_ids: frozenset[int] | None = None,
    ) -> list[Difference]:
        """
        Add frozen services up again; those that come to the same are left out.

        Args:
            work: The transaction.
            window: Which was frozen.
            as_of: By the reads known then.
            channel_ids: Only services that any of these measures; None: every service.

        Raises:
            NotFoundError: The window was never frozen.
        """
        frozen = {
            (each.usage_point_id, each.period): each
            for each in await work.billing.services(window.start, window.end)
        }
        if not frozen:
            raise NotFoundError(f"the bill window {window.start} to {window.end} was never frozen")
        reckoning = await Reckoning.prepare(work, window, as_of, self.book, self.rules)
        services = [
            each
            for each in reckoning.services
            if each.key in frozen and (channel_ids is None or _measured(each, channel_ids))
        ]
        billed = _by_place(frozen.values())
        found: list[Difference] = []
        for block in blocks(services, CHANNELS_PER_BLOCK):
            revisions = {each.key: frozen[each.key].revision + 1 for each in block}
            reckoned = await reckoning.reckon(work, block, revisions=revisions)
            found += await self._compare(work, window, block, billed, reckoned)
        if channel_ids is not None:
            return found
        gone = frozen.keys() - {each.key for each in services}
        found += [
            Difference(frozen[key], None, {}, (), (), "the registry has no such period any more")
            for key in sorted(gone)
        ]
        return found

    async def _compare(
        self,
        work: UnitOfWork,
        window: BillWindow,
        block: Sequence[Service],
        billed: Mapping[str, Sequence[BilledService]],
        reckoned: Reckoned,
    ) -> list[Difference]:
        present = {(each.usage_point_id, each.period): each for each in reckoned.services}
        stuck = _stuck(billed, present)
        found = []
        for service in block:
            here = billed[service.period.usage_point_id]
            [old] = [each for each in here if each.period == service.period.number]
            new = present.get(service.key)
            if new is None:
                obstacle = _obstacle(service, reckoned.blocked)
                found.append(Difference(old, None, {}, (), (), obstacle))
                continue
            changes = differences(old.quantities, new.quantities)
            if new.content_hash == old.content_hash or not (changes or _whose(old) != _whose(new)):
                continue
            shared = [each for each in here if _share_days(each, new)]
            if service.key in stuck:
                found.append(Difference(old, None, {}, (), (), _stays(stuck[service.key])))
                continue
            moved = await self._causes(work, window, service, old)
            if _whose(old) != _whose(new) and Cause.TERMS_OR_REGISTRY not in moved:
                moved = (*moved, Cause.TERMS_OR_REGISTRY)
            parts = [each for each in reckoned.determinants if _key(each) == service.key]
            was = await _frozen_parts(work, old, parts)
            settled = next_bill_carries(old, changes, moved, was, parts)
            accounts = frozenset({old.account_id, *(each.account_id for each in shared)})
            found.append(
                Difference(
                    old,
                    new,
                    changes,
                    moved,
                    parts,
                    next_bill_carries=settled,
                    billed_to=accounts,
                )
            )
        return found

    async def _causes(
        self, work: UnitOfWork, window: BillWindow, service: Service, old: BilledService
    ) -> tuple[Cause, ...]:
        """Return what became known of a service after its freeze."""
        frozen_at = max(
            at
            for each, at in await work.billing.services_of(old.usage_point_id)
            if (each.content_hash, each.revision) == (old.content_hash, old.revision)
        )
        ids = [channel.channel_id for channel in service.channels]
        period = reads_of(window, self.book.zone)
        intervals = await work.readings.intervals(period, channel_ids=ids)
        registers = await work.readings.registers(period, channel_ids=ids)
        before = await work.billing.before(
            ids, since=window.start - BILLS_BEFORE, until=window.start
        )
        return causes(
            _since(intervals, frozen_at),
            _since(registers, frozen_at),
            opened_anew=any(each.revision > 1 for each in before),
        )


def _measured(service: Service, channel_ids: frozenset[int]) -> bool:
    return any(channel.channel_id in channel_ids for channel in service.channels)


async def _frozen_parts(
    work: UnitOfWork, old: BilledService, present: Sequence[BillingDeterminant]
) -> Sequence[BilledBefore]:
    """Return what was frozen of the channels that measure a service now."""
    ids = [each.channel_id for each in present]
    return [
        each
        for each in await work.billing.before(ids, since=old.window_start, until=old.window_end)
        if (each.window_start, each.window_end) == (old.window_start, old.window_end)
        and (each.usage_point_id, each.from_on) == (old.usage_point_id, old.from_on)
    ]


def _whose(service: BilledService) -> tuple[str, date, date]:
    """Return who pays for which days."""
    return service.account_id, service.from_on, service.to_on


def _share_days(one: BilledService, other: BilledService) -> bool:
    return one.from_on < other.to_on and other.from_on < one.to_on


def _by_place(bills: Iterable[BilledService]) -> Mapping[str, Sequence[BilledService]]:
    places: dict[str, list[BilledService]] = {}
    for each in bills:
        places.setdefault(each.usage_point_id, []).append(each)
    return places


def _stuck(
    billed: Mapping[str, Sequence[BilledService]], present: Mapping[ServiceKey, BilledService]
) -> Mapping[ServiceKey, BilledService]:
    """Return the services that would share days with a bill that stays, each with that bill."""
    stuck: dict[ServiceKey, BilledService] = {}
    waiting = dict(present)
    while True:  # what is stuck stays as well
        found = {
            key: bill
            for key, service in waiting.items()
            for bill in billed[service.usage_point_id]
            if (bill.usage_point_id, bill.period) not in waiting and _share_days(bill, service)
        }
        if not found:
            return stuck
        stuck |= found
        for key in found:
            del waiting[key]


def _stays(bill: BilledService) -> str:
    """Say which bill cannot give way to one of the same days."""
    return f"{bill.from_on} to {bill.to_on} stay billed to {bill.account_id or 'nobody'}"


def _obstacle(service: Service, blocked: Sequence[BillingBlock]) -> str:
    ids = {channel.channel_id for channel in service.channels}
    return "; ".join(
        f"{block.reason}: {block.detail}" for block in blocked if block.channel_id in ids
    )


def _since(reads: Reads, at: datetime) -> Reads:
    """Return the versions that became known after an instant."""
    return reads.take(reads.recorded_us > to_epoch_us(at))


def _key(each: BillingDeterminant) -> ServiceKey:
    return each.usage_point_id, each.period
