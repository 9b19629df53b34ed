"""Tokens and the audit, by REST: made once, good for what they were made for, revoked at once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.tokens import TokenService
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_routes import NOW, services, token

pytestmark = pytest.mark.db

ADMIN = {"Authorization": "Bearer admin"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def http(store: UnitOfWorkFactory, clock: FakeClock) -> AsyncIterator[httpx.AsyncClient]:
    settled = [token(role) for role in Role]
    backend = replace(services(store), tokens=TokenService(store, clock, settled))
    transport = httpx.ASGITransport(api.create(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


def bearer(made: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {made.json()['token']}"}


async def test_a_token_opens_what_it_was_made_for_and_is_kept_nowhere(http, store):
    asked = {"name": "kiosk", "roles": ["billing"], "nouns": ["status"]}

    made = await http.post("/v1/tokens", json=asked, headers=ADMIN)
    listed = await http.get("/v1/tokens", headers=ADMIN)

    assert made.status_code == 201
    assert (await http.get("/v1/status", headers=bearer(made))).status_code == 200
    refused = await http.get("/v1/billing/windows", headers=bearer(made))
    assert refused.status_code == 403
    assert "made for status, not billing" in refused.json()["detail"]
    assert made.json()["token"] not in listed.text
    assert listed.json()["tokens"][-1]["created_by"] == "admin"


async def test_a_token_is_nobodys_after_its_time(http, clock):
    made = await http.post(
        "/v1/tokens", json={"name": "temp", "roles": ["viewer"], "days": 1}, headers=ADMIN
    )
    clock.advance(timedelta(hours=23))
    assert (await http.get("/v1/status", headers=bearer(made))).status_code == 200

    clock.advance(timedelta(hours=1))

    assert (await http.get("/v1/status", headers=bearer(made))).status_code == 401


async def test_a_revoked_token_is_nobodys_at_once_and_its_name_is_free(http):
    body = {"name": "bob", "roles": ["csr"]}
    made = await http.post("/v1/tokens", json=body, headers=ADMIN)
    again = await http.post("/v1/tokens", json=body, headers=ADMIN)
    assert again.status_code == 422

    gone = await http.delete("/v1/tokens/bob", headers=ADMIN)

    assert gone.status_code == 200
    assert (await http.get("/v1/status", headers=bearer(made))).status_code == 401
    assert (await http.delete("/v1/tokens/bob", headers=ADMIN)).status_code == 404
    assert (await http.post("/v1/tokens", json=body, headers=ADMIN)).status_code == 201


@pytest.mark.parametrize(
    "roles",
    [
        ["csr", "supervisor"],
        ["admin", "csr"],
        ["safety", "supervisor"],
        ["auditor", "vee"],
        ["billing", "csr"],
        ["billing", "supervisor"],
    ],
)
async def test_nobody_has_roles_that_must_not_meet(http, roles):
    made = await http.post("/v1/tokens", json={"name": "x", "roles": roles}, headers=ADMIN)

    assert made.status_code == 422


async def test_a_token_of_the_settings_ends_there(http):
    gone = await http.delete("/v1/tokens/admin", headers=ADMIN)

    assert gone.status_code == 422
    assert "settings" in gone.json()["detail"]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
async def test_only_an_administrator_makes_tokens(http, role):
    headers = {"Authorization": f"Bearer {role}"}

    made = await http.post("/v1/tokens", json={"name": "x", "roles": ["admin"]}, headers=headers)

    assert made.status_code == 403


async def test_an_auditor_reads_who_made_and_revoked_a_token(http):
    await http.post("/v1/tokens", json={"name": "bob", "roles": ["csr"]}, headers=ADMIN)
    await http.delete("/v1/tokens/bob", headers=ADMIN)

    found = await http.get(
        "/v1/audit", params={"subject": "bob"}, headers={"Authorization": "Bearer auditor"}
    )

    assert [(each["kind"], each["actor"]) for each in found.json()["records"]] == [
        ("token.revoked", "admin"),
        ("token.created", "admin"),
    ]
