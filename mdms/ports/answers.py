"""The store of answers to writes that may be asked again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a write was answered.

    Attributes:
        caller: SHA-256 of the token.
        key: Of the caller's own choice.
        fingerprint: SHA-256 of method, path and body.
        status: None while it is being answered, or where nobody knows any more.
    """

    caller: str
    key: str
    fingerprint: str
    asked_at: datetime
    status: int | None = None
    media_type: str | None = None
    body: bytes | None = None


class AnswerStore(Protocol):
    """Answers by caller and key."""

    async def begin(self, answer: Answer) -> Answer | None:
        """Keep that this is being answered; return what is there already instead, if anything."""
        ...

    async def finish(self, answer: Answer) -> None: ...
    async def drop(self, caller: str, key: str) -> None: ...
    async def forget(self, before: datetime) -> int:
        """Drop what was asked before an instant; return how many."""
        ...
