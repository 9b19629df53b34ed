"""The grid's days are kept as the grid's services tell them, and told anew when more is known."""

from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import AsyncConnection

from mdms.domain.events import EventCode
from mdms.domain.registry import Radio
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.grid import GridService
from mdms.services.grid_days import GridDays
from mdms.services.transformers import TransformerService
from tests.fakes import FakeClock
from tests.integration.services.test_grid import DAY, PACIFIC, START, a_street, happened, told
from tests.unit.vee.build import RULES
from tests.unit.vee.grid.build import RULES as GRID

pytestmark = pytest.mark.db

FAIL, RESTORE = EventCode.POWER_FAIL, EventCode.RESTORE


@pytest.fixture
async def street(store):
    async with store() as work:
        await work.registry.merge(a_street())


def grid_days(store: UnitOfWorkFactory, clock: FakeClock) -> GridDays:
    return GridDays(
        store, clock, PACIFIC, GridService(store, clock, PACIFIC, GRID),
        TransformerService(store, PACIFIC, RULES.voltage, GRID),
    )  # fmt: skip


async def kept(database: str, query: str) -> list[tuple[object, ...]]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("SET ROLE mdms_report")
        return await (await connection.execute(query.encode())).fetchall()


OUTAGES = "SELECT device, name, began_at, ended_at, customers, reported FROM report.outage"


async def test_a_look_keeps_what_is_failing_and_then_that_it_is_over(store, database, street):
    clock = FakeClock(START + timedelta(minutes=30))
    days = grid_days(store, clock)
    await happened(store, told("E1", FAIL, 10), told("E2", FAIL, 10))
    await days.look()
    failing = await kept(database, OUTAGES)

    await happened(store, told("E1", RESTORE, 50, 2400), told("E2", RESTORE, 50, 2400))
    clock.advance(timedelta(minutes=30))
    await days.look()

    began = START + timedelta(minutes=10)
    assert failing == [("transformer", "T1", began, None, 4, 2)]
    assert await kept(database, OUTAGES) == [
        ("transformer", "T1", began, START + timedelta(minutes=50), 4, 2)
    ]
    assert await kept(
        database, "SELECT transformer_id, feeder_id, latitude FROM report.outage_place"
    ) == [("T1", "F1", 37.4)]


async def test_a_look_works_out_nothing_while_nobody_told_of_anything(store, database, street):
    clock = FakeClock(START + timedelta(minutes=30))
    days = grid_days(store, clock)
    await happened(store, told("E1", FAIL, 10), told("E2", FAIL, 10))
    await days.look()
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("DELETE FROM outage")

    await days.look()

    assert await kept(database, OUTAGES) == []


async def test_a_morning_keeps_the_days_that_late_reports_may_have_changed(store, database, street):
    clock = FakeClock(START + timedelta(hours=30))
    await happened(store, told("E1", FAIL, 10), told("E1", RESTORE, 40, 1800))

    await grid_days(store, clock).run()

    assert await kept(
        database, "SELECT local_day, customers, saidi_min, saifi, maifi FROM report.reliability_day"
        " WHERE saifi > 0",
    ) == [(DAY, 4, 7.5, 0.25, 0.0)]  # fmt: skip
    assert await kept(database, "SELECT name FROM report.outage") == [("one service",)]
    assert await kept(database, "SELECT local_day, transformer_id FROM report.transformer_day") == [
        (DAY, "T1")
    ]


async def test_a_city_without_electric_meters_has_no_indices(store, database):
    street = a_street()
    async with store() as work:
        await work.registry.merge(
            replace(
                street,
                meters=tuple(
                    replace(each, radio=Radio.ON) for each in street.meters if each.badge == "W1"
                ),
                channels=tuple(each for each in street.channels if each.badge == "W1"),
            )
        )

    await grid_days(store, FakeClock(START + timedelta(hours=30))).run()

    assert await kept(database, "SELECT * FROM report.reliability_day") == []
