"""Tokens as rows; hashes only."""

from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg import AsyncConnection

from mdms.domain.errors import UsageError
from mdms.domain.people import Role, Token


class PostgresTokens:
    """`mdms.ports.TokenStore` on api_token."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO api_token (sha256, name, roles, nouns, expires_at, created_at, created_by)
    VALUES (%(sha256)s, %(name)s, %(roles)s, %(nouns)s, %(expires_at)s, %(created_at)s,
            %(created_by)s)
    """

    async def add(self, token: Token) -> None:
        row = {
            "sha256": token.sha256,
            "name": token.name,
            "roles": sorted(token.roles),
            "nouns": sorted(token.nouns),
            "expires_at": token.expires_at,
            "created_at": token.created_at,
            "created_by": token.created_by,
        }
        try:
            await self._connection.execute(self.ADD, row)
        except psycopg.errors.UniqueViolation as error:
            raise UsageError(
                f"there is a token of {token.name!r} already: revoke it, or choose another name"
            ) from error

    TOKENS = """
    SELECT name, roles, sha256, nouns, expires_at, created_at, created_by, revoked_at
    FROM api_token
    WHERE sha256 = %(sha256)s OR %(sha256)s::text IS NULL
    ORDER BY created_at, name
    """

    async def find(self, sha256: str) -> Token | None:
        found = await self._tokens(sha256)
        return found[0] if found else None

    async def every(self) -> Sequence[Token]:
        return await self._tokens(None)

    REVOKE = """
    UPDATE api_token SET revoked_at = %(at)s WHERE name = %(name)s AND revoked_at IS NULL
    """

    async def revoke(self, name: str, at: datetime) -> bool:
        cursor = await self._connection.execute(self.REVOKE, {"name": name, "at": at})
        return cursor.rowcount > 0

    async def _tokens(self, sha256: str | None) -> list[Token]:
        cursor = await self._connection.execute(self.TOKENS, {"sha256": sha256})
        return [
            Token(name, frozenset(map(Role, roles)), digest, frozenset(nouns), *rest)
            for name, roles, digest, nouns, *rest in await cursor.fetchall()
        ]
