"""Grants: what a portal lets customers, and whom they trust, see; shown once, ended at once."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from mdms.domain.audit import AuditEntry, Value
from mdms.domain.controls import new_id
from mdms.domain.customers import Grant, Holder
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.people import digest_of, new_secret
from mdms.policy import portal
from mdms.policy.access_facts import Data
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook

_BY_CONSENT: Final = frozenset({Holder.PROPERTY_MANAGER, Holder.THIRD_PARTY})
"""Whom owners must have consented to see anything but bills and notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    A grant as a portal asks for it; see `Grant` for what is not said here.

    Attributes:
        valid: How long, from now on.
    """

    holder: Holder
    account_ids: frozenset[str]
    data: frozenset[Data] = frozenset()
    first_on: date | None = None
    last_on: date | None = None
    evidence: str = ""
    valid: timedelta


class GrantService:
    """
    Makes, finds and ends grants.

    Args:
        unit_of_work: Opens a transaction.
        clock: Tells whether a grant is over.
        book: The rules between utility and customer.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def issue(self, asked: Asked, by: str) -> tuple[str, Grant]:
        """
        Make a grant; return its token, this once, with what is kept of it.

        Raises:
            NotFoundError: There is no such account.
            UsageError: It contradicts itself, or a consent is not said to be filed anywhere.
            PolicyRefusedError: These are more accounts than may be under one master.
        """
        if asked.holder in _BY_CONSENT and asked.data and not asked.evidence.strip():
            raise UsageError("say where the owner's consent to this data is filed: evidence")
        if asked.first_on and asked.last_on and asked.last_on < asked.first_on:
            raise UsageError(f"the days from {asked.first_on} to {asked.last_on} are none")
        now = self._clock.now()
        linked = portal.link_account(len(asked.account_ids) - 1, self._book.at(now).access)
        if not linked.allowed:
            raise PolicyRefusedError(linked.refusals)
        secret = new_secret()
        grant = Grant(
            grant_id=new_id(now),
            sha256=digest_of(secret),
            holder=asked.holder,
            account_ids=asked.account_ids,
            data=frozenset(each.value for each in asked.data),
            first_on=asked.first_on,
            last_on=asked.last_on,
            evidence=asked.evidence,
            given_at=now,
            expires_at=now + asked.valid,
            issued_by=by,
        )
        async with self._unit_of_work() as work:
            if unknown := await work.customers.unknown_accounts(sorted(asked.account_ids)):
                raise NotFoundError(f"the registry has no account {', '.join(unknown)}")
            await work.customers.grant(grant)
            told: dict[str, Value] = {
                "holder": grant.holder.value,
                "account_ids": [*sorted(grant.account_ids)],
            }
            subject = str(grant.grant_id)
            work.audit.note(AuditEntry(now, "grant.issued", subject, by, told))
        return secret, grant

    async def find(self, secret: str) -> Grant | None:
        """Return the grant of a token; None where it is none, or opens nothing any more."""
        async with self._unit_of_work() as work:
            grant = await work.customers.find_grant(digest_of(secret))
        if grant is None or grant.revoked_at is not None or grant.expires_at <= self._clock.now():
            return None
        return grant

    async def every(
        self, *, issued_by: str | None = None, account_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return grants as plain values, the newest first: of one portal, to an account, or all."""
        async with self._unit_of_work() as work:
            found = await work.customers.grants(issued_by=issued_by, account_id=account_id)
        return [grant_view(grant) for grant in found]

    async def revoke(self, grant_id: UUID, by: str, *, issued_by: str | None = None) -> None:
        """
        End a grant, from the next call on.

        Args:
            grant_id: Which.
            by: Who ends it.
            issued_by: Only if this portal made it; None: whoever did.

        Raises:
            NotFoundError: There is none in force.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            if not await work.customers.revoke_grant(grant_id, now, issued_by=issued_by):
                raise NotFoundError(f"no grant {grant_id} is in force")
            work.audit.note(AuditEntry(now, "grant.revoked", str(grant_id), by, {}))


def grant_view(grant: Grant) -> dict[str, Any]:
    """Return a grant as plain values."""
    return {
        "grant_id": str(grant.grant_id),
        "holder": grant.holder.value,
        "account_ids": sorted(grant.account_ids),
        "data": sorted(grant.data),
        "first_on": grant.first_on and grant.first_on.isoformat(),
        "last_on": grant.last_on and grant.last_on.isoformat(),
        "evidence": grant.evidence,
        "issued_by": grant.issued_by,
        "given_at": grant.given_at.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "revoked_at": grant.revoked_at and grant.revoked_at.isoformat(),
    }
