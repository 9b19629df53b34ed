"""Bodies: whose are read, and how much of them."""

from collections.abc import AsyncIterator, Iterator
from collections.abc import Set as AbstractSet

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from mdms.api import errors
from mdms.api.bodies import BYTES_MAX, Bodies, bytes_max
from mdms.api.text import Body
from mdms.domain.errors import UnavailableError
from mdms.domain.people import Role


class Text(Body):
    text: str


class Line:
    """Between caller and application: counts what is taken from the wire."""

    def __init__(self) -> None:
        self.bytes = 0
        app = FastAPI()
        errors.install(app)

        @app.post("/v1/{noun:path}")
        async def take(noun: str, body: Text) -> dict[str, int]:
            return {noun: len(body.text)}

        self._app = Bodies(app, roles_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> dict[str, object]:
            message = await receive()
            self.bytes += len(message.get("body", b""))
            return dict(message)

        await self._app(scope, counted, send)


async def roles_of(secret: str) -> AbstractSet[Role] | None:
    if secret == "away":
        raise UnavailableError("the database is away")
    return {Role(secret)} if secret in set(Role) else None


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def http(line: Line) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(line), base_url="http://mdms"
    ) as client:
        yield client


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", "Content-Type": "application/json"}


def of(size: int) -> bytes:
    return b'{"text": "' + b"x" * (size - 12) + b'"}'


async def in_parts(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 100_000):
        yield body[at : at + 100_000]


@pytest.mark.parametrize("headers", [{}, by("nobody"), {"Authorization": "Basic csr"}])
async def test_nothing_is_read_of_strangers(http, line, headers):
    answer = await http.post("/v1/controls", content=of(5 * BYTES_MAX), headers=headers)

    assert (answer.status_code, line.bytes) == (401, 0)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_body_that_says_that_it_is_too_large_is_not_read(http, line):
    answer = await http.post("/v1/controls", content=of(BYTES_MAX + 1), headers=by("csr"))
    fits = await http.post("/v1/controls", content=of(BYTES_MAX), headers=by("csr"))

    assert (answer.status_code, fits.status_code) == (413, 200)
    assert answer.json()["detail"].startswith("such a request may have 1,048,576 bytes")
    assert line.bytes == BYTES_MAX


async def test_a_body_that_does_not_say_how_large_it_is_is_read_to_the_limit(http, line):
    body = in_parts(of(5 * BYTES_MAX))
    answer = await http.post("/v1/controls", content=body, headers=by("csr"))

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert BYTES_MAX < line.bytes <= BYTES_MAX + 100_000


async def test_files_may_be_larger_for_who_hands_them_in(http):
    file = of(3 * BYTES_MAX)
    taken = await http.post("/v1/facts/imports", content=file, headers=by("billing"))
    refused = await http.post("/v1/facts/imports", content=file, headers=by("viewer"))

    assert (taken.status_code, refused.status_code) == (200, 413)


async def test_a_database_that_is_away_is_said_to_be(http):
    answer = await http.post("/v1/facts", content=of(20), headers=by("away"))

    assert answer.status_code == 503


async def test_requests_without_a_body_pass(http):
    assert (await http.get("/v1/controls")).status_code == 405


def limits() -> Iterator[tuple[str, Role, int]]:
    yield "/v1/registry/imports", Role.ADMIN, 500_000_000
    yield "/v1/readings/imports", Role.VEE, 4 << 30
    yield "/v1/self-reads/imports", Role.CSR, 100_000_000
    yield "/v1/batches", Role.CSR, 6_000_000
    yield "/v1/billing/windows/2026-11-03/2026-12-03/compare", Role.BILLING, 60_000_000


@pytest.mark.parametrize(("path", "role", "size"), list(limits()))
def test_each_route_of_files_takes_such_files(path, role, size):
    assert bytes_max(path, {role}) >= size
    assert bytes_max(path, {Role.VIEWER}) == BYTES_MAX
