"""Edits and exceptions by REST: who may ask, who may agree, what comes back."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from mdms import api
from mdms.domain.people import EDITS, Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import as_, services
from tests.integration.services.editing import METER, a_desk, at

pytestmark = pytest.mark.db

FLAT = {
    "operation": "set", "meter": METER, "from": at(20).isoformat(), "to": at(60).isoformat(),
    "values": [150], "reason": "METER_FAULT", "override_sum": "the meter stood still",
}  # fmt: skip
THEFT = FLAT | {"reason": "THEFT_EST"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    desk = await a_desk(store, off=500)
    backend = replace(services(store), edits=desk.edits, exceptions=desk.exceptions)
    transport = httpx.ASGITransport(api.create(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def test_an_analyst_asks_and_a_supervisor_agrees(http):
    asked = await http.post("/v1/edits", json=THEFT, headers=as_(Role.VEE))
    path = f"/v1/edits/{asked.json()['edit_id']}"
    alone = await http.post(f"{path}/decision", json={"approve": True}, headers=as_(Role.VEE))
    agreed = await http.post(
        f"{path}/decision", json={"approve": True, "text": "seen"}, headers=as_(Role.SUPERVISOR)
    )
    shown = await http.get(path, headers=as_(Role.VIEWER))
    listed = await http.get("/v1/edits?state=approved", headers=as_(Role.AUDITOR))

    assert (asked.status_code, asked.json()["state"]) == (201, "waiting")
    assert (alone.status_code, agreed.status_code) == (409, 200)
    assert shown.json() == agreed.json() == listed.json()["edits"][0]
    assert (shown.json()["decided_by"], shown.json()["decided_role"]) == ("supervisor",) * 2


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.VEE}))
async def test_only_analysts_of_reads_ask(http, role):
    answers = [
        await http.post("/v1/edits", json=FLAT, headers=as_(role)),
        await http.post(
            "/v1/exceptions/1/answer",
            json={"answer": "accept", "reason": "DISPUTE"},
            headers=as_(role),
        ),
        await http.post("/v1/exceptions/1/edit", json=FLAT, headers=as_(role)),
    ]

    assert {answer.status_code for answer in answers} == {403}


@pytest.mark.parametrize("role", sorted(set(Role) - EDITS))
async def test_nobody_else_decides_or_assigns(http, role):
    edit = (await http.post("/v1/edits", json=THEFT, headers=as_(Role.VEE))).json()
    decided = await http.post(
        f"/v1/edits/{edit['edit_id']}/decision", json={"approve": True}, headers=as_(role)
    )
    assigned = await http.post("/v1/exceptions/1/assign", json={"to": "ann"}, headers=as_(role))

    assert (decided.status_code, assigned.status_code) == (403, 403)


async def test_an_exception_is_seen_assigned_and_accepted(http):
    listed = (await http.get("/v1/exceptions?rule=V45", headers=as_(Role.VIEWER))).json()
    path = f"/v1/exceptions/{listed['exceptions'][0]['exception_id']}"
    assigned = await http.post(f"{path}/assign", json={"to": "ann"}, headers=as_(Role.SUPERVISOR))
    shown = await http.get(path, headers=as_(Role.VEE))
    accepted = await http.post(
        f"{path}/answer", json={"answer": "accept", "reason": "DISPUTE"}, headers=as_(Role.VEE)
    )
    again = await http.post(
        f"{path}/answer", json={"answer": "accept", "reason": "DISPUTE"}, headers=as_(Role.VEE)
    )

    assert assigned.json()["assigned_to"] == "ann"
    assert len(shown.json()["day"]["intervals"]) == 96
    assert (accepted.json()["operation"], accepted.json()["state"]) == ("accept", "approved")
    assert again.status_code == 409


async def test_an_exception_is_answered_with_an_edit(http):
    number = (await http.get("/v1/exceptions", headers=as_(Role.VEE))).json()["exceptions"][0]
    body = {
        "operation": "scale", "from": at(0).isoformat(), "to": at(96).isoformat(),
        "reason": "METER_FAULT",
    }  # fmt: skip
    edit = await http.post(
        f"/v1/exceptions/{number['exception_id']}/edit", json=body, headers=as_(Role.VEE)
    )

    assert (edit.status_code, edit.json()["meter"]) == (201, METER)
    assert edit.json()["exception_id"] == number["exception_id"]
    assert edit.json()["residual_after"] == [0]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"reason": "BECAUSE"}, 422),
        ({"operation": "invent"}, 422),
        ({"from": "2026-11-03T08:00"}, 422),
        ({"meter": "E999"}, 404),
        ({"override_sum": ""}, 409),
        ({"reading_type": "9.9"}, 404),
    ],
)
async def test_a_mistake_is_told(http, change, status):
    answer = await http.post("/v1/edits", json=FLAT | change, headers=as_(Role.VEE))

    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


async def test_every_reason_is_told_with_its_meaning(http):
    reasons = (await http.get("/v1/edits/reasons", headers=as_(Role.VEE))).json()["reasons"]

    assert {"reason": "GAP_TEMP", "meaning": reasons[9]["meaning"]} in reasons
    assert all(each["meaning"] for each in reasons)
