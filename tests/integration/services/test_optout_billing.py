"""A home that opted out within a bill window is billed: on its customer's reads, or estimates."""

import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import numpy as np
import pytest

from mdms.domain.readings import RegisterReads, Source
from mdms.domain.time import to_epoch_s
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeRun
from mdms.services.billing_run import BillingService
from mdms.services.self_read_months import SelfReadMonths
from mdms.services.self_reads import ReadSent, SelfReadService
from tests.controls import AT, a_control
from tests.fakes import FakeClock
from tests.households import BOOK, Household
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db

START, END = date(2026, 11, 3), date(2026, 12, 3)
BEFORE_END = datetime(2026, 12, 2, 18, tzinfo=UTC)
BEGAN_S = to_epoch_s(datetime(2026, 11, 3, 8, tzinfo=UTC))
"""Local midnight: the opening edge of the window."""


@pytest.fixture
async def home(store: UnitOfWorkFactory) -> Household:
    """A home that opted out on 4 November; its meters had sent a register a day for a month."""
    made = Household(store, FakeClock(AT))
    await made.settle()
    async with store() as work:
        table = await work.registry.channels()
        for channel_id in table.channel_id.tolist():
            at_s = BEGAN_S + 86_400 * np.arange(-30, 2)
            value = 500_000 + 10_000 * np.arange(-30, 2)
            rows = RegisterReads.raw(
                np.full(len(at_s), channel_id), at_s, value, recorded_us=0, source=Source.UPLINK
            )
            await work.readings.append_register_versions(rows)
    await made.enrol()
    for badge in await made.opted_out():
        control = a_control(badge=badge, usage_point_id=f"U{badge}")
        async with store() as work:
            await work.controls.add(control)
            await work.optouts.silence(badge, AT, control.control_id)
    async with store() as work:
        await work.vee.record_run(VeeRun(1, AT, START, END, "rules", 0, 1))
    return made


def billing(home: Household) -> BillingService:
    """Return the service as the daemon wires it; there are no intervals that VEE might judge."""
    months = SelfReadMonths(home.store, home.clock, BOOK)

    async def finalize(first: date, last: date, channel_ids: Sequence[int]) -> None:
        await months.close(first, last + timedelta(days=1), channel_ids=channel_ids)

    return BillingService(home.store, home.clock, BOOK, finalize, RULES)


async def frozen(home: Household) -> dict[str, tuple[str, int]]:
    """Freeze the window; return quality and kWh, or quanta, by meter."""
    home.clock.advance(datetime(2026, 12, 3, 18, tzinfo=UTC) - home.clock.now())
    await billing(home).freeze(START, END)
    async with home.store() as work:
        rows = await work.billing.determinants(START, END)
    return {row.badge: (row.quality, row.usage_quanta) for row in rows}


async def test_nobody_who_opted_out_is_blocked_for_want_of_a_reading(home):
    bills = await frozen(home)

    # 29 days since the last register, of 10 kWh or 100 ccf each, and the one before them.
    assert bills == {
        "E1": ("ESTIMATED", 300_000),
        "E2": ("ESTIMATED", 300_000),
        "G1": ("ESTIMATED", 300_000),
    }


async def test_a_customers_reading_is_billed_as_theirs(home):
    home.clock.advance(BEFORE_END - home.clock.now())
    reads = SelfReadService(home.store, home.clock, BOOK)
    await reads.add(ReadSent(meter="E1", register=Decimal("791.5")), "clerk")

    bills = await frozen(home)

    assert bills["E1"] == ("CUSTOMER", 291_500)


async def test_freezing_again_estimates_nothing_anew(home):
    await frozen(home)

    again = await billing(home).freeze(START, END)

    assert (again.frozen, again.already_frozen) == (0, 3)


async def test_fees_go_with_the_first_bill_that_is_frozen_after_they_fell_due(home):
    await frozen(home)
    files = await billing(home).files(START, END)
    async with home.store() as work:
        due = await work.programme.charged(date(2026, 1, 1), END - timedelta(days=1))

    rows = list(csv.DictReader(StringIO(files[f"billing_events_v1_{START}_{END}.csv"].decode())))

    assert due
    assert [(row["kind"], row["amount_usd"], row["due_on"]) for row in rows] == [
        (each.kind, str(each.amount_usd), str(each.due_on)) for each in due
    ]
