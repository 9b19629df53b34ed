"""Raw messages once more: found by when they were sent, opened by today's decoder."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mdms.domain.time import Period
from mdms.ports.messages import UplinkMessage


@dataclass(frozen=True, slots=True)
class Sought:
    """An interval as frames carry it: who sent it, on which FNB1 channel, and its start."""

    radio_id: int
    wire_channel: int
    start_s: int


@dataclass(frozen=True, slots=True)
class CarriedValue:
    """
    One frame that carried an interval.

    Attributes:
        frame_index: Position in its message.
        heard_at: When the collector heard it.
        rssi_dbm: How strong it was.
        snr_db: How far above the noise.
        value: Quanta.
        register: Quanta on the register that came with it.
        register_at: When the meter read that.
    """

    frame_index: int
    heard_at: datetime
    rssi_dbm: float
    snr_db: int
    value: int
    register: int
    register_at: datetime


OpenFrames = Callable[[UplinkMessage, Sought], Sequence[CarriedValue]]
"""Decodes a message and returns the frames that carry an interval; nothing where none does."""


class RawMessageStore(Protocol):
    """Raw messages, to be read again."""

    async def sent(self, period: Period, count_max: int) -> Sequence[UplinkMessage]:
        """Return messages with readings whose batches were closed in a period, oldest first."""
        ...

    def received(self, period: Period, count_max: int) -> AsyncIterator[Sequence[UplinkMessage]]:
        """Yield messages with readings that came in a period, in that order, some at a time."""
        ...

    async def oldest(self) -> datetime | None:
        """Return when the oldest message that is kept was closed."""
        ...

    async def forget(self, before: datetime) -> int:
        """
        Drop whole months of messages that all came before an instant.

        It stands at once, whatever becomes of the transaction; returns how many months went.
        """
        ...
