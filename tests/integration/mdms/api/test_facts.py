"""Facts of the customer system, by REST and as files."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mdms import api
from mdms.domain.facts import Subject
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.facts import Affected, FactService
from tests.controls import a_registry
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_routes import NOW, ZONE, services

pytestmark = pytest.mark.db

BILLING = {"Authorization": "Bearer billing"}
PAID: dict[str, Any] = {
    "subject": "account",
    "subject_id": "A1",
    "fact": "past_due",
    "value": "0",
    "effective_at": "2026-12-01T09:00:00-08:00",
    "evidence": "payment 4711",
}


class Told:
    def __init__(self) -> None:
        self.affected: list[Affected] = []

    async def __call__(self, affected: Affected) -> None:
        self.affected.append(affected)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def http(store: UnitOfWorkFactory, told: Told) -> AsyncIterator[httpx.AsyncClient]:
    async with store() as work:
        await work.registry.merge(a_registry())
    facts = FactService(store, FakeClock(NOW), ZONE, told)
    transport = httpx.ASGITransport(api.create(replace(services(store), facts=facts)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def state(http: httpx.AsyncClient, *facts: dict[str, Any]) -> httpx.Response:
    return await http.post("/v1/facts", json={"facts": facts}, headers=BILLING)


async def test_a_statement_is_kept_with_both_times_and_told_of(http, told):
    stated = await state(http, PAID)
    history = await http.get("/v1/facts?subject_id=A1", headers=BILLING)

    assert (stated.status_code, stated.json()) == (201, {"new": 1})
    assert told.affected == [{(Subject.ACCOUNT, "A1")}]
    [fact] = history.json()["facts"]
    assert fact["known_at"] == NOW.isoformat()
    assert fact["effective_at"] == "2026-12-01T17:00:00+00:00"


async def test_the_very_same_statement_changes_nothing(http, told):
    fact = PAID | {"known_at": "2026-12-01T18:00:00Z"}
    await state(http, fact)

    again = await state(http, fact)

    assert again.json() == {"new": 0}
    assert len(told.affected) == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"fact": "mood"}, "facts[1].fact: 'mood' is no fact that a rule reads"),
        ({"value": "much"}, "facts[1].value: past_due must be dollars like 412.50"),
        ({"subject": "premise", "subject_id": "P1"}, "past_due is a fact of the account"),
        ({"subject_id": "A9"}, "facts[1].subject_id: the registry has no account 'A9'"),
        ({"known_at": (NOW + timedelta(hours=1)).isoformat()}, "lies ahead"),
        ({"effective_at": "2026-12-01T09:00:00"}, "timezone"),
    ],
)
async def test_one_wrong_statement_refuses_all(http, told, wrong, sentence):
    stated = await state(http, PAID, PAID | wrong)

    assert stated.status_code == 422
    assert sentence in stated.json()["detail"]
    assert (await http.get("/v1/facts?subject_id=A1", headers=BILLING)).json() == {"facts": []}
    assert told.affected == []


async def test_a_file_is_taken_whole_or_every_bad_row_is_listed(http):
    header = "subject,subject_id,fact,value,effective_at,known_at,evidence\n"
    good = "account,A1,past_due,412.50,2026-11-10T08:00:00Z,2026-11-10T08:00:00Z,\n"
    bad = "account,A1,dispute,perhaps,2026-11-10T08:00:00Z,,\nmeter,E1,past_due,soon,now,,\n"

    refused = await http.post(
        "/v1/facts/imports", json={"name": "f.csv", "text": header + good + bad}, headers=BILLING
    )
    taken = await http.post(
        "/v1/facts/imports", json={"name": "f.csv", "text": header + good}, headers=BILLING
    )
    again = await http.post(
        "/v1/facts/imports", json={"name": "f.csv", "text": header + good}, headers=BILLING
    )

    assert refused.status_code == 409
    assert "f.csv:3 value: dispute must be one of" in refused.json()["detail"]
    assert "f.csv:4 effective_at" in refused.json()["detail"]
    assert (taken.json(), again.json()) == ({"new": 1}, {"new": 0})


async def test_what_bears_on_a_moment_is_what_held_last_and_what_was_heard_last(http, store):
    async def past_due(value: str, effective: str, known: str) -> None:
        await state(http, PAID | {"value": value, "effective_at": effective, "known_at": known})

    await past_due("10", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z")
    await past_due("20", "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z")
    await past_due("0", "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z")
    await past_due("30", "2026-11-10T00:00:00Z", "2026-11-25T00:00:00Z")  # late news
    await past_due("99", "2026-12-30T00:00:00Z", "2026-11-26T00:00:00Z")  # of what is to come

    async with store() as work:
        found = await work.facts.bearing([(Subject.ACCOUNT, "A1")], NOW)

    assert [fact.value for fact in found] == ["30", "0"]


@pytest.mark.parametrize("role", ["csr", "supervisor", "admin", "viewer"])
async def test_people_who_act_on_facts_do_not_state_them(http, role):
    stated = await http.post(
        "/v1/facts", json={"facts": [PAID]}, headers={"Authorization": f"Bearer {role}"}
    )

    assert stated.status_code == 403
