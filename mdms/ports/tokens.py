"""The store of who may call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mdms.domain.people import Token


class TokenStore(Protocol):
    """Tokens that were made while the system ran; those of the settings are not among them."""

    async def add(self, token: Token) -> None:
        """Keep a token (UsageError if another that is not revoked has its name)."""
        ...

    async def find(self, sha256: str) -> Token | None: ...
    async def every(self) -> Sequence[Token]: ...
    async def revoke(self, name: str, at: datetime) -> bool:
        """Make a token nobody's; return whether there was one."""
        ...
