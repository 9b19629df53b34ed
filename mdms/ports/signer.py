"""The memory of the signer."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID


class SignerStore(Protocol):
    """The signer's own memory: counters that only rise, and what was signed with each."""

    async def issue(
        self, command_id: UUID, radio_id: int, key_id: int, make: Callable[[int], bytes]
    ) -> tuple[int, bytes]:
        """
        Draw the next counter of a meter and key, and keep the envelope that it is used in.

        Args:
            command_id: Asked again with the same one, the first envelope is returned.
            radio_id: Meter.
            key_id: Key of the meter.
            make: Returns the envelope for a counter.

        Returns:
            The counter and the envelope.
        """
        ...
