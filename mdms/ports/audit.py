"""The store of the audit, and the place of its seals."""

from collections.abc import Sequence
from typing import Protocol

from mdms.domain.audit import AuditEntry, AuditHead, AuditRecord, SealedHead


class AuditStore(Protocol):
    """The chain of everything that was done; links are added, never changed."""

    def note(self, entry: AuditEntry) -> None:
        """Add an entry when the transaction commits: with what it tells of, or not at all."""
        ...

    async def head(self) -> AuditHead: ...
    async def after(self, number: int, count_max: int) -> Sequence[AuditRecord]:
        """Return the links that follow a number, in their order."""
        ...

    async def about(self, subject: str) -> Sequence[AuditRecord]:
        """Return what happened to a command, badge or token, oldest first."""
        ...

    async def newest(
        self, *, subject: str | None = None, before: int | None = None, count_max: int
    ) -> Sequence[AuditRecord]:
        """Return links, the newest first: of one subject or all, with lower numbers only."""
        ...

    async def contradicted(self) -> Sequence[str]:
        """
        Return what the tables and the links say differently, a sentence each.

        Compared are the columns by which links are found; every step of a command, both ways; who
        asked for a command and how far it has come; and facts.
        """
        ...

    async def add_seal(self, sealed: SealedHead) -> None: ...
    async def seals(self) -> Sequence[SealedHead]: ...


class SealPlace(Protocol):
    """The second place: where seals are kept out of reach of the database's owner."""

    def last(self) -> SealedHead | None:
        """Return the newest seal (UsageError: the place holds something else)."""
        ...

    def append(self, sealed: SealedHead) -> None:
        """Keep a seal, durably (UnavailableError: the place is away)."""
        ...
