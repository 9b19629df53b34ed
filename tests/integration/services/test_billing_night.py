"""Each night frozen bills are held against reads that moved; what differs is proposed."""

from datetime import timedelta

import pytest

from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billed import BilledServices
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_night import BillingNight
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.services.test_billing_life import (
    AFTER,
    edit_closing_register,
    frozen,
)
from tests.integration.services.test_billing_line import END, START
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db


async def edit(store: UnitOfWorkFactory, badge: str, more: int) -> None:
    """Change a closing register as an approved edit does: its day is to be judged again."""
    await edit_closing_register(store, badge, more)
    async with store() as work:
        table = await work.registry.channels_of([badge])
        await work.vee.touch([(int(table.channel_id[0]), END - timedelta(days=1))])


async def test_a_bill_that_an_edit_overtook_is_proposed_and_replaced_when_somebody_lets_it(store):
    await frozen(store)
    clock = FakeClock(AFTER)
    night = BillingNight(store, clock, BOOK, RULES)
    corrections = BillingCorrections(store, clock, BOOK, RULES)
    billed = BilledServices(store, clock)
    await edit(store, "E1", 2_000)

    found = [await night.run(), await night.run()]
    [proposal] = await corrections.every(untold_only=True)
    before = await billed.of_meter("E1")
    clock.advance(timedelta(days=2))
    [made] = await corrections.correct(START, END, "biller")

    assert found == [1, 0]
    assert (proposal["proposed"], proposal["treatment"]) == (True, "replace")
    assert proposal["changes"]["delivered_kwh"]["change"] == 2
    assert proposal["notice_by"] == "2027-01-05"
    assert [each["revision"] for each in before] == [1]
    assert made["number"] == proposal["number"]
    [kept] = await corrections.every(untold_only=True)
    assert (kept["proposed"], kept["notice_by"]) == (False, proposal["notice_by"])
    assert [each["revision"] for each in await billed.of_meter("E1")] == [1, 2]
    assert await night.run() == 0
    async with store() as work:
        kinds = [each.content for each in await work.audit.newest(subject="U-E1", count_max=9)]
    assert b"billing.corrected" in kinds[0]
    assert b"billing.correction_proposed" in kinds[1]


async def test_a_proposal_gives_way_to_what_the_reads_say_next_and_keeps_its_term(store):
    await frozen(store)
    clock = FakeClock(AFTER)
    night = BillingNight(store, clock, BOOK, RULES)
    corrections = BillingCorrections(store, clock, BOOK, RULES)

    told = []
    for more in (2_000, 3_000, -5_000):
        await edit(store, "E1", more)
        await night.run()
        told.append(
            [(each["changes"]["delivered_kwh"]["change"], each["notice_by"])
             for each in await corrections.every(untold_only=True)]
        )  # fmt: skip
        clock.advance(timedelta(days=1))

    assert told == [[(2, "2027-01-05")], [(5, "2027-01-05")], []]


async def test_nobody_looks_at_what_did_not_move(store):
    await frozen(store)
    async with store() as work:
        await work.vee.touch([(1, END + timedelta(days=9))])
        assert await work.corrections.overtaken() == {}
        await work.corrections.overtake((START, START))
        ((window, channel_ids),) = (await work.corrections.overtaken()).items()

    assert window == (START, END)
    assert len(channel_ids) == 4
    assert await BillingNight(store, FakeClock(AFTER), BOOK, RULES).run() == 0
