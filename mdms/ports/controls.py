"""The store of commands and their answers, and the way of an envelope to a collector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.controls import ControlApproval, ControlStep, EndDeviceControl, SignedEnvelope


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """One 64-byte record of an `up/ack` batch, as it came (headend.md 2.7)."""

    collector_id: int
    schema_id: int
    """3 the meter's own answer, 4 the collector's progress."""
    record: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Agenda:
    """
    What lies before the dispatcher.

    Attributes:
        count: Commands that it still has to look at.
        next_at: When the first of them is due; None: there is none.
        next_mains_at: The same for mains-powered meters, whose answers come within seconds; those
            that wait for silence or for supervisors do not count.
        has_answers: Something came back that nobody has read.
    """

    count: int = 0
    next_at: datetime | None = None
    next_mains_at: datetime | None = None
    has_answers: bool = False


class ControlStore(Protocol):
    """Commands to meters: their state, their history, what was signed and what came back."""

    async def receive(self, records: Sequence[ReceivedAnswer]) -> None:
        """Keep answers until the dispatcher has read them; a copy does no harm."""
        ...

    async def unhandled(self, count_max: int) -> Sequence[tuple[int, ReceivedAnswer]]:
        """Claim the oldest answers that nobody has read, with their numbers."""
        ...

    async def mark_handled(self, answer_ids: Sequence[int], at: datetime) -> None: ...
    async def add(self, control: EndDeviceControl) -> None: ...
    async def save(self, control: EndDeviceControl) -> None:
        """Store a command's new state; of what was requested only `not_after` ever changes."""
        ...

    async def add_step(self, step: ControlStep) -> None:
        """Write a step down, in the audit too."""
        ...

    async def add_approval(self, approval: ControlApproval) -> None: ...
    async def approvals(self, control_id: UUID) -> Sequence[ControlApproval]:
        """Return who approved a command, in their order, each once."""
        ...

    async def steps(self, control_id: UUID) -> Sequence[ControlStep]: ...
    async def find(self, control_id: UUID) -> EndDeviceControl | None: ...
    async def lock(self, control_id: UUID) -> EndDeviceControl | None:
        """Return a command that nobody else may change until this transaction ends."""
        ...

    async def lock_due(
        self, now: datetime, *, opens: bool | None = None
    ) -> EndDeviceControl | None:
        """
        Return a command that is due, locked; others' locks are skipped.

        Args:
            now: By when it is due.
            opens: Only such as wait to open a switch, or only others; None: any. What restores
                service comes first, then what has been due longest.
        """
        ...

    async def agenda(self) -> Agenda:
        """Return how much the dispatcher still has to look at, and when."""
        ...

    async def lock_meter(self, badge: str) -> None:
        """Let no other transaction judge or make commands for this meter until this one ends."""
        ...

    async def of_meter(self, badge: str) -> Sequence[EndDeviceControl]:
        """Return a meter's commands, oldest first."""
        ...

    async def opens_asked(self, after: datetime) -> Mapping[str, int]:
        """Return how many opens that still stand each person asked for since an instant."""
        ...

    async def newest(
        self, count_max: int, *, badge: str | None = None, before: UUID | None = None
    ) -> Sequence[EndDeviceControl]:
        """Return commands, the newest first: of one badge or all, older than one of them."""
        ...

    async def pending(self) -> Sequence[EndDeviceControl]:
        """Return the commands that the dispatcher still has to look at, oldest first."""
        ...

    async def add_envelope(self, envelope: SignedEnvelope) -> None: ...
    async def envelope(self, command_id: UUID) -> SignedEnvelope | None: ...
    async def envelopes(self, control_id: UUID) -> Sequence[SignedEnvelope]: ...
    async def heard_at(self, badge: str, after: datetime) -> datetime | None:
        """Return the newest stamp later than `after` that came from a meter's radio."""
        ...

    async def violations(self) -> Sequence[UUID]:
        """Return verified radio_off commands, result OK, whose meter was heard again since."""
        ...


class CommandTransport(Protocol):
    """The way of an envelope to a collector."""

    async def send(self, collector_id: int, envelope: bytes) -> None:
        """Hand 64 bytes to the broker (UnavailableError if it is away)."""
        ...
