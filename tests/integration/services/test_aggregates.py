"""Sums over customers: hidden enough or suppressed, told once and for all, kept in a ledger."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.domain.registry import Account, Agreement, Channel, Registry
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import NOW, as_, services
from tests.integration.services.test_leaks import WATER, bill
from tests.integration.storage.registries import SMALL_TOWN, W200

pytestmark = pytest.mark.db

START, END = date(2026, 10, 5), date(2026, 11, 4)
HOMES = 130
SMALL = 5
"""Homes on the hill; too few to be told of."""


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A hundred and thirty homes of 10 ccf each, five of them in a water zone of their own."""
    numbers = range(HOMES)
    valley = replace(SMALL_TOWN.premises[0], premise_id="V", water_zone="valley")
    hill = replace(valley, premise_id="H", water_zone="hill")
    town = Registry(
        transformers=SMALL_TOWN.transformers,
        premises=(valley, hill),
        usage_points=tuple(
            replace(
                SMALL_TOWN.usage_points[1],
                usage_point_id=f"U{n}",
                premise_id="H" if n < SMALL else "V",
            )
            for n in numbers
        ),
        accounts=tuple(Account(f"A{n}", f"A{n}", "residential", START, None) for n in numbers),
        agreements=tuple(Agreement(f"A{n}", f"U{n}", START, None) for n in numbers),
        meters=tuple(
            replace(W200, badge=f"W{n}", serial=f"S{n}", radio_id=n + 1, usage_point_id=f"U{n}")
            for n in numbers
        ),
        channels=tuple(Channel(f"W{n}", 0, WATER.name, 3600, "0.1gal") for n in numbers),
    )
    async with store() as work:
        await work.registry.merge(town)
        table = await work.registry.channels()
        bills = [
            replace(
                bill(int(channel_id), START, END, 10),
                badge=str(badge),
                usage_point_id=str(place),
                account_id=f"A{str(place)[1:]}",
            )
            for channel_id, badge, place in zip(
                table.channel_id, table.badge, table.usage_point_id, strict=True
            )
        ]
        await work.billing.freeze(START, END, bills, [], NOW)
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def ask(http: httpx.AsyncClient, cut: str) -> dict[str, tuple[str, str]]:
    body = {"commodity": "water", "month": "2026-11", "cut": cut}
    answer = await http.post("/v1/aggregates", json=body, headers=as_(Role.PRIVACY))
    assert answer.is_success, answer.text
    return {each["group"]: (each["total"], each["code"]) for each in answer.json()["groups"]}


async def test_few_customers_are_suppressed_and_so_is_what_would_tell_of_them(http):
    by_zone = await ask(http, "water_zone")
    total = await ask(http, "")
    again = await ask(http, "water_zone")
    ledger = (await http.get("/v1/aggregates", headers=as_(Role.AUDITOR))).json()["releases"]
    refused = await http.get("/v1/aggregates", headers=as_(Role.BILLING))

    assert by_zone["valley"] == ("1250", "PV_AGG_OK")
    assert by_zone["hill"] == ("SUPPRESSED", "PV_AGG")
    assert total[""] == ("SUPPRESSED", "PV_DIFF")  # less the valley, it is the hill
    assert again["valley"] == by_zone["valley"]
    assert [line["total"] for line in ledger].count("1250") == 1
    assert refused.status_code == 403


async def test_a_month_that_is_not_over_is_not_told(http):
    body = {"commodity": "water", "month": "2026-12"}

    answer = await http.post("/v1/aggregates", json=body, headers=as_(Role.PRIVACY))

    assert answer.status_code == 422
