"""What an actual read that overtook an estimate does to a bill, on a real database."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mdms.domain.facts import CisFact, Subject
from mdms.domain.readings import IntervalReads, Method, Source, Status
from mdms.domain.time import to_epoch_us
from mdms.ports.billing import BilledService
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_run import BillingService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.services.test_billing_life import AFTER, frozen
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

A_YEAR_BEFORE = datetime(2025, 11, 3, tzinfo=UTC)


async def current(store: UnitOfWorkFactory, badge: str) -> IntervalReads:
    async with store() as work:
        channel_id = int((await work.registry.channels_of([badge])).channel_id[0])
        reads = await work.readings.intervals(MONTH, channel_ids=[channel_id])
    return reads.current()


async def judge(
    store: UnitOfWorkFactory,
    rows: IntervalReads,
    value: np.ndarray,
    status: Status,
    at: datetime,
) -> None:
    """Append another version of some intervals."""
    estimated = status is Status.ESTIMATED
    async with store() as work:
        await work.readings.append_versions(
            replace(
                rows,
                version=rows.version + 1,
                value=value,
                status=np.full(len(rows), status.code, np.uint8),
                method=np.full(len(rows), Method.H1 if estimated else Method.NONE, np.int16),
                recorded_us=np.full(len(rows), to_epoch_us(at) - 10),
                source=np.full(len(rows), Source.VEE, np.int16),
            )
        )


async def bill_of(store: UnitOfWorkFactory, usage_point_id: str) -> BilledService:
    async with store() as work:
        found = await work.billing.services(START, END)
    [bill] = [each for each in found if each.usage_point_id == usage_point_id]
    return bill


async def test_buckets_and_demand_that_were_estimated_are_billed_again(store):
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    async with store() as work:
        said = CisFact(
            subject=Subject.USAGE_POINT, subject_id="U-E1", fact="rate_schedule",
            value="E-7-TOU", effective_at=A_YEAR_BEFORE, known_at=A_YEAR_BEFORE,
        )  # fmt: skip
        await work.facts.add([said])
    reads = await current(store, "E1")
    lost = reads.take(slice(96 + 48, 96 + 96))  # the afternoon of the second day
    total = int(lost.value.sum())
    even = np.full(48, total // 48)
    even[0] += total - even.sum()
    await judge(store, lost, even, Status.ESTIMATED, JUDGED)
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)
    await billing.freeze(START, END)
    before = await bill_of(store, "U-E1")
    peak = np.zeros(48, np.int64)
    peak[0] = total
    await judge(store, replace(lost, version=lost.version + 1), peak, Status.VALIDATED, AFTER)

    made = await BillingCorrections(store, FakeClock(AFTER), BOOK, RULES).correct(
        START, END, "biller"
    )

    [mine] = [each for each in made if each["usage_point"] == "U-E1"]
    assert mine["treatment"] == "replace"
    assert mine["changes"]["demand_kw"]["present"] == round(total * 4 / 1000)
    after = await bill_of(store, "U-E1")
    assert (before.revision, after.revision) == (1, 2)
    assert after.quantities["delivered_kwh"] == before.quantities["delivered_kwh"]


async def test_a_total_that_ended_with_an_estimate_is_left_to_the_next_bill(store):
    await frozen(store)
    reads = await current(store, "E2")
    last = reads.take(slice(len(reads) - 1, len(reads)))
    assert last.status[0] == Status.ESTIMATED.code
    await judge(store, last, last.value + 3_000, Status.VALIDATED, AFTER)
    before = await bill_of(store, "U-E2")

    made = await BillingCorrections(store, FakeClock(AFTER), BOOK, RULES).correct(
        START, END, "biller"
    )

    [mine] = made
    assert (mine["usage_point"], mine["treatment"]) == ("U-E2", "next_bill")
    assert mine["changes"]["delivered_kwh"]["change"] == 3
    assert await bill_of(store, "U-E2") == before
