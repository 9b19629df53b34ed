"""Parameters of an address that a route does not have."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query

from mdms.api import errors
from mdms.api.pages import Page, Pages
from mdms.api.queries import refuse_unknown

router = APIRouter(prefix="/v1/things", dependencies=[Depends(refuse_unknown)])


@router.get("/{thing_id}")
async def things(
    thing_id: UUID,
    from_: Annotated[str, Query(alias="from")],
    page: Annotated[Page, Depends(Pages("things", {"thing_id": UUID}))],
    meter: str | None = None,
) -> dict[str, object]:
    return page.answer([{"thing_id": thing_id, "from": from_, "meter": meter}])


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    errors.install(app)
    app.include_router(router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://mdms"
    ) as client:
        yield client


PATH = f"/v1/things/{UUID(int=7)}"


@pytest.mark.parametrize("query", ["from=a", "from=a&meter=E1", "from=a&limit=1"])
async def test_what_a_route_or_its_pages_ask_for_is_known(http, query):
    assert (await http.get(f"{PATH}?{query}")).status_code == 200


@pytest.mark.parametrize("name", ["form", "Meter", "from_", "thing_id"])
async def test_anything_else_is_named(http, name):
    answer = await http.get(f"{PATH}?from=a&{name}=1")

    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        f"there is no parameter {name!r} here; there are: after, from, limit, meter"
    )
