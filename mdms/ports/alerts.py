"""The store of customers' wishes, and the outbox of what they are told."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from mdms.domain.alerts import AlertWish, BillStated, CustomerAlert, LeakNotice, WishKind


class AlertStore(Protocol):
    """Wishes and alerts."""

    async def wish(self, wish: AlertWish) -> None:
        """Keep a wish instead of an earlier one of its kind."""
        ...

    async def forget_wish(self, account_id: str, usage_point_id: str, kind: WishKind) -> bool: ...
    async def wishes(self, day: date) -> Sequence[AlertWish]:
        """Return the wishes of accounts that were served there on a local day."""
        ...

    async def leak_notices(self, since: datetime) -> Sequence[LeakNotice]:
        """Return notices of water leaks since an instant, with the account of that time."""
        ...

    async def bills(self, at: datetime) -> Sequence[BillStated]:
        """Return what was last stated of each account's bill by an instant."""
        ...

    async def put(self, alerts: Sequence[CustomerAlert]) -> int:
        """Put alerts into the outbox that are not there yet; return how many were not."""
        ...

    async def due(self, at: datetime, limit: int) -> Sequence[CustomerAlert]:
        """Return what is to be sent by an instant, the longest due first."""
        ...

    async def attempted(self, alert: CustomerAlert) -> None:
        """Keep what came of an attempt: attempts, due_at, delivered_at, dead_at."""
        ...

    async def of_place(
        self, account_id: str, usage_point_id: str, since: datetime, until: datetime
    ) -> Sequence[CustomerAlert]:
        """Return an account's alerts that were made in [since, until), the newest first."""
        ...

    async def forget_wishes(self, first_kept: date) -> int:
        """Drop wishes of who was served there for the last time before a day; return how many."""
        ...

    async def forget(self, first_kept: date) -> int:
        """Drop alerts that were made before a day (UTC); return how many."""
        ...
