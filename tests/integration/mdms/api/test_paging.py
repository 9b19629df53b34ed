"""Every list that grows is given in pages, and the pages together are the list."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from mdms.client.transport import Transport
from mdms.domain.controls import new_id
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.field_orders import FieldOrder
from mdms.domain.people import Role
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.controls import a_control, a_registry
from tests.integration.mdms.api.test_routes import NOW, application, as_, services
from tests.integration.storage.test_edits import BRIDGE

pytestmark = pytest.mark.db

DAYS = {"from": "2026-11-03", "to": "2026-12-01"}
MIDNIGHT = datetime(2026, 11, 3, 8, tzinfo=UTC)
GASP = EndDeviceEvent(
    collector_id=17, badge="E1", radio_id=1, code=EventCode.POWER_FAIL, at=MIDNIGHT,
    severity=Severity.ALARM, received_at=NOW,
)  # fmt: skip
ORDER = FieldOrder(
    field_order_id=new_id(NOW), badge="E1", usage_point_id="UE1", control_id=None, reason="a",
    detail="", is_safety=False, opened_at=NOW,
)  # fmt: skip

LISTS = [
    ("/v1/events", DAYS, Role.VIEWER),
    ("/v1/conflicts", DAYS, Role.VIEWER),
    ("/v1/exceptions", {}, Role.VIEWER),
    ("/v1/field-orders", {}, Role.VIEWER),
    ("/v1/controls", {}, Role.VIEWER),
    ("/v1/edits", {}, Role.VIEWER),
    ("/v1/meters", {}, Role.VIEWER),
    ("/v1/audit", {}, Role.AUDITOR),
    ("/v1/vee/exceptions", {}, Role.VIEWER),
    ("/v1/readings/imports", {"from": "2026-11-01T00:00Z"}, Role.BILLING),
    ("/v1/looks", {}, Role.AUDITOR),
]


async def fill(store: UnitOfWorkFactory) -> None:
    """Store three rows for each list, alike in what they are ordered by where they can be."""
    async with store() as work:
        await work.registry.merge(a_registry())
        await work.events.append([replace(GASP, badge=badge) for badge in ("E1", "E2", "W1")])
        table = await work.registry.channels()
        for value in (1, 2, 3, 4):
            reads = IntervalReads.raw(
                table.channel_id[:1], np.array([int(MIDNIGHT.timestamp())]), np.array([value]),
                recorded_us=0, source=Source.UPLINK,
            )  # fmt: skip
            await work.readings.append_raw(reads, RegisterReads.empty(), sure=False)
        for number, is_safety in enumerate((False, True, False)):
            order = replace(
                ORDER, field_order_id=new_id(NOW), reason=f"{number}", is_safety=is_safety
            )
            await work.field_orders.open(order)
            await work.controls.add(a_control(control_id=new_id(NOW + number * timedelta(1))))
            channel_id = int(table.channel_id[0])
            await work.edits.add(replace(BRIDGE, edit_id=new_id(NOW), channel_id=channel_id))


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> Any:
    await fill(store)
    backend = services(store)
    await backend.vee.run(date(2026, 11, 3), date(2026, 11, 5))
    transport = httpx.ASGITransport(application(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        for name in ("a", "b", "c"):
            body = {"name": name, "roles": [Role.VIEWER]}
            await client.post("/v1/tokens", json=body, headers=as_(Role.ADMIN))
            await client.post(
                "/v1/readings/imports", params={"name": name, "format": "csv"},
                content=name.encode(), headers=as_(Role.VEE),
            )  # fmt: skip
            await client.get("/v1/leaks", headers=as_(Role.BILLING))
        yield client


async def test_pages_of_one_row_are_the_list(http):
    for path, params, role in LISTS:
        whole = (await http.get(path, params=params, headers=as_(role))).json()
        (noun,) = whole.keys() - {"next"}
        found: list[dict[str, Any]] = []
        link = path
        for _ in whole[noun]:
            page = await http.get(
                link, params=None if found else params | {"limit": 1}, headers=as_(role)
            )
            found += page.json()[noun]
            link = page.headers.get("link", "").removeprefix("<").partition(">")[0]

        assert len(found) > 2, path
        assert found == whole[noun], path
        assert link == "", path


async def test_the_client_loads_pages_until_it_has_what_was_asked_for(monkeypatch):
    asked = []

    def answer(_self: Transport, _method: str, _path: str, *, params: dict[str, str]) -> Any:
        asked.append(params)
        first = int(params.get("after", "0"))
        last = min(first + int(params["limit"]), 2_500)
        rows = [{"number": number} for number in range(first, last)]
        return {"rows": rows, "next": str(last) if last < 2_500 else None}

    monkeypatch.setattr(Transport, "_json", answer)
    with Transport("http://mdms") as calls:
        every = list(calls._rows("/v1/rows", "rows", {"meter": "E1"}))
        some = list(calls._rows("/v1/rows", "rows", limit=1_200))

    assert [row["number"] for row in every] == list(range(2_500))
    assert [row["number"] for row in some] == list(range(1_200))
    assert [params.get("after") for params in asked] == [None, "1000", "2000", None, "1000"]
    assert asked[-1]["limit"] == "200"
    assert asked[1]["meter"] == "E1"
