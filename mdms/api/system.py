"""Is it alive, is it ready, how far has it come: for supervisors, Prometheus and people."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import files

router = APIRouter()

_NOT_READY: Final[dict[str, Any]] = {
    "description": "Not ready, and why.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


@router.get("/healthz", tags=["system"])
async def alive() -> dict[str, str]:
    """Answer as long as the process can."""
    return {"status": "alive"}


@router.get("/readyz", tags=["system"], responses={503: _NOT_READY})
async def ready(services: Backend) -> JSONResponse:
    """Answer 200 when reads can be stored, else 503 with the reasons."""
    problems = await services.problems()
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    return JSONResponse({"ready": not problems, "problems": list(problems)}, status)


@router.get(
    "/metrics", tags=["system"], response_class=Response, responses=files(CONTENT_TYPE_LATEST)
)
async def metrics() -> Response:
    """Give every metric in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/status", tags=["system"], dependencies=[Depends(allow(ANYONE_KNOWN))])
async def status(services: Backend) -> dict[str, Any]:
    """Say how far collectors, VEE and billing have come."""
    return await services.status.status()
