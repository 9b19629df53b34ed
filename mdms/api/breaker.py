"""The signer's breaker, by REST: how it stands, and two supervisors' words that release it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.text import Body
from mdms.domain.people import APPROVES, Token
from mdms.ports.signer import Trip

router = APIRouter(prefix="/v1/breaker", tags=["breaker"])

Supervisor = Annotated[Token, Depends(allow(APPROVES))]


class Release(Body):
    """A supervisor's word; `proof` is made where the secret is (`mdms command release`)."""

    supervisor: Annotated[str, Field(min_length=1, max_length=64)]
    trip_id: UUID
    proof: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def standing(services: Backend) -> dict[str, Any]:
    """Tell what stands against every open; null: nothing does."""
    return _view(await services.breaker.standing_trip())


@router.post("/release")
async def release(body: Release, services: Backend, caller: Supervisor) -> dict[str, Any]:
    """Pass a supervisor's word on to the signer; 409 where it takes none. Two are needed."""
    proof = bytes.fromhex(body.proof)
    standing = await services.breaker.release(body.supervisor, body.trip_id, proof, caller.name)
    return _view(standing)


def _view(trip: Trip | None) -> dict[str, Any]:
    if trip is None:
        return {"trip": None}
    return {
        "trip": {
            "trip_id": str(trip.trip_id),
            "at": trip.at.isoformat(),
            "reason": trip.reason,
            "released_by": [*trip.released_by],
        }
    }
