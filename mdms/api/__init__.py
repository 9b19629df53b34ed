"""REST under /v1: routes only translate; what they call lives in mdms.services."""

import time
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Final

from fastapi import FastAPI, Request, Response

from mdms.api import (
    access_log,
    aggregates,
    audit,
    batches,
    billing,
    billing_corrections,
    billing_cycles,
    board,
    breaches,
    breaker,
    collectors,
    conflicts,
    controls,
    edits,
    errors,
    events,
    exceptions,
    explain,
    facts,
    field_orders,
    gaps,
    grants,
    grid,
    incidents,
    leaks,
    optouts,
    own,
    pilot,
    policy,
    quarantine,
    reading_imports,
    readings,
    registry,
    self_reads,
    system,
    tokens,
    vee,
)
from mdms.api.backend import Services
from mdms.api.bodies import Bodies
from mdms.api.description import PROBLEMS, Interface
from mdms.api.rates import RateLimit, RateLimits
from mdms.api.repeats import IdempotencyKeys
from mdms.api.text import Urls
from mdms.api.transfer import Compression, EntityTags
from mdms.domain.people import Role
from mdms.telemetry import metrics

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Named in metrics; callers may invent others."""

_MODULES = (
    system,
    board,
    leaks,
    grid,
    registry,
    explain,
    reading_imports,
    readings,
    gaps,
    collectors,
    quarantine,
    conflicts,
    events,
    vee,
    incidents,
    exceptions,
    edits,
    billing,
    billing_corrections,
    billing_cycles,
    controls,
    batches,
    breaker,
    field_orders,
    policy,
    pilot,
    optouts,
    self_reads,
    facts,
    tokens,
    grants,
    own,
    aggregates,
    breaches,
    access_log,
    audit,
)


def create(services: Services, limit: RateLimit | None = None) -> FastAPI:
    """Return the application that answers for these services, each caller so many times."""
    app = Interface(
        title="mdms",
        summary="Open AMI head-end and meter data management",
        docs_url="/v1/docs",
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.services, app.state.tokens = services, services.tokens
    errors.install(app)
    for module in _MODULES:
        app.include_router(module.router, responses=PROBLEMS)

    async def roles_of(secret: str) -> AbstractSet[Role] | None:
        if (token := await services.tokens.find(secret)) is not None:
            return token.roles
        return None if await services.grants.find(secret) is None else frozenset()

    async def is_known(secret: str) -> bool:
        return await roles_of(secret) is not None

    app.add_middleware(IdempotencyKeys, answers=services.answers, is_known=is_known)
    app.add_middleware(EntityTags)
    app.add_middleware(Compression)
    app.add_middleware(Urls)
    app.add_middleware(Bodies, roles_of=roles_of)
    if limit is not None:
        app.add_middleware(RateLimits, limit=limit)

    @app.middleware("http")
    async def measure(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        response = await answer(request)
        metrics.API_SECONDS.observe(time.perf_counter() - started)
        method = request.method if request.method in _METHODS else "other"
        metrics.API_REQUESTS.labels(method, f"{response.status_code // 100}xx").inc()
        return response

    return app
