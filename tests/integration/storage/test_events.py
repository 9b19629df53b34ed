"""Events on a real database: each once, and given back by period and meter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.time import Period

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 5, 22, 5, tzinfo=UTC)
GASP = EndDeviceEvent(
    collector_id=17,
    badge="E1",
    radio_id=47_622_887,
    code=EventCode.POWER_FAIL,
    at=AT,
    severity=Severity.ALARM,
    value=3,
    register=41_902_118,
    seq=9,
    received_at=AT + timedelta(minutes=2),
)
RESET = replace(GASP, badge=None, radio_id=None, code=EventCode.COLLECTOR_RESET)
DAY = Period(AT, AT + timedelta(days=1))


def later(seconds: int, event: EndDeviceEvent = GASP) -> EndDeviceEvent:
    return replace(event, at=event.at + timedelta(seconds=seconds))


async def test_copies_within_five_seconds_are_one_event(store):
    async with store() as work:
        first = await work.events.append([GASP, later(5), replace(GASP, collector_id=18)])
        second = await work.events.append([later(3), later(6)])
        stored = await work.events.within(DAY)

    assert (first, second) == (1, 1)
    assert stored == [GASP, later(6)]


async def test_the_same_code_of_another_meter_or_cleared_is_another_event(store):
    async with store() as work:
        new = await work.events.append(
            [GASP, replace(GASP, badge="E2"), replace(GASP, cleared=True)]
        )

    assert new == 3


async def test_events_are_given_by_period_and_meter_the_first_first(store):
    async with store() as work:
        await work.events.append([later(60), RESET, GASP, later(86_400), replace(GASP, badge="E2")])
        of_meter = await work.events.within(DAY, badge="E1")
        first = await work.events.within(DAY, count_max=1)

    assert of_meter == [GASP, later(60)]
    assert first == [RESET]
