"""Entity tags, compression and rates, on an application of three routes."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from mdms.api.rates import RateLimit, RateLimits
from mdms.api.transfer import Compression, EntityTags
from tests.fakes import FakeClock

TEXT = b"0123456789" * 1_000
DIGEST = f"sha-256=:{b64encode(hashlib.sha256(TEXT).digest()).decode()}:"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
async def http(clock):
    app = FastAPI()

    @app.get("/v1/number")
    async def number() -> dict[str, int]:
        return {"number": 7}

    @app.get("/v1/file.csv")
    @app.get("/v1/file.parquet")
    async def file() -> StreamingResponse:
        parts = (TEXT[at : at + 1_000] for at in range(0, len(TEXT), 1_000))
        return StreamingResponse(parts, headers={"Repr-Digest": DIGEST}, media_type="text/csv")

    @app.post("/v1/number")
    async def change() -> Response:
        return Response("changed")

    app.add_middleware(EntityTags)
    app.add_middleware(Compression)
    app.add_middleware(RateLimits, limit=RateLimit(clock, per_minute=6))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


@pytest.mark.parametrize("path", ["/v1/number", "/v1/file.csv", "/v1/file.parquet"])
async def test_what_a_caller_has_is_not_sent_again(http, path):
    first = await http.get(path)

    again = await http.get(path, headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})
    other = await http.get(path, headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (other.status_code, other.content) == (200, first.content)


async def test_only_what_is_read_has_a_tag(http):
    assert "ETag" not in (await http.post("/v1/number")).headers
    assert "ETag" not in (await http.get("/v1/nothing")).headers


async def test_text_travels_compressed_under_the_digest_of_its_content(http):
    text = await http.get("/v1/file.csv")
    plain = await http.get("/v1/file.csv", headers={"Accept-Encoding": "identity"})
    columns = await http.get("/v1/file.parquet")

    assert text.headers["Content-Encoding"] == "gzip"
    assert text.content == plain.content == TEXT
    assert text.headers["Unencoded-Digest"] == plain.headers["Repr-Digest"] == DIGEST
    assert "Content-Encoding" not in columns.headers
    assert text.headers["ETag"] == plain.headers["ETag"]


async def test_who_asks_too_often_is_told_when_to_come_again(http, clock):
    one, other = ({"Authorization": f"Bearer {name}"} for name in ("one", "other"))
    early = [(await http.get("/v1/number", headers=one)).status_code for _ in range(6)]

    seventh = await http.get("/v1/number", headers=one)
    others = await http.get("/v1/number", headers=other)
    clock.advance(timedelta(seconds=int(seventh.headers["Retry-After"])))
    later = await http.get("/v1/number", headers=one)

    assert early == [200] * 6
    assert (seventh.status_code, seventh.headers["Retry-After"]) == (429, "10")
    assert seventh.headers["content-type"] == "application/problem+json"
    assert (others.status_code, later.status_code) == (200, 200)
