"""The memory of the signer, and what it may see of the daemon's tables."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.audit import AuditRecord
from mdms.domain.controls import Action, ControlState
from mdms.domain.registry import Commodity, Radio
from mdms.ports.audit import AuditStore


@dataclass(frozen=True, slots=True)
class Issued:
    """What was signed under a command_id, once and for all."""

    command_id: UUID
    radio_id: int
    key_id: int
    counter: int
    envelope: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where a meter sits now, as the registry says.

    Attributes:
        flags: Of the premise, such as life_support.
        transformer_id: What feeds the premise; None where that is not known.
        opted_out: An opt-out of its radio is in force.
        silent: Its radio was switched off by command.
    """

    serial: str
    model: str
    radio_id: int
    usage_point_id: str
    commodity: Commodity
    has_switch: bool
    pilot: bool
    radio: Radio
    flags: tuple[str, ...]
    transformer_id: str | None
    opted_out: bool
    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """
    A disconnect as the daemon keeps it, and its meter as the registry has it.

    Attributes:
        approved_by: Who approved it, each once.
        place: None where no such meter is installed.
    """

    action: Action
    state: ControlState
    serial: str
    radio_id: int
    key_id: int
    usage_point_id: str
    cause: str
    requested_by: str
    approved_by: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentOpen:
    """An open that is counted by the budgets; committed before its envelope leaves."""

    command_id: UUID
    radio_id: int
    key_id: int
    counter: int
    transformer_id: str | None
    immediate: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """
    How much of the budgets is used up.

    Attributes:
        hour: Opens signed in the hour before now.
        day: In the 24 hours before now.
        immediate_hour: Those of policy.md 2.5, in the hour before now.
        transformer_hour: Behind the transformer that is asked about, in the hour before now.
        open_now: Switches that were opened and are not known to be closed.
        pilot: Meters in place that can be switched.
        latest_at: When an open was signed last, ever.
    """

    hour: int
    day: int
    immediate_hour: int
    transformer_hour: int
    open_now: int
    pilot: int
    latest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trip:
    """The breaker is open: nothing is switched off until two supervisors have released it."""

    trip_id: UUID
    at: datetime
    reason: str
    released_by: tuple[str, ...] = ()


class SignerMemory(Protocol):
    """One transaction on the signer's own memory; leaving it commits."""

    async def lock_opens(self) -> Trip | None:
        """Let no other transaction judge an open until this one ends; return what stands open."""
        ...

    async def issued(self, command_id: UUID) -> Issued | None: ...
    async def lock_counter(self, radio_id: int, key_id: int) -> None:
        """Let no other transaction draw for a meter and key until this one ends."""
        ...

    async def draw(self, radio_id: int, key_id: int) -> int:
        """Return the next counter of a meter and key; nobody else gets it, ever."""
        ...

    async def continues(self) -> bool:
        """Return whether counters were drawn in this very database; the first asked is the one."""
        ...

    async def leap(self, *, anyway: bool) -> int | None:
        """
        Take this database for the one, with all counters raised far above those it knows of.

        Returns:
            What every counter is above from now on; None if it was the one, and not `anyway`.
        """
        ...

    async def issue(self, issued: Issued) -> None: ...
    async def spent(self, transformer_id: str | None, now: datetime) -> Spent: ...
    async def spend(self, spent: SpentOpen) -> None: ...
    async def closed(self, radio_id: int, key_id: int, counter: int) -> None:
        """Note a switch that its meter said is closed, by an answer with this counter."""
        ...

    async def trip(self, trip: Trip) -> None: ...
    async def release(self, trip_id: UUID, supervisor: str, at: datetime) -> None:
        """Note that a supervisor releases the breaker; the same one twice counts once."""
        ...

    async def end_trip(self, trip_id: UUID, at: datetime) -> None: ...
    async def standing_trip(self) -> Trip | None: ...
    async def note(self, event: str, at: datetime, command_id: UUID | None, detail: str) -> None:
        """Add a link to the signer's own record, a chain of hashes like the audit."""
        ...

    async def noted_after(self, number: int, count_max: int) -> Sequence[AuditRecord]:
        """Return the links of the signer's own record that follow a number, in their order."""
        ...

    async def contradicted(self) -> Sequence[str]:
        """
        Return what the signer's own record and its tables say differently, a sentence each.

        Compared are the columns by which links are found, and every open that the budgets count.
        """
        ...

    @property
    def audit(self) -> AuditStore:
        """The daemon's audit; the signer may look, and add seals."""
        ...

    async def order(self, command_id: UUID, now: datetime) -> OpenOrder | None:
        """Return a command as the daemon keeps it; the signer may look, not write."""
        ...


SignerMemoryFactory = Callable[[], AbstractAsyncContextManager[SignerMemory]]
"""Opens a transaction; leaving it commits, an exception rolls back (UnavailableError if away)."""
