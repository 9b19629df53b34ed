"""The store of who is metered where."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mdms.domain.registry import ChannelTable, Meter, MeterPlace, Registry


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import changed: rows added, changed and unchanged by file name."""

    added: Mapping[str, int]
    changed: Mapping[str, int]
    unchanged: Mapping[str, int]


class RegistryStore(Protocol):
    """Who is metered where."""

    async def merge(self, registry: Registry) -> ImportResult:
        """Add or change these rows; rows that are not named stay."""
        ...

    async def load(self) -> Registry: ...
    async def channels(self) -> ChannelTable: ...
    async def channels_of(self, badges: Collection[str]) -> ChannelTable:
        """Return the rows of `channels` that are of these meters."""
        ...

    async def channels_at(self, name: str) -> ChannelTable:
        """Return the rows of `channels` that are of a badge, or of any meter at a usage point."""
        ...

    async def collector_ids(self) -> frozenset[int]: ...
    async def change_count(self) -> int:
        """Return how many changes there were that can be seen by now, radios' silence included."""
        ...

    async def installations(self, badge: str, radio_id: int) -> Sequence[Meter]:
        """Return every place that a meter, or whoever had a radio, has sat at, oldest first."""
        ...

    async def place(self, name: str, at: datetime) -> MeterPlace | None:
        """Return the meter that a badge or usage point names, as it was placed at an instant."""
        ...
