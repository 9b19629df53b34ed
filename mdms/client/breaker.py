"""Calls about the signer's breaker."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mdms.client.transport import Transport
from mdms.ports.signer import Trip


class BreakerCalls(Transport):
    """How the breaker stands, and who releases it."""

    def standing_trip(self) -> Trip | None:
        """Return what stands against every open, if anything, as the daemon tells it."""
        return _trip(self._json("GET", "/v1/breaker")["trip"])

    def release_breaker(self, supervisor: str, trip: Trip, proof: bytes) -> Trip | None:
        """
        Bring a supervisor's word; return what still stands.

        Args:
            supervisor: Name, as the signer's file has it.
            trip: What is to be released.
            proof: `commands.signing.breaker.prove` of the supervisor's secret and the trip as the
                supervisor was shown it; the secret itself is never sent.
        """
        body = {"supervisor": supervisor, "trip_id": str(trip.trip_id), "proof": proof.hex()}
        return _trip(self._json("POST", "/v1/breaker/release", json=body)["trip"])


def _trip(row: dict[str, Any] | None) -> Trip | None:
    if row is None:
        return None
    at = datetime.fromisoformat(row["at"])
    return Trip(UUID(row["trip_id"]), at, row["reason"], tuple(row["released_by"]))
