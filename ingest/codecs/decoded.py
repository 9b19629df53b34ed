"""One message, opened and then read: what each kind of batch turns into."""

from dataclasses import dataclass

from ingest.codecs.fnb1_events import EventFrame
from ingest.codecs.frames import Frames, Refusal
from mdms.ports.messages import UplinkMessage


@dataclass(frozen=True, slots=True)
class Opened:
    """One message that can be trusted as a whole; nobody has looked at its frames yet."""

    message: UplinkMessage
    schema_id: int
    body: bytes
    """The frames as sent, inflated; `frame_bytes` cuts one out."""
    frame_size: int
    closed_s: float
    """When its collector closed it, by a clock that it trusts; NaN where it has none, or where the
    frames were sent long before."""
    last_of_backfill: bool
    """The collector has nothing more for the request that it answers."""

    def frame_bytes(self, frame: int) -> bytes:
        """Return one frame as it was sent."""
        return self.body[frame * self.frame_size : (frame + 1) * self.frame_size]


@dataclass(frozen=True, slots=True)
class Decoded(Opened):
    """One message, read; which of the columns has rows, the schema decides."""

    frames: Frames
    events: tuple[EventFrame, ...]
    answers: tuple[bytes, ...]
    """Records of meters' answers or collectors' progress, 64 bytes each, unopened."""
    refused: tuple[Refusal, ...]
