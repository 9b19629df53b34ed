"""The opt-out programme over HTTP: who may do what, and what the answers look like."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.optouts import OptoutService
from mdms.services.self_read_months import SelfReadMonths
from mdms.services.self_reads import SelfReadService
from tests.controls import AT
from tests.fakes import FakeClock
from tests.households import BOOK, Household
from tests.integration.mdms.api.test_routes import services

pytestmark = pytest.mark.db

ASKED = {"who": "A1", "form_on": "2026-11-04"}
SEES = {Role.CSR, Role.SUPERVISOR, Role.BILLING, Role.AUDITOR}


def as_(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}", "Purpose": "case 4711"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    clock = FakeClock(AT)
    await Household(store, clock).settle()
    backend = replace(
        services(store),
        optouts=OptoutService(store, clock, BOOK),
        self_reads=SelfReadService(store, clock, BOOK),
        self_read_months=SelfReadMonths(store, clock, BOOK),
    )
    transport = httpx.ASGITransport(api.create(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def enrolled(http: httpx.AsyncClient) -> str:
    """Opt the home out as a clerk, and return its path."""
    answer = await http.post("/v1/optouts", json=ASKED, headers=as_(Role.CSR))
    return f"/v1/optouts/{answer.json()['optout_id']}"


async def test_an_opt_out_is_filed_once_and_ended_once(http):
    filed = await http.post("/v1/optouts", json=ASKED, headers=as_(Role.CSR))
    again = await http.post("/v1/optouts", json=ASKED, headers=as_(Role.CSR))
    path = f"/v1/optouts/{filed.json()['optout_id']}"
    ended = await http.post(f"{path}/end", headers=as_(Role.CSR))
    twice = await http.post(f"{path}/end", headers=as_(Role.CSR))

    assert (filed.status_code, again.status_code) == (201, 409)
    assert (ended.status_code, twice.status_code) == (200, 409)
    listed = await http.get("/v1/optouts", headers=as_(Role.CSR))
    assert listed.json()["optouts"] == [ended.json()]


async def test_a_refusal_names_every_code_with_clause_and_cure(http):
    body = {"who": "W1", "usage_points": ["UW1"], "requester": "guest"}
    answer = await http.post("/v1/optouts", json=body, headers=as_(Role.CSR))

    assert answer.status_code == 409
    codes = answer.json()["codes"]
    assert [each["code"] for each in codes][:2] == ["OO_NOT_HOLDER", "OO_WATER"]
    assert all(each["clause"] and each["cure"] for each in codes)


@pytest.mark.parametrize("role", Role)
async def test_who_opted_out_is_for_people_with_a_purpose(http, role):
    path = await enrolled(http)
    wanted = 200 if role in SEES else 403

    for each in ("/v1/optouts", "/v1/optouts/tasks", path, "/v1/self-reads/due"):
        assert (await http.get(each, headers=as_(role))).status_code == wanted


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CSR, Role.SUPERVISOR}))
async def test_nobody_else_enrols(http, role):
    answer = await http.post("/v1/optouts", json=ASKED, headers=as_(role))

    assert answer.status_code == 403


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SUPERVISOR}))
async def test_only_a_supervisor_revokes(http, role):
    path = await enrolled(http)

    refused = await http.post(f"{path}/revoke", json={"reason": "x"}, headers=as_(role))
    revoked = await http.post(
        f"{path}/revoke", json={"reason": "case 12"}, headers=as_(Role.SUPERVISOR)
    )

    assert refused.status_code == 403
    assert (revoked.json()["state"], revoked.json()["closed_by"]) == ("revoked", "supervisor")


async def test_billing_pulls_what_is_due(http):
    await enrolled(http)
    answer = await http.get(
        "/v1/billing/events?from=2026-11-01&to=2026-11-30", headers=as_(Role.BILLING)
    )
    viewer = await http.get(
        "/v1/billing/events?from=2026-11-01&to=2026-11-30", headers=as_(Role.VIEWER)
    )

    assert viewer.status_code == 403
    assert [
        (each["kind"], each["for"], each["amount_usd"]) for each in answer.json()["events"]
    ] == [
        ("optout_set_up", "P1", "100.00"),
        ("optout_monthly", "A1", "25.00"),
    ]


async def test_a_form_that_comes_later_puts_a_request_in_force(http):
    asked = await http.post("/v1/optouts", json={"who": "A1"}, headers=as_(Role.CSR))
    path = f"/v1/optouts/{asked.json()['optout_id']}"
    formed = await http.post(
        f"{path}/form", json={"received_on": "2026-11-04"}, headers=as_(Role.CSR)
    )

    assert (asked.json()["state"], formed.json()["state"]) == ("pending", "in_force")


async def test_a_self_read_is_taken_judged_and_accepted_by_a_supervisor(http):
    await enrolled(http)
    body = {"meter": "E1", "register": "120", "evidence": "photo"}
    sent = await http.post("/v1/self-reads", json=body, headers=as_(Role.CSR))
    path = f"/v1/self-reads/{sent.json()['self_read_id']}/accept"
    by_clerk = await http.post(path, json={}, headers=as_(Role.CSR))
    accepted = await http.post(path, json={"reason": "visited"}, headers=as_(Role.SUPERVISOR))
    listed = await http.get(
        "/v1/self-reads", params={"from": "2026-11-04T00:00:00Z"}, headers=as_(Role.AUDITOR)
    )

    assert (sent.status_code, sent.json()["accepted"], sent.json()["codes"]) == (
        201,
        False,
        ["CROM_CHECK"],
    )
    assert (by_clerk.status_code, accepted.json()["accepted"]) == (403, True)
    assert listed.json()["self_reads"] == [accepted.json()]
