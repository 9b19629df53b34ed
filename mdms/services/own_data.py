"""A customer's own data: judged and logged at every look, of the customer's own days only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from mdms.domain.customers import Grant, Look, Service
from mdms.domain.time import Period
from mdms.policy import access
from mdms.policy.access_facts import AccessRequest, Consent, Data, Days, Role
from mdms.policy.case import Case
from mdms.policy.refusals import AccessRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.outgoing_reads import Wanted, blocks
from mdms.services.own_usage import Step, usage_series

_DAY: Final = timedelta(days=1)
_EVER: Final = Days(date.min, date.max - _DAY)
"""Every day that another one follows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose data, where, of which days."""

    account_id: str
    usage_point_id: str
    days: Days


class OwnDataService:
    """
    Shows holders of grants what they may see.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says when somebody looked.
        book: The rules between utility and customer.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def services(self, grant: Grant) -> list[dict[str, Any]]:
        """Return where the accounts of a grant are served, and on which of its days."""
        today = self._book.today(self._clock.now())
        async with self._unit_of_work() as work:
            return [
                {
                    "account_id": account_id,
                    "usage_point_id": service.usage_point_id,
                    "commodity": service.commodity.value,
                    "first_on": days.first_on.isoformat(),
                    "last_on": min(days.last_on, today).isoformat(),
                }
                for account_id in sorted(grant.account_ids)
                for service, days in _held(grant, await work.customers.services(account_id))
            ]

    async def usage(self, grant: Grant, asked: Asked, step: Step) -> dict[str, Any]:
        """
        Return what was used at a usage point, interval by interval or added up.

        Raises:
            AccessRefusedError: It is not theirs to see, or was not on those days.
        """
        data = Data.INTERVAL_USAGE if step is Step.INTERVAL else Data.DAILY_USAGE
        await self.permit(grant, asked, data)
        zone = self._book.zone
        period = Period.of_days(asked.days.first_on, asked.days.last_on, zone)
        async with self._unit_of_work() as work:
            found = [
                block async for block in blocks(work, Wanted(period, asked.usage_point_id), zone)
            ]
        return {
            "account_id": asked.account_id,
            "usage_point_id": asked.usage_point_id,
            "from": asked.days.first_on.isoformat(),
            "to": asked.days.last_on.isoformat(),
            "step": step.value,
            "series": usage_series(found, asked.usage_point_id, step, zone),
        }

    async def permit(self, grant: Grant, asked: Asked, data: Data) -> None:
        """
        Judge a look by the matrix and keep it in the log, allowed or not.

        Raises:
            AccessRefusedError: It is refused; whether there is such an account is not told.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            request = await _request(work, grant, asked, data)
            case = Case(request, self._book.at(now).access, now, self._book.calendar)
            decision = access.judge(case)
            await work.access_log.note(
                Look(
                    at=now,
                    by=str(grant.grant_id),
                    role=grant.holder.value,
                    data=data.value,
                    place=asked.usage_point_id,
                    account_ids=(asked.account_id,),
                    first_on=asked.days.first_on,
                    last_on=asked.days.last_on,
                    code=decision.code,
                )
            )
        if not decision.allowed:
            raise AccessRefusedError(decision.refusals)


async def _request(work: UnitOfWork, grant: Grant, asked: Asked, data: Data) -> AccessRequest:
    granted = asked.account_id in grant.account_ids
    services = await work.customers.services(asked.account_id) if granted else ()
    held = [
        days
        for service, days in _held(grant, services)
        if service.usage_point_id == asked.usage_point_id
    ]
    return AccessRequest(
        role=Role(grant.holder.value),
        data=data,
        days=asked.days,
        account_id=asked.account_id,
        account_ids=grant.account_ids,
        held=tuple(held),
        consent=Consent(
            account_id=asked.account_id if granted else "",
            data=frozenset(map(Data, grant.data)),
            days=_of(grant),
            given_at=grant.given_at,
            expires_at=grant.expires_at,
            revoked_at=grant.revoked_at,
        ),
    )


def _held(grant: Grant, services: Iterable[Service]) -> Iterator[tuple[Service, Days]]:
    """Yield services with the days of them that a grant reaches."""
    reach = _of(grant)
    for service in services:
        last_on = _EVER.last_on if service.end_on is None else service.end_on - _DAY
        days = Days(max(service.start_on, reach.first_on), min(last_on, reach.last_on))
        if days.first_on <= days.last_on:
            yield service, days


def _of(grant: Grant) -> Days:
    return Days(
        grant.first_on or _EVER.first_on, min(grant.last_on or _EVER.last_on, _EVER.last_on)
    )
