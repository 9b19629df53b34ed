"""Customers' own data: each sees their own days, nobody another's, and every look is kept."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
import numpy as np
import pytest
from lxml import etree

from mdms import api
from mdms.domain.customers import Holder
from mdms.domain.people import Role
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Account, Agreement
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import as_, services
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

MOVED_ON = date(2026, 11, 10)
"""A1 leaves the home at U1, and A2 moves in."""

TOWN = replace(
    SMALL_TOWN,
    accounts=(
        *SMALL_TOWN.accounts,
        Account("A2", "A1", "residential", MOVED_ON, None),
        Account("A3", "A1", "residential", date(2020, 1, 1), None),
    ),
    agreements=(
        Agreement("A1", "U1", date(2020, 2, 29), MOVED_ON),
        Agreement("A2", "U1", MOVED_ON, None),
        Agreement("A3", "U2", date(2020, 1, 1), None),
    ),
)
USAGE = {"from": "2026-11-09", "to": "2026-11-09"}
NEXT_DAY = {"from": "2026-11-10", "to": "2026-11-10"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A home with two customers, one after the other, and two days of its electric meter."""
    async with store() as work:
        await work.registry.merge(TOWN)
        table = await work.registry.channels()
        channel_id = table.channel_id[table.badge == "E100"][:1].repeat(192)
        start_s = int(datetime(2026, 11, 9, 8, tzinfo=UTC).timestamp()) + 900 * np.arange(192)
        value = np.repeat([10, 20], 96)
        reads = IntervalReads.raw(channel_id, start_s, value, recorded_us=0, source=Source.UPLINK)
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def issue(
    http: httpx.AsyncClient,
    holder: str = Holder.OWNER,
    accounts: Sequence[str] = ("A1",),
    **more: object,
) -> dict[str, str]:
    body = {"holder": holder, "account_ids": list(accounts)} | more
    answer = await http.post("/v1/grants", json=body, headers=as_(Role.PORTAL))
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def of(account: str, place: str = "U1", what: str = "usage") -> str:
    return f"/v1/own/accounts/{account}/usage-points/{place}/{what}"


async def test_an_owner_sees_the_days_before_moving_out_and_the_next_tenant_those_after(http):
    first, second = await issue(http), await issue(http, accounts=["A2"])

    mine = (await http.get(of("A1"), params=USAGE, headers=first)).json()
    theirs = await http.get(of("A1"), params=NEXT_DAY, headers=first)
    next_ = (await http.get(of("A2"), params=NEXT_DAY, headers=second)).json()
    before = await http.get(of("A2"), params=USAGE, headers=second)

    (series,) = mine["series"]
    assert (series["direction"], series["unit"]) == ("delivered", "kWh")
    assert series["values"] == [
        {"start": "2026-11-09", "amount": "0.960", "intervals": 96, "estimated": 0}
    ]
    assert next_["series"][0]["values"][0]["amount"] == "1.920"
    for refused in (theirs, before):
        assert refused.status_code == 403
        assert [code["code"] for code in refused.json()["codes"]] == ["PV_TENANCY"]
    where = (await http.get("/v1/own/services", headers=first)).json()["services"]
    assert [(each["usage_point_id"], each["last_on"]) for each in where] == [("U1", "2026-11-09")]


@pytest.mark.parametrize(
    ("step", "count", "first"),
    [("interval", 96, "2026-11-09T00:00:00-08:00"), ("month", 1, "2026-11")],
)
async def test_usage_comes_by_interval_and_by_month(http, step, count, first):
    headers = await issue(http)

    answer = await http.get(of("A1"), params=USAGE | {"step": step}, headers=headers)

    values = answer.json()["series"][0]["values"]
    assert (len(values), values[0]["start"]) == (count, first)


