"""
The signer as the rest of `commands` knows it: a port, and what it answers with.

The signer itself is `commands.signing`, a process of its own: it alone holds the meters' command
keys, and it refuses by rules and counts of its own what a mistaken or conquered caller asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from commands.codecs import Answer, Command
from mdms.domain.controls import Refusal
from mdms.domain.errors import OperatorError
from mdms.ports.signer import Trip


class SignerRefusedError(OperatorError):
    """
    The signer does not sign this, whoever asks.

    Attributes:
        refusals: Every reason.
    """

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(f"{each.code}: {each.cure}" for each in refusals))
        self.refusals = tuple(refusals)


class QuarantinedError(SignerRefusedError):
    """A budget is spent: nothing is switched off until two supervisors release the breaker."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An envelope and the counter that it carries."""

    counter: int
    envelope: bytes


class Signer(Protocol):
    """Signs commands and verifies answers; nobody else can do either."""

    async def sign(self, command: Command) -> Signed:
        """
        Sign a command; asked again with the same command_id, return the same bytes.

        Raises:
            SignerRefusedError: Its rules forbid this, or it has no key for the meter.
            QuarantinedError: The breaker is open, or just opened.
            UnavailableError: It is away, or its memory is.
        """
        ...

    async def verify(self, record: bytes) -> Answer:
        """
        Read a meter's answer and make sure that this meter made it.

        Raises:
            DecodeError: It is no answer, or not this meter's.
            UnavailableError: It is away.
        """
        ...


class Breaker(Protocol):
    """What stands against every open, as far as a daemon has to do with it: it passes on."""

    async def standing_trip(self) -> Trip | None:
        """Return what stands against every open, if anything (UnavailableError: it is away)."""
        ...

    async def release(self, supervisor: str, trip_id: UUID, proof: bytes) -> Trip | None:
        """
        Pass on a supervisor's word; return what still stands.

        Raises:
            OperatorError: The signer does not take it.
            UnavailableError: It is away.
        """
        ...
