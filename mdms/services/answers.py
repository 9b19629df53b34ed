"""Writes that are asked again by the same key: answered once, told as often as asked, for a day."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from mdms.domain.errors import OperatorError, UsageError
from mdms.domain.people import digest_of
from mdms.ports.answers import Answer
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory

KEPT: Final = timedelta(days=1)

_NOT_KEPT: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
)
"""What a better token or a little patience cures."""


class AnswerService:
    """
    Remembers what writes were answered.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says when answers are forgotten.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def begin(self, secret: str, key: str, request: bytes) -> Answer:
        """
        Return the answer that was given to the same request, or one without a status: give it now.

        Args:
            secret: The caller's token.
            key: Of the caller's choice.
            request: Method, path and body.

        Raises:
            UsageError: The key was used for another request.
            OperatorError: The request is being answered, or its answer was lost with the daemon.
        """
        now = self._clock.now()
        fingerprint = hashlib.sha256(request).hexdigest()
        asked = Answer(caller=digest_of(secret), key=key, fingerprint=fingerprint, asked_at=now)
        async with self._unit_of_work() as work:
            await work.answers.forget(now - KEPT)
            known = await work.answers.begin(asked)
        if known is None:
            return asked
        if known.fingerprint != fingerprint:
            raise UsageError("this Idempotency-Key was used for another request: take a new one")
        if known.status is None:
            raise OperatorError(
                "a request by this Idempotency-Key is being answered, or was when the daemon "
                "ended: look what came of it before you take a new key"
            )
        return known

    async def finish(self, asked: Answer, status: int, media_type: str, body: bytes) -> None:
        """Keep an answer; of mistakes of ours, and of what is to be asked again, nothing."""
        async with self._unit_of_work() as work:
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_KEPT:
                await work.answers.drop(asked.caller, asked.key)
            else:
                answered = replace(asked, status=status, media_type=media_type, body=body)
                await work.answers.finish(answered)
