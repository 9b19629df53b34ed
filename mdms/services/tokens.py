"""Tokens: made once, shown once, known by their hash, revoked at once."""

import hmac
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from mdms.domain.audit import AuditEntry, Value
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.people import Role, Token, conflict, digest_of, makes_both_sides, new_secret
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics

_DAY: Final = timedelta(days=1)

log = structlog.get_logger()


class TokenService:
    """
    Knows callers, makes and revokes tokens.

    Args:
        unit_of_work: Opens a transaction.
        clock: Tells whether a token has expired.
        settled: Tokens that the settings name: the first administrator's, and those of programs.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, settled: Iterable[Token] = ()
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._settled = tuple(settled)

    async def find(self, secret: str) -> Token | None:
        """Return who a token belongs to; None where it is nobody's, or nobody's any more."""
        digest = digest_of(secret)
        # Every one is compared, in constant time each: how long it takes tells nothing.
        matches = [token for token in self._settled if hmac.compare_digest(token.sha256, digest)]
        token = matches[0] if matches else None
        if token is None:
            async with self._unit_of_work() as work:
                token = await work.tokens.find(digest)
        return token if token is not None and token.is_good(self._clock.now()) else None

    async def create(
        self,
        name: str,
        roles: frozenset[Role],
        by: str,
        *,
        nouns: frozenset[str] = frozenset(),
        valid: timedelta | None,
    ) -> tuple[str, Token]:
        """
        Make a token and return it, this once, with what is kept of it.

        Args:
            name: Who will use it.
            roles: What they may do.
            by: Who makes it.
            nouns: The only parts of the interface it may call; empty: whatever its roles allow.
            valid: How long; None: until it is revoked.

        Raises:
            UsageError: The name is taken, or nobody may have these roles together.
        """
        if any(token.name == name for token in self._settled):
            raise UsageError(f"the settings name a token of {name!r} already: choose another name")
        if problem := conflict(roles):
            raise UsageError(problem)
        now = self._clock.now()
        secret = new_secret()
        expires_at = None if valid is None else now + valid
        token = Token(name, roles, digest_of(secret), nouns, expires_at, now, by)
        async with self._unit_of_work() as work:
            await work.tokens.add(token)
            told: dict[str, Value] = {
                "roles": [*sorted(roles)],
                "nouns": [*sorted(nouns)],
                "expires_at": None if expires_at is None else expires_at.isoformat(),
            }
            work.audit.note(AuditEntry(now, "token.created", name, by, told))
            made = [
                each
                for each in await work.tokens.every()
                if each.created_by == by
                and each.created_at is not None
                and each.created_at > now - _DAY
            ]
        if makes_both_sides(roles, made):
            log.error("token.both_sides", by=by, names=[each.name for each in made])
            metrics.TOKENS_BOTH_SIDES.inc()
        return secret, token

    async def every(self) -> Sequence[Token]:
        """Return every token, those of the settings first."""
        async with self._unit_of_work() as work:
            return [*self._settled, *await work.tokens.every()]

    async def revoke(self, name: str, by: str) -> None:
        """
        Make a token nobody's, from the next call on.

        Raises:
            NotFoundError: There is none of this name.
            UsageError: The settings name it; it ends with its lines there.
        """
        if any(token.name == name for token in self._settled):
            raise UsageError(
                f"the token of {name!r} is in the settings: remove [api.tokens.{name}] there and "
                "restart the daemon"
            )
        now = self._clock.now()
        async with self._unit_of_work() as work:
            if not await work.tokens.revoke(name, now):
                raise NotFoundError(f"there is no token of {name!r}; see `mdms token ls`")
            work.audit.note(AuditEntry(now, "token.revoked", name, by, {}))
