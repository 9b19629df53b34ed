"""What VEE finds and cannot wait for the queue."""

from datetime import timedelta

import numpy as np
import pytest

from mdms.domain.controls import ControlState, SwitchPosition
from mdms.domain.events import EventCode, Severity
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.telemetry import metrics
from tests.controls import a_control
from tests.integration.services.editing import (
    FIRST,
    LAST,
    METER,
    NOW,
    STARTS,
    VALUE,
    WEEK,
    Desk,
    a_desk,
    at,
)

pytestmark = pytest.mark.db


async def switch_off(desk: Desk, slot: int) -> None:
    """Confirm that the desk's meter has been off since a few minutes into an interval."""
    opened = at(slot) + timedelta(minutes=7)
    control = a_control(
        badge=METER,
        state=ControlState.VERIFIED,
        switch=SwitchPosition.OPEN,
        verified_at=opened,
    )
    async with desk.store() as work:
        await work.controls.add(control)
        await work.controls.save(control)


async def test_usage_behind_an_open_switch_is_told_at_once_and_once_a_day(store):
    desk = await a_desk(store)
    await switch_off(desk, 5 * 96 + 40)
    before = metrics.VEE_USAGE_WHILE_OPEN._value.get()

    for _ in range(2):
        await desk.judge(FIRST, LAST)

    async with desk.store() as work:
        told = await work.events.within(WEEK, badge=METER)
    assert [each.at for each in told] == [at(5 * 96), at(6 * 96)]
    assert {each.code for each in told} == {EventCode.USAGE_WHILE_OPEN}
    assert {each.severity for each in told} == {Severity.SAFETY}
    # the rest of the interval that was under way, and one for grace, are let pass
    assert [each.value for each in told] == [
        VALUE[5 * 96 + 42 : 6 * 96].sum(),
        VALUE[6 * 96 :].sum(),
    ]
    assert {(each.collector_id, each.received_at) for each in told} == {(None, NOW)}
    assert metrics.VEE_USAGE_WHILE_OPEN._value.get() - before == 2


async def test_reads_that_come_late_make_no_second_event_of_their_day(store):
    noon = 6 * 96 + 48
    desk = await a_desk(store, heard=slice(6 * 96, noon), registers=False)
    await switch_off(desk, 6 * 96 - 2)
    before = metrics.VEE_USAGE_WHILE_OPEN._value.get()
    await desk.judge(LAST, LAST)

    async with desk.store() as work:
        await work.readings.append_raw(
            IntervalReads.raw(
                np.full(48, desk.channel_id),
                STARTS[6 * 96 : noon],
                VALUE[6 * 96 : noon],
                recorded_us=1,
                source=Source.BACKFILL,
            ),
            RegisterReads.empty(),
            sure=True,
        )
    await desk.judge(LAST, LAST)

    async with desk.store() as work:
        told = await work.events.within(WEEK, badge=METER)
    assert [each.at for each in told] == [at(6 * 96)]
    assert metrics.VEE_USAGE_WHILE_OPEN._value.get() - before == 1


async def test_a_service_that_is_off_and_not_used_is_no_news(store):
    desk = await a_desk(store)

    await desk.judge(FIRST, LAST)

    async with desk.store() as work:
        assert await work.events.within(WEEK, badge=METER) == []
