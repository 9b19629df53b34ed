"""Validation and estimation, by REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.domain.people import Role

router = APIRouter(prefix="/v1/vee", tags=["vee"])


class RunRequest(BaseModel):
    """Which local days to judge, both included; every meter when none is named."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: Annotated[str, Field(alias="from")]
    to: str
    meter: str | None = None


@router.post("/runs", dependencies=[Depends(allow(frozenset({Role.VEE})))])
async def run(body: RunRequest, services: Backend) -> dict[str, Any]:
    """Judge and estimate; what is already so stays as it is."""
    channel_ids = None if body.meter is None else await services.registry.channel_ids(body.meter)
    result = await services.vee.run(
        params.day(body.from_), params.day(body.to), channel_ids=channel_ids
    )
    return {
        "first_day": body.from_,
        "last_day": body.to,
        "channel_days": result.channel_days,
        "versions": result.versions,
        "exceptions": result.exceptions,
    }


@router.get("/exceptions", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def exceptions(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List what waits for a person."""
    return {"exceptions": await services.vee.open_exceptions()}
