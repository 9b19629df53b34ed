"""The pilot of remote switching, by REST."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.controls import a_registry
from tests.integration.mdms.api.test_routes import as_, services

pytestmark = pytest.mark.db

SUPERVISOR = as_(Role.SUPERVISOR)


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with store() as work:
        await work.registry.merge(a_registry())
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def test_a_supervisor_takes_a_meter_out_and_lets_it_join_again(http):
    word = {"meter": "E1", "reason": "sold"}

    left = await http.post("/v1/pilot/leave", json=word, headers=SUPERVISOR)
    empty = await http.get("/v1/pilot", headers=as_(Role.CSR))
    joined = await http.post("/v1/pilot/enrol", json={"meter": "UE1"}, headers=SUPERVISOR)

    assert (left.status_code, left.json()["in_pilot"]) == (200, False)
    assert empty.json() == {"meters": []}
    assert (joined.status_code, joined.json()["by"]) == (201, "supervisor")


async def test_a_refusal_names_code_clause_and_cure(http):
    refused = await http.post("/v1/pilot/enrol", json={"meter": "E2"}, headers=SUPERVISOR)

    assert refused.status_code == 409
    [code] = refused.json()["codes"]
    assert (code["code"], code["clause"]) == ("RD_NO_SWITCH", "RD-I")
    assert "exchange the meter" in code["cure"]


@pytest.mark.parametrize("role", [Role.CSR, Role.SAFETY, Role.ADMIN, Role.NETWORK])
async def test_who_asks_for_opens_does_not_choose_where_they_are_possible(http, role):
    tried = await http.post("/v1/pilot/enrol", json={"meter": "E1"}, headers=as_(role))

    assert tried.status_code == 403
