"""Who looked at whose data: staff by their purposes, and the log as auditors see it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from mdms.domain.customers import Look
from mdms.domain.people import Role, Token
from mdms.policy import access
from mdms.policy.access_facts import AccessRequest, Data, Days
from mdms.policy.access_facts import Role as Column
from mdms.policy.case import Case
from mdms.policy.refusals import AccessRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook

_STANDING: Final[Mapping[Role, str]] = {
    Role.BILLING: "billing",
    Role.VEE: "validation",
    Role.ADMIN: "administration",
    Role.AUDITOR: "audit",
    Role.PRIVACY: "privacy",
    Role.NETWORK: "operations",
    Role.SAFETY: "safety",
    Role.VIEWER: "operations",
}
"""Purposes that come with a role's daily work."""

_NAMES_A_CASE: Final = frozenset({Role.CSR, Role.SUPERVISOR})
"""Who serves customers names a case each time, whatever else they do."""

_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)
_ONCE: Final = timedelta(minutes=1)
"""The same look again within this time, by somebody who watches, is kept once."""


class AccessLogService:
    """
    Judges and keeps looks of staff at single customers' data.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says when somebody looked.
        book: The rules between utility and customer.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._kept: dict[Look, datetime] = {}

    async def look(
        self,
        caller: Token,
        data: Data,
        place: str,
        days: tuple[date, date] | None = None,
        *,
        purpose: str = "",
        account_ids: tuple[str, ...] = (),
    ) -> None:
        """
        Judge a look and keep it, allowed or not.

        Args:
            caller: Who looks.
            data: At what.
            place: Badge or usage point; empty: all.
            days: First and last local day; None: today.
            purpose: Case or order; may be empty where the role's daily work is purpose enough.
            account_ids: Whose, where it is an account that was asked for.

        Raises:
            AccessRefusedError: Their role needs a purpose and they gave none.
        """
        now = self._clock.now()
        role, why = _column(caller, purpose)
        first_on, last_on = days or (None, None)
        today = self._book.today(now)
        request = AccessRequest(
            role=role, data=data, days=Days(first_on or today, last_on or today), purpose=why
        )
        decision = access.judge(Case(request, self._book.at(now).access, now, self._book.calendar))
        await self._keep(
            Look(
                at=now, by=caller.name, role=role.value, data=data.value, place=place,
                account_ids=account_ids, first_on=first_on, last_on=last_on, purpose=why,
                code=decision.code,
            )
        )  # fmt: skip
        if not decision.allowed:
            raise AccessRefusedError(decision.refusals)

    async def _keep(self, look: Look) -> None:
        """Keep a look, unless the same one was kept just now."""
        same = replace(look, at=_NO_TIME)
        if look.at < self._kept.get(same, _NO_TIME) + _ONCE:
            return
        async with self._unit_of_work() as work:
            await work.access_log.note(look)
        self._kept = {each: at for each, at in self._kept.items() if look.at < at + _ONCE}
        self._kept[same] = look.at

    async def looks(
        self,
        *,
        account_id: str | None = None,
        by: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return looks as plain values, the newest first; see `AccessLogStore.looks`."""
        async with self._unit_of_work() as work:
            found = await work.access_log.looks(
                account_id=account_id, by=by, before=before, limit=limit
            )
        return [
            {
                "number": number,
                "at": look.at.isoformat(),
                "by": look.by,
                "role": look.role,
                "data": look.data,
                "place": look.place,
                "account_ids": list(look.account_ids),
                "from": look.first_on and look.first_on.isoformat(),
                "to": look.last_on and look.last_on.isoformat(),
                "purpose": look.purpose,
                "code": look.code,
            }
            for number, look in found
        ]


def _column(caller: Token, purpose: str) -> tuple[Column, str]:
    """Return which column of the matrix somebody stands in, and what for they look."""
    standing = ""
    if not caller.roles & _NAMES_A_CASE:
        standing = next((why for role, why in _STANDING.items() if role in caller.roles), "")
    analyst = caller.roles <= {Role.VEE, Role.VIEWER, Role.NETWORK}
    return (Column.ANALYST if analyst else Column.CSR), purpose.strip() or standing
