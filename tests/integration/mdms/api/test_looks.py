"""Who sees how a switch stands and what a decision rests on, for what purpose, and what is kept."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from commands.requests import ControlRequests
from mdms import api
from mdms.domain.people import READS_FACTS, STAFF, Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.tokens import TokenService
from tests.controls import AT, a_registry
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_controls import DISCONNECT
from tests.integration.mdms.api.test_routes import services, token
from tests.lawful import a_judge, move_out
from tests.signing import an_edition

pytestmark = pytest.mark.db

CASE = {"Purpose": "case 4711"}
DAY = {"from": "2026-11-04", "to": "2026-11-04"}
STATUS_OF_ALL = ("/v1/controls", "/v1/controls/files/controls.parquet", "/v1/meters", "/v1/events")
OF_CLERKS = ("/v1/optouts", "/v1/optouts/tasks", "/v1/self-reads", "/v1/self-reads/due")
MIXED = (
    (Role.CSR, Role.VIEWER), (Role.CSR, Role.NETWORK), (Role.CSR, Role.SAFETY),
    (Role.SUPERVISOR, Role.VEE),
)  # fmt: skip
"""People who serve customers and have other work besides."""


def by(*roles: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {'+'.join(roles)}"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with store() as work:
        await work.registry.merge(a_registry())
    await move_out(store, AT)
    clock = FakeClock(AT)
    tokens = [token(*roles) for roles in (*((role,) for role in Role), *MIXED)]
    backend = replace(
        services(store),
        requests=ControlRequests(store, clock, a_judge(an_edition(approvals=1))),
        tokens=TokenService(store, clock, tokens),
    )
    transport = httpx.ASGITransport(api.create(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def command(http: httpx.AsyncClient) -> str:
    asked = await http.post("/v1/controls", json=DISCONNECT, headers=by(Role.CSR))
    return str(asked.json()["control_id"])


async def test_what_was_stated_of_a_customer_is_for_who_reads_facts(http):
    control_id = await command(http)
    question = {"action": "disconnect", "meter": "E1", "cause": "NONPAY"}
    for role in STAFF:
        headers, reads = by(role) | CASE, role in READS_FACTS
        shown = await http.get(f"/v1/controls/{control_id}", headers=headers)
        told = await http.get(f"/v1/policy/decisions/{control_id}", headers=headers)
        check = await http.post("/v1/policy/checks", json=question, headers=headers)
        facts = await http.get("/v1/facts?subject_id=A1", headers=headers)

        (judged,), (reprinted,) = shown.json()["judgements"], told.json()["judgements"]
        assert [bool(judged[part]) for part in ("facts", "known")] == [reads, reads], role
        assert judged == reprinted
        assert judged["verdict"] == "PENDING"
        assert (check.status_code, facts.status_code) == ((200, 200) if reads else (403, 403))


async def test_how_switches_and_radios_stand_is_shown_for_a_purpose(http):
    for path in STATUS_OF_ALL:
        days = DAY if path == "/v1/events" else {}
        without = await http.get(path, params=days, headers=by(Role.CSR))
        viewer = await http.get(path, params=days, headers=by(Role.VIEWER))

        assert (without.status_code, viewer.status_code) == (403, 200), path
        assert without.json()["codes"][0]["code"] == "PV_PURPOSE"

    looks = (await http.get("/v1/looks", headers=by(Role.AUDITOR))).json()["looks"]
    # One of everybody's status a role and day: the lists differ in nothing that a look says.
    assert {(each["role"], each["data"], each["code"]) for each in looks} == {
        ("analyst", "status", "PV_STAFF"),
        ("csr", "status", "PV_PURPOSE"),
    }


async def test_who_opted_out_is_shown_to_clerks_for_a_purpose(http):
    for path in OF_CLERKS:
        since = {"from": "2026-11-01"} if path == "/v1/self-reads" else {}
        without = await http.get(path, params=since, headers=by(Role.CSR))
        with_case = await http.get(path, params=since, headers=by(Role.CSR) | CASE)

        assert (without.status_code, with_case.status_code) == (403, 200), path


async def test_who_asked_for_a_command_has_it_for_a_case_and_nobody_else(http):
    control_id = await command(http)
    own = await http.get(f"/v1/controls/{control_id}", headers=by(Role.CSR))
    other = await http.get(f"/v1/controls/{control_id}", headers=by(Role.SUPERVISOR))
    (refused, look) = (await http.get("/v1/looks", headers=by(Role.AUDITOR))).json()["looks"]

    assert (own.status_code, other.status_code) == (200, 403)
    assert (look["data"], look["place"], look["purpose"]) == ("bill", "E1", f"command {control_id}")
    assert (refused["by"], refused["code"]) == ("supervisor", "PV_PURPOSE")


async def test_the_same_look_again_within_a_minute_is_kept_once(http):
    for _ in range(3):
        await http.get("/v1/controls", headers=by(Role.VIEWER))
    await http.get("/v1/controls?meter=E1", headers=by(Role.VIEWER))
    looks = (await http.get("/v1/looks", headers=by(Role.AUDITOR))).json()["looks"]

    assert [each["place"] for each in looks] == ["E1", ""]


async def test_who_serves_customers_names_a_case_whatever_else_they_do(http):
    where = {"meter": "E1"} | DAY
    for roles in MIXED:
        without = await http.get("/v1/readings", params=where, headers=by(*roles))
        with_case = await http.get("/v1/readings", params=where, headers=by(*roles) | CASE)

        assert (without.status_code, with_case.status_code) == (403, 200), roles
        assert without.json()["codes"][0]["code"] == "PV_PURPOSE"
