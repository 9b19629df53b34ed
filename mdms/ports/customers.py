"""The store of grants to customers' own data, and the log of who looked at whose."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.customers import Grant, Look, Service


class CustomerStore(Protocol):
    """Grants, and where customers are served."""

    async def accounts(self, account_ids: Collection[str]) -> frozenset[str]:
        """Return which of these accounts there are."""
        ...

    async def grant(self, grant: Grant) -> None: ...
    async def find_grant(self, sha256: str) -> Grant | None: ...
    async def grants(self, *, issued_by: str | None, account_id: str | None) -> Sequence[Grant]:
        """Return grants, the newest first; those of a portal, those to an account, or all."""
        ...

    async def revoke_grant(self, grant_id: UUID, at: datetime, *, issued_by: str | None) -> bool:
        """End a grant, of any portal or of this one; return whether there was one in force."""
        ...

    async def unknown_accounts(self, account_ids: Sequence[str]) -> Sequence[str]:
        """Return those of these accounts that are not in the registry."""
        ...

    async def services(self, account_id: str) -> Sequence[Service]:
        """Return where an account is, or was, served; nothing where there is no such account."""
        ...

    async def forget_grants(self, first_kept: date) -> int:
        """Drop grants that ended before a day (UTC); return how many."""
        ...


class AccessLogStore(Protocol):
    """Who looked at whose data; appended only."""

    async def note(self, look: Look) -> None:
        """Keep a look; where it names a place and no account, those served there in its days."""
        ...

    async def looks(
        self,
        *,
        account_id: str | None,
        by: str | None,
        before: int | None,
        limit: int,
    ) -> Sequence[tuple[int, Look]]:
        """
        Return looks with their numbers, the newest first.

        Args:
            account_id: At this account's data, those at everybody's among them; None: at any.
            by: By this token or grant; None: by any.
            before: With lower numbers only.
            limit: So many at most.
        """
        ...

    async def forget(self, first_kept: date) -> int:
        """Drop what is older than a day (UTC); return how many."""
        ...
