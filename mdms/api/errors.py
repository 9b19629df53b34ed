"""Errors as problem details (RFC 9457): one shape, one sentence that says what to do."""

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mdms.domain.errors import NotFoundError, OperatorError, UnavailableError, UsageError
from mdms.policy.refusals import AccessRefusedError, PolicyRefusedError
from mdms.services.controls import refusal_view

log = structlog.get_logger()

_STATUS_OF = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    UsageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    OperatorError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, **more: object
) -> JSONResponse:
    """Return a problem document; `more` are members of its own."""
    return JSONResponse(
        {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status,
         "detail": detail, **more},
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )  # fmt: skip


def install(app: FastAPI) -> None:
    """Answer every error of ours, and every malformed request, with a problem document."""

    async def ours(_request: Request, error: Exception) -> JSONResponse:
        status = next(s for kind, s in _STATUS_OF.items() if isinstance(error, kind))
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            log.warning("api.request.unavailable", detail=str(error))
        return problem(status, str(error))

    async def forbidden(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, PolicyRefusedError)
        no_access = isinstance(error, AccessRefusedError)
        return problem(
            HTTPStatus.FORBIDDEN if no_access else HTTPStatus.CONFLICT,
            str(error),
            codes=[refusal_view(refusal) for refusal in error.refusals],
            control_id=None if error.control_id is None else str(error.control_id),
        )

    async def refused(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))

    async def malformed(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}")

    async def mistake(_request: Request, _error: Exception) -> JSONResponse:
        # The server logs the error itself, with its trace, and the client connection goes on.
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "the daemon made a mistake; its log says which"
        )

    for kind in _STATUS_OF:
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(Exception, mistake)
    app.add_exception_handler(PolicyRefusedError, forbidden)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, malformed)