async def test_own_data_is_downloaded_as_green_button(http):
    headers = await issue(http)

    answer = await http.get(of("A1", what="green-button"), params=USAGE, headers=headers)
    other = await http.get(of("A2", what="green-button"), params=NEXT_DAY, headers=headers)

    values = etree.fromstring(answer.content).iter("{http://naesb.org/espi}value")
    assert sum(int(each.text) for each in values) == 960
    assert other.status_code == 403


async def test_who_needs_consent_sees_what_was_consented_to_until_it_is_revoked(http):
    no_evidence = await http.post(
        "/v1/grants",
        json={"holder": "third_party", "account_ids": ["A1"], "data": ["interval_usage"]},
        headers=as_(Role.PORTAL),
    )
    consent = {"data": ["daily_usage"], "evidence": "consent 17"}
    firm = await issue(http, Holder.THIRD_PARTY, **consent, first_on="2026-11-09")
    manager = await issue(http, Holder.PROPERTY_MANAGER)
    listed = await http.get("/v1/grants", params={"account_id": "A1"}, headers=as_(Role.PRIVACY))
    (granted,) = (each for each in listed.json()["grants"] if each["holder"] == "third_party")

    allowed = await http.get(of("A1"), params=USAGE, headers=firm)
    finer = await http.get(of("A1"), params=USAGE | {"step": "interval"}, headers=firm)
    earlier = await http.get(of("A1"), params=USAGE | {"from": "2026-11-08"}, headers=firm)
    silent = await http.get(of("A1"), params=USAGE, headers=manager)
    await http.delete(f"/v1/grants/{granted['grant_id']}", headers=as_(Role.PORTAL))
    revoked = await http.get(of("A1"), params=USAGE, headers=firm)

    assert no_evidence.status_code == 422
    assert granted["evidence"] == "consent 17"
    assert allowed.status_code == 200
    assert [answer.json()["codes"][0]["code"] for answer in (finer, earlier, silent)] == [
        "PV_CONSENT"
    ] * 3
    assert revoked.status_code == 401


async def test_more_accounts_than_a_master_may_have_are_referred(http):
    body = {"holder": "owner", "account_ids": [f"A{n}" for n in range(66)]}

    answer = await http.post("/v1/grants", json=body, headers=as_(Role.PORTAL))

    assert answer.json()["codes"][0]["code"] == "MY_LIMIT"


async def test_every_look_is_kept_with_whose_data_it_was_and_why(http):
    owner = await issue(http)
    period = {"meter": "E100"} | USAGE
    await http.get(of("A1"), params=USAGE, headers=owner)
    await http.get(of("A2"), params=USAGE, headers=owner)
    csr = as_(Role.CSR)
    with_case = await http.get("/v1/readings", params=period, headers=csr)
    without = await http.get("/v1/readings", params=period, headers=csr | {"Purpose": ""})
    await http.get("/v1/registry", headers=as_(Role.ADMIN))

    log = "/v1/looks"
    everything = (await http.get(log, headers=as_(Role.AUDITOR))).json()["looks"]
    of_a1 = await http.get(log, params={"account_id": "A1"}, headers=as_(Role.PRIVACY))
    page = (await http.get(log, params={"limit": 2}, headers=as_(Role.AUDITOR))).json()
    rest = await http.get(log, params={"after": page["next"]}, headers=as_(Role.AUDITOR))
    refused = await http.get(log, headers=as_(Role.CSR))

    assert (with_case.status_code, without.status_code, refused.status_code) == (200, 403, 403)
    assert [(look["role"], look["account_ids"], look["code"]) for look in everything] == [
        ("csr", [], "PV_STAFF"),  # of everybody
        ("csr", ["A1"], "PV_PURPOSE"),
        ("csr", ["A1"], "PV_STAFF"),
        ("owner", ["A2"], "PV_SCOPE"),
        ("owner", ["A1"], "PV_OWNER"),
    ]
    assert everything[2]["purpose"] == "case 4711"
    assert len(of_a1.json()["looks"]) == 4
    assert page["looks"] + rest.json()["looks"] == everything
