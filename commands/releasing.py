"""
The signer's breaker as people reach it through a daemon: asked after, and released by two of them.

Nothing here decides: the daemon passes proofs on that it can neither make nor use twice, and the
signer alone knows whose they are.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from commands.quarantine import ask_again
from commands.signer import Breaker
from mdms.domain.audit import AuditEntry, Value
from mdms.domain.errors import OperatorError
from mdms.ports.clock import Clock
from mdms.ports.signer import Trip
from mdms.ports.unit_of_work import UnitOfWorkFactory

RELEASED: Final = "breaker.released"
"""Kind of the audit record of one supervisor's word that the signer took."""


@dataclass(frozen=True, slots=True)
class BreakerRelease:
    """
    Asks the signer how its breaker stands, and passes on who releases it.

    Args:
        unit_of_work: Opens a transaction, for the audit.
        clock: Times what is noted.
        breaker: The signer's; None: this daemon has no signer.
    """

    unit_of_work: UnitOfWorkFactory
    clock: Clock
    breaker: Breaker | None

    async def standing_trip(self) -> Trip | None:
        """Return what stands against every open, if anything; raises as `release`."""
        return await self._known().standing_trip()

    async def release(self, supervisor: str, trip_id: UUID, proof: bytes, by: str) -> Trip | None:
        """
        Pass on a supervisor's word; return what still stands.

        Args:
            supervisor: Name, as the signer's file has it.
            trip_id: What is to be released.
            proof: Made by the supervisor, where the secret is.
            by: Name of the token that brings it.

        Raises:
            OperatorError: The signer does not take it, or there is none.
            UnavailableError: The signer is away.
        """
        standing = await self._known().release(supervisor, trip_id, proof)
        now = self.clock.now()
        told: dict[str, Value] = {"supervisor": supervisor, "stands": standing is not None}
        async with self.unit_of_work() as work:
            work.audit.note(AuditEntry(now, RELEASED, str(trip_id), by, told))
            if standing is None:
                await ask_again(work, now)
        return standing

    def _known(self) -> Breaker:
        if self.breaker is None:
            raise OperatorError("this daemon has no signer: [signer] socket names none")
        return self.breaker
