"""Why a value is what it is, and where it came from, by REST."""

from typing import Any

from fastapi import APIRouter

from mdms.api import params
from mdms.api.backend import Backend
from mdms.api.readings import LOOKS, READERS

router = APIRouter(prefix="/v1/readings", tags=["readings"])


@router.get("/explanation", dependencies=[READERS, LOOKS])
async def explain(
    services: Backend, *, meter: str, at: str, reading_type: str | None = None
) -> dict[str, Any]:
    """Explain the value of the interval in which an instant lies, and make it again."""
    return await services.explain.explain(meter, params.instant(at), reading_type=reading_type)


@router.get("/trace", dependencies=[READERS, LOOKS])
async def trace(
    services: Backend, *, meter: str, at: str, reading_type: str | None = None
) -> dict[str, Any]:
    """Follow a value through its versions to the raw frames that carried it."""
    return await services.trace.trace(meter, params.instant(at), reading_type=reading_type)
