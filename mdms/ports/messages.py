"""Messages as they come, and the store of what came."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mdms.domain.errors import RejectReason


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as it came; `token` means something to its source only."""

    topic: str
    payload: bytes
    token: object = None
    retained: bool = False
    """The broker kept it for whoever comes: it may be old."""


class MessageSource(Protocol):
    """Where messages come from; what is not acknowledged comes again."""

    def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        """Yield batches bounded by count, payload bytes and age of the oldest message."""
        ...

    async def ack(self, batch: Sequence[Envelope]) -> None:
        """Tell the broker that these messages are stored."""
        ...


@dataclass(frozen=True, slots=True)
class UplinkMessage:
    """A collector's batch as it was received, kept for replay and disputes."""

    collector_id: int
    boot_id: int
    batch_seq: int
    batch_us: int
    kind: str
    """Last part of the topic: read, event, backfill or ack."""
    frame_count: int
    payload: bytes
    received_at: datetime
    misdated: bool = False
    """Its own time cannot be believed; `batch_us` is the time of its reception instead."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or one frame of it, that could not be used: a dead letter."""

    reason: RejectReason
    detail: str
    topic: str
    payload: bytes
    frame_index: int | None
    """None when the whole message was refused."""
    received_at: datetime
    schema_id: int | None = None
    """Of the message that a frame was in; None for a whole message."""


@dataclass(frozen=True, slots=True)
class CollectorSequence:
    """How far a collector has come."""

    collector_id: int
    boot_id: int
    batch_seq: int
    """Highest sequence number that was committed."""
    batch_at: datetime
    received_at: datetime


class MessageStore(Protocol):
    """Raw messages, dead letters and how far each collector has come."""

    async def record(self, messages: Sequence[UplinkMessage]) -> int:
        """
        Keep raw messages and move collector sequences on; return how many were new.

        New is also what says something else than a kept message of the same sender, number and
        time; what was asked for again and has as many frames is not.
        """
        ...

    async def reject(self, rejected: Sequence[Rejected]) -> int:
        """
        Keep dead letters; return how many are news.

        What comes again is kept once; it waits anew if it had been read again meanwhile.
        """
        ...

    async def newest(self, count_max: int) -> Sequence[UplinkMessage]:
        """Return the newest batches of readings of each collector, that many at most of one."""
        ...

    async def sequences(self) -> Sequence[CollectorSequence]: ...
    async def dead_letter_counts(self) -> Mapping[RejectReason, int]: ...
