"""The stores of what was reported, of who reports, and of what is missing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from mdms.domain.collectors import CollectorState
from mdms.domain.events import EndDeviceEvent
from mdms.domain.gaps import BatchCount, CountChange, Hole, Span
from mdms.domain.time import Period


class EventStore(Protocol):
    """What meters and collectors report by themselves."""

    async def append(self, events: Sequence[EndDeviceEvent]) -> int:
        """
        Keep events and return how many were new.

        The same code of the same meter within 5 seconds is the same event. One that was noticed
        in a reading is no news where the newest before it says the same (within a day, if it is a
        beginning), and gives way to the meter's own report of at most a day before.
        """
        ...

    async def lasting(self, since: datetime) -> Sequence[EndDeviceEvent]:
        """Return alarms that were noticed in readings since, and of which no end is known."""
        ...

    async def within(
        self,
        period: Period,
        *,
        badge: str | None = None,
        after: tuple[datetime, int] | None = None,
        count_max: int | None = None,
    ) -> Sequence[EndDeviceEvent]:
        """
        Return the events of a period in order of time.

        Args:
            period: When they happened.
            badge: Of one meter; None: of all.
            after: Only those after the one of this instant and number.
            count_max: How many at most.
        """
        ...


class GapStore(Protocol):
    """How far each collector has counted its batches, and which of them are missing."""

    async def counted(
        self, collector_ids: Iterable[int]
    ) -> tuple[Mapping[int, BatchCount], Sequence[Hole]]:
        """Return the counts of these collectors, locked until the transaction ends, and `holes`."""
        ...

    async def holes(
        self, collector_ids: Iterable[int] | None = None, *, lost: bool = False
    ) -> Sequence[Hole]:
        """Return open holes, and with `lost` also those that were given up."""
        ...

    async def given_up(self, batches: Iterable[tuple[int, int]]) -> Sequence[Hole]:
        """Return lost holes that any of these batches lies in, by collector and number."""
        ...

    async def move_on(self, changes: Sequence[CountChange], at: datetime, due_at: datetime) -> None:
        """Store what batches changed; holes that are opened are asked for at `due_at`."""
        ...

    async def open(
        self, collector_id: int, spans: Sequence[Span], at: datetime, due_at: datetime
    ) -> None:
        """Open holes that a person asks for."""
        ...

    async def asked(self, due_at: Mapping[int, datetime]) -> None:
        """Count a request for each of these holes, and set when the next one is due."""
        ...

    async def due_now(self, collector_ids: Iterable[int], at: datetime) -> None:
        """Have what is missing of these collectors asked for without waiting any longer."""
        ...

    async def lose(self, hole_ids: Iterable[int], at: datetime) -> None: ...
    async def hurry(self, at: datetime, *, collector_id: int | None = None) -> int:
        """Begin again with every hole, lost ones too; return how many there are."""
        ...

    async def forget(self, first_kept: date) -> int:
        """Drop holes that were given up on the days before (UTC); return how many."""
        ...


class CollectorStore(Protocol):
    """What each collector says of itself."""

    async def names(self) -> Mapping[int, str]:
        """Return every registered collector's name, in the order of their ids."""
        ...

    async def states(
        self, collector_ids: Iterable[int] | None = None
    ) -> Mapping[int, CollectorState]:
        """Return the states of these collectors, or of all, locked until the transaction ends."""
        ...

    async def note(self, states: Sequence[CollectorState]) -> None:
        """Store the states of collectors, one each."""
        ...
