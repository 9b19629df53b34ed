"""The store of the pilot."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mdms.domain.pilot import PilotMeter, PilotPlace, PilotStep


class PilotStore(Protocol):
    """Who is in the pilot; what was decided here outlives every import of the registry."""

    async def lock(self) -> None:
        """Let no other transaction change the pilot until this one ends."""
        ...

    async def count(self, at: datetime) -> int:
        """Return how many meters in place are in the pilot."""
        ...

    async def place(self, name: str, at: datetime) -> PilotPlace | None:
        """Return the meter in place that a badge or usage point names."""
        ...

    async def add(self, step: PilotStep) -> None:
        """Keep a step; the meter in place, and each that comes after it, joins or leaves."""
        ...

    async def meters(self, at: datetime) -> Sequence[PilotMeter]:
        """Return the pilot, sorted by badge."""
        ...
