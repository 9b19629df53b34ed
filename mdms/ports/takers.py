"""Port: who takes reads."""

from collections.abc import Sequence
from typing import Protocol

from mdms.domain.turns import Taker


class TakerStore(Protocol):
    """Processes that take reads from a broker, one for each of its sessions."""

    async def takers(self) -> Sequence[Taker]:
        """Return who takes reads, or took them last, by client id."""
        ...
