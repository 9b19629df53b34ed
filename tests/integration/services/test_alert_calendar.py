"""Alerts by the calendar: of bills as the customer system states them, each told once."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mdms.services.alert_calendar import AlertCalendar
from mdms.services.self_read_months import SelfReadMonths
from tests.controls import a_registry
from tests.fakes import FakeClock
from tests.households import BOOK, state
from tests.integration.services.test_self_reads import NOVEMBER, home

__all__ = ["home"]

pytestmark = pytest.mark.db

ISSUED_AT = datetime(2026, 10, 27, 18, tzinfo=UTC)
FOUR_IN_THE_MORNING = datetime(2026, 10, 28, 11, tzinfo=UTC)


async def test_a_bill_is_announced_before_it_is_due_and_when_it_is_past_due(store):
    clock = FakeClock(FOUR_IN_THE_MORNING)
    calendar = AlertCalendar(store, clock, BOOK, SelfReadMonths(store, clock, BOOK))
    async with store() as work:
        await work.registry.merge(a_registry())
        await state(work, ISSUED_AT, bill_issued_on="2026-10-27", bill_due_on="2026-11-16")

    made = []
    for _ in range(25):
        if clock.now().date() == date(2026, 11, 17):
            async with store() as work:
                await state(work, clock.now(), past_due="84.20")
        made += [clock.now().date()] * await calendar.run()
        clock.advance(timedelta(days=1))
    async with store() as work:
        alerts = await work.alerts.due(datetime(2027, 1, 1, tzinfo=UTC), 99)

    assert [(each.kind, each.due_at.isoformat()) for each in alerts] == [
        ("bill_ready", "2026-10-28T15:00:00+00:00"),  # when the quiet hours are over
        ("bill_due", "2026-11-12T17:00:00+00:00"),  # four days before, at nine
        ("past_due", "2026-11-17T17:00:00+00:00"),
    ]
    assert {each.usage_point_id for each in alerts} == {None}
    assert alerts[-1].figures == {"due_on": "2026-11-16", "past_due_usd": "84.20"}
    assert made == [date(2026, 10, 28), date(2026, 11, 12), date(2026, 11, 17)]


async def test_who_reads_their_own_meter_is_reminded_and_told_that_nothing_came(home):
    calendar = AlertCalendar(home.store, home.clock, BOOK, home.months)
    first, last = NOVEMBER

    for _ in range(31):
        await calendar.run()
        home.clock.advance(timedelta(days=1))
    await home.months.close(first, last)
    await calendar.run()
    async with home.store() as work:
        alerts = await work.alerts.due(datetime(2027, 1, 1, tzinfo=UTC), 99)

    told = {(each.kind, each.subject, each.due_at.date()) for each in alerts}
    (due_on,) = {subject for kind, subject, _ in told if kind == "self_read_due"}
    assert told == {
        ("self_read_due", due_on, date.fromisoformat(due_on) - timedelta(days=5)),
        ("self_read_missing", str(last), last + timedelta(days=1)),
    }
    places = [each.usage_point_id for each in alerts if each.kind == "self_read_due"]
    assert "UE1" in places
    assert len(places) == len(set(places)) == len(alerts) / 2
