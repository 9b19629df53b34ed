"""Bills over HTTP: frozen, shown, acknowledged, looked back at, corrected, compared."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.ports.billing import BillingBlock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeException
from mdms.services.billed import BilledServices
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_cycles import BillingCycles
from mdms.services.billing_estimates import BillingEstimates
from mdms.services.billing_parallel import ParallelBilling
from mdms.services.billing_run import BillingService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.mdms.api.test_routes import services
from tests.integration.services.test_billing_life import AFTER, edit_closing_register
from tests.integration.services.test_billing_line import END, START, TOWN, no_finalize, receive
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db

WINDOW = f"/v1/billing/windows/{START}/{END}"
BILLING = {"Authorization": f"Bearer {Role.BILLING}"}


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    clock = FakeClock(AFTER)
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    backend = replace(
        services(store),
        billing=BillingService(store, clock, BOOK, no_finalize, RULES),
        billed=BilledServices(store, clock),
        corrections=BillingCorrections(store, clock, BOOK, RULES),
        cycles=BillingCycles(store, clock, BOOK),
        parallel=ParallelBilling(store, BOOK),
        estimates=BillingEstimates(store, clock, BOOK, RULES),
    )
    transport = httpx.ASGITransport(api.create(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        client.headers.update(BILLING)
        yield client


async def test_a_bill_lives_from_schedule_to_correction(http, store):
    schedule = {"name": "days.csv", "text": f"billing_cycle,read_on\n1,{START}\n1,{END}\n"}
    taken = await http.post("/v1/billing/cycles", json=schedule)
    due = (await http.get("/v1/billing/cycles")).json()["windows"]
    frozen = (await http.post(f"{WINDOW}/freeze", params={"cycle": 1})).json()
    billed = (await http.get(f"{WINDOW}/services")).json()
    receipt = {"services_sha256": billed["services_sha256"], "reference": "RUN-1"}
    first = await http.post(f"{WINDOW}/ack", json=receipt)
    await edit_closing_register(store, "E1", 2_000)
    bills = (await http.get("/v1/billing/meters/E1")).json()["bills"]
    (after,) = (await http.get("/v1/billing/cycles/1")).json()["windows"]

    assert (after["state"], after["frozen"], after["blocked"]) == ("frozen", 4, 0)
    assert taken.json() == {"read_days": 2}
    assert [(row["state"], row["services"], row["frozen"]) for row in due] == [("due", 4, 0)]
    assert (frozen["frozen"], frozen["services"], frozen["blocked_by"]) == (4, 4, {})
    assert first.json() == {"digest": billed["services_sha256"], "services": 4, "new": True}
    assert [bill["revision"] for bill in bills] == [1]
    differences = (await http.get(f"{WINDOW}/diff")).json()["differences"]
    assert [row["change"] for row in differences] == [2]
    made = (await http.post(f"{WINDOW}/corrections")).json()["corrections"]
    number = made[0]["number"]
    limits = {"amounts_usd": {str(number): "12.50"}, "established": True, "approved": True}
    ruled = (await http.post("/v1/billing/corrections/limits", json=limits)).json()
    assert ruled["figures"]["back_bill"] == "12.50"
    told = await http.post(f"/v1/billing/corrections/{number}/told")
    assert told.json()["noticed_by"] == "billing"
    left = await http.get("/v1/billing/corrections", params={"untold": True})
    assert left.json()["corrections"] == []
    late = await http.post(f"{WINDOW}/ack", json=receipt)
    assert late.status_code == 422


async def test_a_held_day_and_a_channel_left_out_stand_in_the_way_of_their_cycle(http, store):
    schedule = {"name": "days.csv", "text": f"billing_cycle,read_on\n1,{START}\n1,{END}\n"}
    await http.post("/v1/billing/cycles", json=schedule)
    async with store() as work:
        table = await work.registry.channels()
        channel_id, badge = int(table.channel_id[0]), str(table.badge[0])
        held = VeeException(channel_id, START, "V24", "HOLD", "a spike", AFTER)
        await work.vee.replace_exceptions([(channel_id, START)], [held], AFTER)
        left_out = BillingBlock(channel_id, badge, "no_register", "no two reads")
        await work.billing.freeze(START, END, [], [left_out], AFTER)

    answer = (await http.get("/v1/billing/cycles/1")).json()
    other = await http.get("/v1/billing/cycles/2")

    assert [(each["blocked"], each["exceptions"]) for each in answer["windows"]] == [(1, 1)]
    assert [(each["meter"], each["reason"], each["local_day"]) for each in answer["blocking"]] == [
        (badge, "V24", str(START)),
        (badge, "no_register", None),
    ]
    assert other.status_code == 404


async def test_what_does_not_exist_or_cannot_be_done_says_so(http):
    nothing = {"meter": "E1", "window_start": str(START), "window_end": str(END)}

    answers = [
        await http.get(f"{WINDOW}/services"),
        await http.get("/v1/billing/meters/X9"),
        await http.post("/v1/billing/corrections/7/told"),
        await http.post("/v1/billing/estimates", json=nothing | {"reason": "bored"}),
        await http.post("/v1/billing/estimates", json=nothing | {"reason": "network"}),
        await http.post("/v1/billing/cycles", json={"name": "x", "text": "a,b\n1,2\n"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 422, 409, 409]


async def test_another_systems_file_is_compared(http):
    await http.post(f"{WINDOW}/freeze")
    text = "meter_badge,direction,read_on,value,usage\nE1,delivered,2026-12-03,,1\n"

    answer = await http.post(f"{WINDOW}/compare", json={"name": "old.csv", "text": text})

    found = {(row["meter"], row["differs"]) for row in answer.json()["differences"]}
    assert found >= {("E1", "usage"), ("G1", "not_theirs")}
