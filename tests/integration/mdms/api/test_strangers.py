"""Nobody reads another customer's data by any route, and personal data stays where it is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
import structlog
from psycopg import sql

from mdms.domain.customers import Holder
from mdms.domain.people import Role
from mdms.domain.registry import Contact
from mdms.policy.access_facts import Data
from mdms.services.registry_csv import write_directory
from tests.integration.mdms.api.test_own_data import NEXT_DAY, TOWN, USAGE, http, issue, of
from tests.integration.mdms.api.test_routes import as_

__all__ = ["http"]

pytestmark = pytest.mark.db

NOT_ABOUT_CUSTOMERS = {"/healthz", "/readyz", "/metrics"}
OWN = "/v1/own/"
THEIRS = {
    "account_id": "A2", "usage_point_id": "U1", "meter": "E100", "badge": "E100",
    "start": "2026-11-10", "end": "2026-12-10", "name": "readings.csv", "number": "1",
    "leak_id": "W200-1", "kind": "usage",
}  # fmt: skip
"""A stranger's, for a token of A1."""

CANARY = Contact(
    "A1", "Quillfeather Brambleby", "quill@canary.example", "650-555-0187", "7 Canary Ct"
)
ROOT = Path(__file__).parents[4]


async def routes(http: httpx.AsyncClient) -> list[tuple[str, str]]:
    spec = (await http.get("/v1/openapi.json")).json()
    found = [(method, path) for path, methods in spec["paths"].items() for method in methods]
    assert len(found) > 80
    return [(method, path) for method, path in found if path not in NOT_ABOUT_CUSTOMERS]


async def ask(
    http: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> httpx.Response:
    for name, value in THEIRS.items():
        path = path.replace(f"{{{name}}}", value)
    path = path.replace("{", "").replace("}", "")
    wanted = THEIRS | NEXT_DAY | {"at": "2026-11-10T20:00Z", "since": "2026-11-01T00:00Z"}
    body = {"threshold": "5"} if path.startswith(OWN) and method == "put" else None
    return await http.request(method, path, params=wanted, headers=headers, json=body)


@pytest.mark.parametrize("holder", Holder)
async def test_a_grant_opens_no_route_to_a_strangers_data(http, holder):
    consent = {"data": list(Data), "evidence": "consent 17"}
    token = await issue(http, holder, **consent)

    for method, path in await routes(http):
        answer = await ask(http, method, path, token)

        if path == OWN + "services":
            assert {each["account_id"] for each in answer.json()["services"]} == {"A1"}
        elif path.startswith(OWN):
            assert answer.status_code == 403, f"{method} {path}"
            assert answer.json()["codes"][0]["code"] in {"PV_SCOPE", "PV_CONSENT", "PV_ROLE"}
        else:
            assert answer.status_code == 401, f"{method} {path}"


async def test_a_portal_sees_no_data_of_customers_itself(http):
    for method, path in await routes(http):
        answer = await ask(http, method, path, as_(Role.PORTAL))

        if not path.startswith("/v1/grants"):
            assert answer.status_code in {401, 403}, f"{method} {path}"


@pytest.mark.parametrize("role", Role)
async def test_no_role_of_staff_opens_what_is_customers_own(http, role):
    for method, path in await routes(http):
        if path.startswith(OWN):
            answer = await ask(http, method, path, as_(role))
            assert answer.status_code == 401, f"{method} {path}"


async def test_personal_data_stays_out_of_logs_metrics_and_dashboards(http, database):
    town = replace(TOWN, contacts=(CANARY,))
    with structlog.testing.capture_logs() as logs:
        files = write_directory(town)
        await http.post("/v1/registry/imports", json={"files": files}, headers=as_(Role.ADMIN))
        exported = await http.get("/v1/registry", headers=as_(Role.ADMIN))
        bad = files | {"contacts.csv": files["contacts.csv"].replace("A1,", "A99,")}
        await http.post("/v1/registry/imports", json={"files": bad}, headers=as_(Role.ADMIN))
        owner = await issue(http)
        for headers in (owner, as_(Role.CSR)):
            await http.get(of("A1"), params=USAGE, headers=headers)
        await http.get("/v1/readings", params={"meter": "E100"} | USAGE, headers=as_(Role.CSR))
        days = {"from": "2026-11-09", "to": "2026-11-09"}
        await http.post("/v1/vee/runs", json=days, headers=as_(Role.VEE))
        metrics = (await http.get("/metrics")).text
    dashboards = [path.read_text() for path in (ROOT / "config" / "grafana").rglob("*.json")]

    assert CANARY.name in exported.json()["files"]["contacts.csv"]
    told = "\n".join([json.dumps(logs, default=str), metrics, *dashboards, *_open_tables(database)])
    for secret in (CANARY.name, CANARY.email, CANARY.phone, CANARY.address):
        assert secret not in told
    assert "personal." not in "\n".join(dashboards)


def _open_tables(dsn: str) -> Iterator[str]:
    """Yield the rows of everything but the schema of personal data; dashboards may not enter it."""
    tables = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('personal', 'pg_catalog', 'information_schema')
    UNION ALL SELECT schemaname, viewname FROM pg_views WHERE schemaname = 'report'
    """
    with psycopg.connect(dsn) as connection:
        for schema, table in connection.execute(tables).fetchall():
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
            yield "\n".join(row for (row,) in connection.execute(query))
        (may,) = connection.execute(
            "SELECT has_schema_privilege('mdms_report', 'personal', 'USAGE')"
        ).fetchone() or (True,)
        assert not may
