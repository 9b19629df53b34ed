"""The store of mass events."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from mdms.domain.mass_events import Brought, MassEvent, Silence
from mdms.domain.time import Period


class MassEventStore(Protocol):
    """Days on which too many meters were silent."""

    async def silence(self, day: Period, *, silent_s: int) -> Silence:
        """Count the meters that were to be heard all day, and those silent for longer than that."""
        ...

    async def missing(self, local_day: date, *, silent_s: int) -> int:
        """Count the meters of which still more than that is missing, received or estimated."""
        ...

    async def brought(self, day: Period) -> Sequence[Brought]:
        """Count the frames of each collector on a day, and on the best of the seven before."""
        ...

    async def keep(self, event: MassEvent) -> None:
        """Keep an event, in place of what was known of its day."""
        ...

    async def within(self, first: date, last: date) -> Sequence[MassEvent]:
        """Return the events of local days, earliest first."""
        ...

    async def open(self) -> Sequence[MassEvent]:
        """Return those that have not ended, earliest first."""
        ...
