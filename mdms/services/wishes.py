"""What customers want to be told, and what they were told."""

from decimal import Decimal
from typing import Any

from mdms.domain.alerts import AlertWish, WishKind
from mdms.domain.customers import Grant
from mdms.domain.errors import NotFoundError
from mdms.domain.time import Period
from mdms.policy.access_facts import Data, Days
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.own_data import Asked, OwnDataService


class WishService:
    """
    Takes wishes of owners, who alone change anything; shows alerts to who may see them.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what day it is.
        book: The rules between utility and customer.
        own_data: Judges and logs who asks.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        book: CustomerBook,
        own_data: OwnDataService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._own_data = own_data

    async def wish(
        self, grant: Grant, account_id: str, usage_point_id: str, kind: WishKind, threshold: Decimal
    ) -> dict[str, str]:
        """
        Keep a wish instead of an earlier one of its kind.

        Raises:
            AccessRefusedError: They do not own the account, or it is not served there today.
        """
        await self._permit(grant, account_id, usage_point_id)
        wish = AlertWish(account_id, usage_point_id, kind, threshold, self._clock.now())
        async with self._unit_of_work() as work:
            await work.alerts.wish(wish)
        return {"kind": kind.value, "threshold": str(threshold)}

    async def forget(
        self, grant: Grant, account_id: str, usage_point_id: str, kind: WishKind
    ) -> None:
        """
        Drop a wish.

        Raises:
            AccessRefusedError: As of `wish`.
            NotFoundError: There is none.
        """
        await self._permit(grant, account_id, usage_point_id)
        async with self._unit_of_work() as work:
            if not await work.alerts.forget_wish(account_id, usage_point_id, kind):
                raise NotFoundError(f"nobody asked to be told of {kind}")

    async def alerts(self, grant: Grant, asked: Asked) -> list[dict[str, Any]]:
        """
        Return what an account was told of a usage point on some days, the newest first.

        Raises:
            AccessRefusedError: It is not theirs to see, or was not on those days.
        """
        await self._own_data.permit(grant, asked, Data.LEAK_ALERT)
        period = Period.of_days(asked.days.first_on, asked.days.last_on, self._book.zone)
        async with self._unit_of_work() as work:
            found = await work.alerts.of_place(
                asked.account_id, asked.usage_point_id, period.start_utc, period.end_utc
            )
        return [
            {
                "kind": alert.kind,
                "figures": dict(alert.figures),
                "made_at": alert.made_at.isoformat(),
                "due_at": alert.due_at.isoformat(),
                "delivered_at": alert.delivered_at and alert.delivered_at.isoformat(),
            }
            for alert in found
        ]

    async def _permit(self, grant: Grant, account_id: str, usage_point_id: str) -> None:
        today = self._book.today(self._clock.now())
        asked = Asked(account_id, usage_point_id, Days(today, today))
        await self._own_data.permit(grant, asked, Data.LEAK_ALERT)  # whose it is today
        await self._own_data.permit(grant, asked, Data.CONTACT)  # what only an owner changes
