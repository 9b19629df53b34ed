"""Outages, transformers and signs of tampering by REST: who may look, and what is answered."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import as_, services
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

DAYS = {"from": "2026-11-10", "to": "2026-11-11"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A small town about which nothing was heard."""
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def test_operators_see_a_quiet_grid(http):
    outages = await http.get("/v1/outages", params=DAYS, headers=as_(Role.NETWORK))
    load = await http.get("/v1/transformers/load", params=DAYS, headers=as_(Role.NETWORK))
    voltage = await http.get("/v1/transformers/voltage", params=DAYS, headers=as_(Role.VEE))
    theft = await http.get("/v1/theft", params=DAYS, headers=as_(Role.SUPERVISOR))

    assert outages.json()["outages"] == []
    assert (outages.json()["indices"]["customers"], outages.json()["indices"]["saifi"]) == (1, 0)
    (row,) = load.json()["transformers"]
    assert (row["transformer"], row["hours"], row["peak_percent"]) == ("T1", 0, 0)
    assert voltage.json() == {"transformers": []}
    assert theft.json()["suspicions"] == []


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/v1/outages", Role.VIEWER),
        ("/v1/transformers/load", Role.VIEWER),
        ("/v1/transformers/voltage", Role.BILLING),
        ("/v1/theft", Role.CSR),
    ],
)
async def test_whoever_has_no_business_there_is_refused(http, path, role):
    answer = await http.get(path, params=DAYS, headers=as_(role))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"from": "2026-11-11", "to": "2026-11-10"}, 422),
        ({"from": "soon", "to": "2026-11-10"}, 422),
        ({**DAYS, "transformer": "T9"}, 404),
    ],
)
async def test_a_mistake_is_said(http, params, status):
    answer = await http.get("/v1/transformers/load", params=params, headers=as_(Role.VEE))

    assert answer.status_code == status
