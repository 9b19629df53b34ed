"""Leaks by REST: who may look, who may answer, what a credit comes to."""

from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import NOW, as_, services
from tests.integration.services.test_leaks import FIRST, LAST, bill, judged, leaky, night, stored

pytestmark = pytest.mark.db


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A city with one leak."""
    ids = await stored(store, {"W1": leaky()})
    await judged(store, ids, FIRST, LAST)
    await night(store).run()
    async with store() as work:
        frozen = bill(ids["W1"], FIRST, LAST, 40)
        await work.billing.freeze(FIRST, LAST, [frozen], [], NOW)
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def test_who_answers_customers_sees_leaks_and_a_viewer_does_not(http):
    listed = await http.get("/v1/leaks", params={"meter": "W1"}, headers=as_(Role.CSR))
    shown = await http.get("/v1/leaks/W1-1", headers=as_(Role.VEE))
    notices = await http.get(
        "/v1/leaks/notices", params={"since": "2026-11-01T00:00Z"}, headers=as_(Role.CSR)
    )
    viewer = await http.get("/v1/leaks", headers=as_(Role.VIEWER))

    assert [leak["leak"] for leak in listed.json()["leaks"]] == ["W1-1"]
    assert shown.json()["steps"][0]["signal"] == "RAISE"
    assert {notice["leak"] for notice in notices.json()["notices"]} == {"W1-1"}
    assert viewer.status_code == 403


async def test_a_customers_word_ends_a_leak_once(http):
    body = {"reason": "ice machine"}
    refused = await http.post("/v1/leaks/W1-1/ack", json=body, headers=as_(Role.AUDITOR))
    taken = await http.post("/v1/leaks/W1-1/ack", json=body, headers=as_(Role.CSR))
    again = await http.post("/v1/leaks/W1-1/ack", json=body, headers=as_(Role.CSR))
    pool = await http.post(
        "/v1/leaks/announcements", json={"meter": "W1", "pool_fill": True}, headers=as_(Role.CSR)
    )

    assert (refused.status_code, again.status_code) == (403, 422)
    assert taken.json()["state"] == "ACK_NORMAL"
    assert pool.json()["meter"] == "W1"


async def test_a_credit_without_history_waits_for_a_person(http):
    asked = {"tier1_rate": "7.00", "cause_determined": True}
    credit = await http.post("/v1/leaks/W1-1/credit", json=asked, headers=as_(Role.BILLING))
    unknown = await http.post("/v1/leaks/W9-1/credit", json=asked, headers=as_(Role.BILLING))

    figures = credit.json()
    assert Decimal(figures["credit_usd"]) == 0
    assert "LEAK_NO_HISTORY" in [finding["code"] for finding in figures["findings"]]
    assert figures["evidence"]["bills"][0]["usage_units"] == "40"
    assert unknown.status_code == 404
