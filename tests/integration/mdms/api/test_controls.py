"""Commands and opt-outs by REST: who may, what a refusal says, what is kept."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from commands.approvals import ControlApprovals
from commands.batches import ControlBatches
from commands.checks import PolicyChecks
from commands.flood import Flood
from commands.reactions import Reactions
from commands.requests import ControlRequests
from commands.undoing import BatchUndo
from mdms import api
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.facts import FactService
from tests.controls import AT, a_registry
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_routes import ZONE, services
from tests.lawful import a_judge, move_out
from tests.signing import an_edition

pytestmark = pytest.mark.db

DISCONNECT = {"action": "disconnect", "meter": "E1", "cause": "MOVE_OUT"}


def as_(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}", "Purpose": "case 4711"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with store() as work:
        await work.registry.merge(a_registry())
    await move_out(store, AT)
    clock, judge = FakeClock(AT), a_judge(an_edition(approvals=1))
    requests = ControlRequests(store, clock, judge)
    reactions = Reactions(store, clock, judge, requests, auto_reconnect=True)
    backend = replace(
        services(store),
        requests=requests,
        approvals=ControlApprovals(store, clock, judge),
        checks=PolicyChecks(store, clock, judge),
        batches=ControlBatches(store, clock, requests, Flood(judge)),
        batch_undo=BatchUndo(store, clock, requests),
        facts=FactService(store, clock, ZONE, reactions.on_facts),
    )
    app = api.create(backend)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def test_a_clerk_asks_and_everybody_may_look(http):
    asked = await http.post("/v1/controls", json=DISCONNECT, headers=as_(Role.CSR))
    listed = await http.get("/v1/controls?meter=E1", headers=as_(Role.VIEWER))
    shown = await http.get(f"/v1/controls/{asked.json()['control_id']}", headers=as_(Role.VIEWER))

    assert asked.status_code == 201
    assert (asked.json()["state"], asked.json()["requested_by"]) == ("POLICY_OK", "csr")
    assert listed.json()["controls"] == [asked.json()]
    assert [step["event"] for step in shown.json()["steps"]] == ["pending"]
    assert [each["code"] for each in shown.json()["codes"]] == ["RD_DUAL"]
    (judged,) = shown.json()["judgements"]
    assert (judged["verdict"], judged["facts"]) == ("PENDING", {})
    assert len(judged["rules"]["sha256"]) == 64


async def asked_for(http: httpx.AsyncClient) -> str:
    """Ask for a disconnect as a clerk, and return its path."""
    asked = await http.post("/v1/controls", json=DISCONNECT, headers=as_(Role.CSR))
    return f"/v1/controls/{asked.json()['control_id']}"


async def test_another_person_approves_once_and_a_third_does_no_harm(http):
    path = await asked_for(http)
    approved = await http.post(f"{path}/approve", json={}, headers=as_(Role.SUPERVISOR))
    again = await http.post(f"{path}/approve", json={}, headers=as_(Role.SUPERVISOR))
    shown = (await http.get(path, headers=as_(Role.VIEWER))).json()

    assert (approved.json()["state"], approved.json()["codes"]) == ("APPROVED_1", [])
    assert again.json() == approved.json()
    assert [each["name"] for each in shown["approvals"]] == ["supervisor"]
    assert [step["event"] for step in shown["steps"]] == ["pending", "approved", "allowed"]
    assert shown["not_after"] == "2026-11-05T00:30:00+00:00"


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SUPERVISOR, Role.SAFETY}))
async def test_nobody_else_approves(http, role):
    path = await asked_for(http)

    assert (await http.post(f"{path}/approve", json={}, headers=as_(role))).status_code == 403


async def test_a_safety_officer_approves_hazards_only(http):
    path = await asked_for(http)
    refused = await http.post(f"{path}/approve", json={}, headers=as_(Role.SAFETY))

    assert refused.status_code == 409
    assert [each["code"] for each in refused.json()["codes"]] == ["RD_DUAL"]
    assert (await http.get(path, headers=as_(Role.VIEWER))).json()["state"] == "POLICY_OK"


async def test_a_statement_voids_what_waits_before_it_is_answered(http):
    path = await asked_for(http)
    stays = {
        "subject": "account", "subject_id": "A1", "fact": "service_continues_until",
        "value": "2026-12-31", "effective_at": AT.isoformat(),
    }  # fmt: skip
    stated = await http.post("/v1/facts", json={"facts": [stays]}, headers=as_(Role.BILLING))
    ended = (await http.get(path, headers=as_(Role.VIEWER))).json()

    assert stated.status_code == 201
    assert (ended["state"], ended["result"]) == ("CANCELLED", "POLICY_CHANGED")
    assert "MO_CONTINUE" in [each["code"] for each in ended["codes"]]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CSR, Role.SAFETY}))
async def test_nobody_else_may_command_an_administrator_neither(http, role):
    answer = await http.post("/v1/controls", json=DISCONNECT, headers=as_(role))

    assert answer.status_code == 403


async def test_a_refusal_names_every_code_with_clause_and_cure(http):
    answer = await http.post(
        "/v1/controls", json=DISCONNECT | {"meter": "UW1"}, headers=as_(Role.CSR)
    )

    problem = answer.json()
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert [each["code"] for each in problem["codes"]] == [
        "RD_NOT_ELECTRIC", "RD_NO_SWITCH", "RD_NOT_PILOT", "RD_DUAL",
    ]  # fmt: skip
    assert all(each["clause"] and each["cure"] for each in problem["codes"])
    kept = await http.get(f"/v1/controls/{problem['control_id']}", headers=as_(Role.CSR))
    assert kept.json()["state"] == "POLICY_DENIED"


async def test_a_waiting_command_is_cancelled_once(http):
    asked = (await http.post("/v1/controls", json=DISCONNECT, headers=as_(Role.CSR))).json()
    path = f"/v1/controls/{asked['control_id']}/cancel"
    first = await http.post(path, json={"reason": "paid"}, headers=as_(Role.SUPERVISOR))
    second = await http.post(path, json={}, headers=as_(Role.SUPERVISOR))

    assert first.json()["state"] == "CANCELLED"
    assert second.status_code == 409
    assert "CANCELLED cannot be cancelled" in second.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (DISCONNECT | {"meter": "E9"}, 404),
        (DISCONNECT | {"action": "explode"}, 422),
        (DISCONNECT | {"not_before": "2026-11-04T10:00"}, 422),
        (DISCONNECT | {"surprise": 1}, 422),
    ],
)
async def test_a_mistaken_request_is_answered_as_what_it_is(http, body, status):
    answer = await http.post("/v1/controls", json=body, headers=as_(Role.CSR))

    assert answer.status_code == status
