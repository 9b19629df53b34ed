"""Moves that were told after a freeze, on a real database: no day is billed to two accounts."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest

from mdms.domain.facts import CisFact, Subject
from mdms.domain.readings import Status
from mdms.domain.time import to_epoch_us
from mdms.ports.billing import BilledService
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_run import BillingService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.services.test_billing_life import AFTER, edit_closing_register, frozen
from tests.integration.services.test_billing_line import (
    END,
    JUDGED,
    MONTH,
    START,
    TOWN,
    no_finalize,
    receive,
)
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db

MOVED = date(2026, 11, 20)


async def move(
    store: UnitOfWorkFactory, out: date | None, in_: date, gone: date | None = None
) -> None:
    """Let A1 leave one day, or stay, and A2 come on another and leave again, or not."""
    agreements = (
        *(replace(each, end_on=out) for each in TOWN.agreements),
        *(replace(each, account_id="A2", start_on=in_, end_on=gone) for each in TOWN.agreements),
    )
    accounts = (*TOWN.accounts, replace(TOWN.accounts[0], account_id="A2"))
    town = replace(TOWN, agreements=agreements, accounts=accounts)
    await RegistryService(store).import_files(write_directory(town))


async def bills(store: UnitOfWorkFactory, usage_point_id: str = "U-E1") -> list[BilledService]:
    """Return what counts of a service, by period."""
    async with store() as work:
        found = await work.billing.services(START, END)
    return [each for each in found if each.usage_point_id == usage_point_id]


def days_of(found: list[BilledService]) -> list[tuple[str, date, date]]:
    return [(each.account_id, each.from_on, each.to_on) for each in found]


async def dispute(store: UnitOfWorkFactory, account_id: str, at: datetime) -> None:
    async with store() as work:
        said = CisFact(
            subject=Subject.ACCOUNT, subject_id=account_id, fact="dispute", value="open",
            effective_at=at, known_at=at,
        )  # fmt: skip
        await work.facts.add([said])


async def test_a_move_that_is_told_after_the_freeze_bills_no_day_twice(store):
    billing = await frozen(store)
    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)
    [whole] = await bills(store)
    await move(store, MOVED, MOVED)

    refused = await billing.freeze(START, END)
    before = await bills(store)
    made = await corrections.correct(START, END, "biller")
    added = await billing.freeze(START, END)

    assert (refused.frozen, dict(refused.blocked)) == (0, {"billed_elsewhere": 4})
    blocked = [row["detail"] for row in await billing.status() if row["meter"] == "E1"]
    assert blocked == []
    assert before == [whole]
    assert {each["treatment"] for each in made} == {"replace"}
    assert (added.frozen, dict(added.blocked)) == (4, {})
    one, other = await bills(store)
    assert days_of([one, other]) == [("A1", START, MOVED), ("A2", MOVED, END)]
    exact = [each.quantities["delivered_kwh"] for each in (one, other)]
    assert abs(sum(exact) - whole.quantities["delivered_kwh"]) <= 1


async def test_who_came_on_the_read_day_is_billed_instead_of_who_had_left(store):
    await frozen(store)
    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)
    [before] = await bills(store)
    await move(store, START, START)
    await edit_closing_register(store, "G1", 200)

    seen = await corrections.diff(START, END)
    made = {each["usage_point"]: each for each in await corrections.correct(START, END, "biller")}

    rows = [row for row in seen if row["usage_point"] == "U-E1"]
    assert [(row["quantity"], row["treatment"]) for row in rows] == [("", "replace")]
    [now] = await bills(store)
    assert (now.account_id, now.revision, now.quantities) == ("A2", 2, before.quantities)
    assert made["U-E1"]["causes"] == ["terms_or_registry"]
    assert made["U-G1"]["causes"] == ["edit", "terms_or_registry"]


async def test_a_bill_whose_days_another_one_keeps_is_left_as_it_is(store):
    billing = await frozen(store)
    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)
    await move(store, date(2026, 11, 18), MOVED)
    await corrections.correct(START, END, "biller")
    await billing.freeze(START, END)
    before = await bills(store)

    await move(store, MOVED, MOVED)  # A1 had stayed until A2 came: there are two periods now
    seen = await corrections.diff(START, END)
    made = await corrections.correct(START, END, "biller")

    obstacles = [row["obstacle"] for row in seen if row["usage_point"] == "U-E1"]
    assert obstacles == [
        "2026-11-18 to 2026-11-20 stay billed to nobody",
        "2026-11-20 to 2026-12-03 stay billed to A2",
        "the registry has no such period any more",
    ]
    assert made == []
    assert await bills(store) == before


async def test_days_of_whoever_disputes_a_bill_are_given_to_nobody_else(store):
    billing = await frozen(store)
    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)
    await move(store, MOVED, MOVED)
    await corrections.correct(START, END, "biller")
    await billing.freeze(START, END)
    await dispute(store, "A1", AFTER)
    await move(store, date(2026, 11, 18), MOVED)  # A1 had left two days before A2 came

    made = await corrections.correct(START, END, "biller")

    assert {(each["account"], each["treatment"]) for each in made} == {
        ("A1", "locked"),
        ("A2", "locked"),
    }
    assert [each.to_on for each in await bills(store)] == [MOVED, END]


async def one_interval(store: UnitOfWorkFactory, at_s: int, status: Status, version: int) -> None:
    """Judge an interval of E1."""
    async with store() as work:
        channel_id = int((await work.registry.channels_of(["E1"])).channel_id[0])
        reads = await work.readings.intervals(MONTH, channel_ids=[channel_id])
        one = reads.take(reads.start_s == at_s).take(slice(0, 1))
        await work.readings.append_versions(
            replace(
                one,
                version=np.full(1, version, np.int16),
                status=np.full(1, status.code, np.uint8),
                recorded_us=np.full(1, to_epoch_us(JUDGED) - 10 + version),
            )
        )


async def test_days_of_empty_rooms_that_waited_are_billed_once_and_to_nobody(store):
    out, in_ = date(2026, 11, 19), date(2026, 11, 21)
    await move(store, out, in_)
    await receive(store)
    held_s = MONTH.start_s + 17 * 86_400
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)

    await one_interval(store, held_s, Status.SUSPECT, 1)
    first = await billing.freeze(START, END)
    await one_interval(store, held_s, Status.ACCEPTED, 2)
    second = await billing.freeze(START, END)

    assert dict(first.blocked) == {"held_intervals": 1}
    assert (second.frozen, dict(second.blocked)) == (1, {})
    assert days_of(await bills(store)) == [("A1", START, out), ("", out, in_), ("A2", in_, END)]
    async with store() as work:
        rows = [row for row in await work.billing.determinants(START, END) if row.badge == "E1"]
        reads = await work.readings.intervals(MONTH, channel_ids=[rows[0].channel_id])
    assert sum(row.usage_quanta for row in rows) == reads.current().value.sum()
    edges = [(row.read_start_utc, row.read_end_utc) for row in rows]
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]
