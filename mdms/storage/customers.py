"""Grants to customers' own data as rows; hashes only."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.customers import Grant, Holder, Service
from mdms.domain.registry import Commodity


class PostgresCustomers:
    """`mdms.ports.CustomerStore` on personal.access_grant and agreement."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ACCOUNTS = "SELECT account_id FROM account WHERE account_id = ANY(%(account_ids)s)"

    async def accounts(self, account_ids: Collection[str]) -> frozenset[str]:
        named = {"account_ids": list(account_ids)}
        rows = await (await self._connection.execute(self.ACCOUNTS, named)).fetchall()
        return frozenset(account_id for (account_id,) in rows)

    GRANT = """
    INSERT INTO personal.access_grant
        (grant_id, sha256, holder, account_ids, data, first_on, last_on, evidence, given_at,
         expires_at, issued_by, revoked_at)
    VALUES
        (%(grant_id)s, %(sha256)s, %(holder)s, %(account_ids)s, %(data)s, %(first_on)s,
         %(last_on)s, %(evidence)s, %(given_at)s, %(expires_at)s, %(issued_by)s, %(revoked_at)s)
    """

    async def grant(self, grant: Grant) -> None:
        row = asdict(grant)
        row |= {"account_ids": sorted(grant.account_ids), "data": sorted(grant.data)}
        await self._connection.execute(self.GRANT, row)

    GRANTS = """
    SELECT grant_id, sha256, holder, account_ids, data, first_on, last_on, evidence, given_at,
           expires_at, issued_by, revoked_at
    FROM personal.access_grant
    WHERE (sha256 = %(sha256)s OR %(sha256)s::text IS NULL)
      AND (issued_by = %(issued_by)s OR %(issued_by)s::text IS NULL)
      AND (account_ids @> ARRAY[%(account_id)s::text] OR %(account_id)s::text IS NULL)
    ORDER BY grant_id DESC
    """

    async def find_grant(self, sha256: str) -> Grant | None:
        found = await self._grants(sha256, None, None)
        return found[0] if found else None

    async def grants(self, *, issued_by: str | None, account_id: str | None) -> Sequence[Grant]:
        return await self._grants(None, issued_by, account_id)

    async def _grants(
        self, sha256: str | None, issued_by: str | None, account_id: str | None
    ) -> list[Grant]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            wanted = {"sha256": sha256, "issued_by": issued_by, "account_id": account_id}
            await cursor.execute(self.GRANTS, wanted)
            return [_grant(row) for row in await cursor.fetchall()]

    REVOKE = """
    UPDATE personal.access_grant SET revoked_at = %(at)s
    WHERE grant_id = %(grant_id)s AND revoked_at IS NULL
      AND (issued_by = %(issued_by)s OR %(issued_by)s::text IS NULL)
    """

    async def revoke_grant(self, grant_id: UUID, at: datetime, *, issued_by: str | None) -> bool:
        wanted = {"grant_id": grant_id, "at": at, "issued_by": issued_by}
        cursor = await self._connection.execute(self.REVOKE, wanted)
        return cursor.rowcount > 0

    UNKNOWN = """
    SELECT account_id FROM unnest(%(account_ids)s::text[]) AS given (account_id)
    WHERE NOT EXISTS (SELECT FROM account a WHERE a.account_id = given.account_id)
    ORDER BY account_id
    """

    async def unknown_accounts(self, account_ids: Sequence[str]) -> Sequence[str]:
        cursor = await self._connection.execute(self.UNKNOWN, {"account_ids": list(account_ids)})
        return [account_id for (account_id,) in await cursor.fetchall()]

    SERVICES = """
    SELECT usage_point_id, u.commodity, a.start_on, a.end_on
    FROM agreement a JOIN usage_point u USING (usage_point_id)
    WHERE a.account_id = %(account_id)s
    ORDER BY usage_point_id, a.start_on
    """

    async def services(self, account_id: str) -> Sequence[Service]:
        cursor = await self._connection.execute(self.SERVICES, {"account_id": account_id})
        return [
            Service(usage_point_id, Commodity(commodity), start_on, end_on)
            for usage_point_id, commodity, start_on, end_on in await cursor.fetchall()
        ]

    # Evidence of a consent outlives it; what nobody may use any more is of no other use.
    FORGET_GRANTS = """
    DELETE FROM personal.access_grant WHERE coalesce(revoked_at, expires_at) < %(first_kept)s
    """

    async def forget_grants(self, first_kept: date) -> int:
        cursor = await self._connection.execute(self.FORGET_GRANTS, {"first_kept": first_kept})
        return cursor.rowcount


def _grant(row: dict[str, Any]) -> Grant:
    texts = {name: frozenset(row[name]) for name in ("account_ids", "data")}
    return Grant(**row | texts | {"holder": Holder(row["holder"])})
