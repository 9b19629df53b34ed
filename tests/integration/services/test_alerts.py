"""Alerts of a night: leaks, and days that customers asked to be told of; each told once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import numpy as np
import pytest

from mdms import api
from mdms.domain.alerts import AlertWish, CustomerAlert, WishKind
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Account, Agreement, Registry
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.alert_night import AlertNight
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.mdms.api.test_own_data import TOWN, issue, of
from tests.integration.mdms.api.test_routes import services
from tests.integration.services.test_leaks import FIRST, LAST, judged, leaky, night, stored

pytestmark = pytest.mark.db

NOON = datetime(2026, 12, 2, 20, tzinfo=UTC)


async def an_account(store: UnitOfWorkFactory, account_id: str, usage_point_id: str) -> None:
    async with store() as work:
        await work.registry.merge(
            Registry(
                accounts=(Account(account_id, account_id, "residential", date(2020, 1, 1), None),),
                agreements=(Agreement(account_id, usage_point_id, date(2020, 1, 1), None),),
            )
        )


async def outbox(store: UnitOfWorkFactory) -> Sequence[CustomerAlert]:
    async with store() as work:
        return await work.alerts.due(datetime(2027, 1, 1, tzinfo=UTC), 99)


async def test_a_leak_is_told_once(store):
    ids = await stored(store, {"W1": leaky()})
    await judged(store, ids, FIRST, LAST)
    await night(store).run()
    async with store() as work:
        (place,) = {str(each) for each in (await work.registry.channels_of(["W1"])).usage_point_id}
        notices = await work.leaks.notices(datetime(2026, 1, 1, tzinfo=UTC))
    await an_account(store, "A1", place)
    last = max(step.recorded_at for _, step in notices)
    clock = FakeClock(last)

    await AlertNight(store, clock, BOOK).run()
    await AlertNight(store, clock, BOOK).run()

    alerts = await outbox(store)
    assert {alert.kind for alert in alerts} == {"leak"}
    assert len(alerts) == len(notices)
    assert {alert.account_id for alert in alerts} == {"A1"}
    assert all("lost_gal" in alert.figures for alert in alerts)


async def test_a_day_of_much_usage_is_told_to_who_asked(store):
    async with store() as work:
        await work.registry.merge(TOWN)
        table = await work.registry.channels()
        slots = 29 * 96
        channel_id = table.channel_id[table.badge == "E100"][:1].repeat(slots)
        end_s = int(datetime(2026, 12, 2, 8, tzinfo=UTC).timestamp())
        start_s = end_s - 900 * slots + 900 * np.arange(slots)
        value = np.full(slots, 100)
        value[-96:] = 150  # 14.4 kWh on 2026-12-01, 9.6 before
        reads = IntervalReads.raw(channel_id, start_s, value, recorded_us=0, source=Source.UPLINK)
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as http:
        owner, guest = await issue(http, accounts=["A2"]), await issue(http, "guest", ["A2"])
        told = of("A2", what="alerts")
        refused = await http.put(f"{told}/usage", json={"threshold": "1"}, headers=guest)
        for kind, threshold in (("usage", "14"), ("high_use", "40")):
            body = {"threshold": threshold}
            kept = await http.put(f"{told}/{kind}", json=body, headers=owner)
            assert kept.is_success, kept.text

        for _ in range(2):
            await AlertNight(store, FakeClock(NOON), BOOK).run()
        days = {"from": "2026-12-01", "to": "2026-12-02"}
        shown = (await http.get(told, params=days, headers=guest)).json()["alerts"]
        gone = await http.delete(f"{told}/usage", headers=owner)
        again = await http.delete(f"{told}/usage", headers=owner)

    assert refused.json()["codes"][0]["code"] == "PV_ROLE"
    figures = {alert["kind"]: alert["figures"] for alert in shown}
    assert figures["usage"] == {
        "day": "2026-12-01", "used": "14.400", "limit": "14", "unit": "kWh",
    }  # fmt: skip
    assert Decimal(figures["high_use"]["limit"]) == Decimal("13.44")
    assert len(shown) == 2
    assert (gone.status_code, again.status_code) == (200, 404)


async def test_a_wish_ends_when_who_had_it_moved_out_long_ago(store):
    async with store() as work:
        await work.registry.merge(TOWN)
        for account_id in ("A1", "A2"):  # A1 left U1 on the day on which A2 came
            wish = AlertWish(account_id, "U1", WishKind.USAGE, Decimal(9), NOON)
            await work.alerts.wish(wish)

        early = await work.alerts.forget_wishes(date(2026, 11, 10))
        late = await work.alerts.forget_wishes(date(2026, 11, 11))
        left = await work.alerts.wishes(date(2026, 12, 1))

    assert (early, late) == (0, 1)
    assert [each.account_id for each in left] == ["A2"]
