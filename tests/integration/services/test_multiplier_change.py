"""A meter that stays where it is and is set up with another multiplier within a month."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from mdms.domain.edits import EditNotAllowedError, EditOperation, EditReason
from mdms.domain.readings import Status
from mdms.domain.time import from_epoch_s
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billing_run import BillingService
from mdms.services.edit_values import EditRequest
from mdms.services.edits import EditService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from mdms.services.vee_run import VeeService
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.services.test_billing_line import (
    END,
    JUDGED,
    MONTH,
    PACIFIC,
    START,
    TOWN,
    no_finalize,
    receive,
)
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db

DAY_S = 86_400
CHANGED_AT = from_epoch_s(MONTH.start_s + 12 * DAY_S + DAY_S // 2)


async def changed(store: UnitOfWorkFactory) -> int:
    """Receive the month of a town in which E1 counts forty times as much from the 13th day on."""
    [e1] = [meter for meter in TOWN.meters if meter.badge == "E1"]
    others = [meter for meter in TOWN.meters if meter.badge != "E1"]
    stays = replace(e1, removed_at=CHANGED_AT), replace(e1, installed_at=CHANGED_AT, multiplier=40)
    town = replace(TOWN, meters=(*stays, *others))
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    await RegistryService(store).import_files(write_directory(town))
    async with store() as work:
        table = await work.registry.channels_of(["E1"])
    return int(table.channel_id[0])


async def test_days_before_the_change_are_not_held_and_no_bill_mixes_both(store):
    channel_id = await changed(store)
    vee = VeeService(store, FakeClock(JUDGED), RULES, PACIFIC)
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)

    await vee.run(START, END - timedelta(days=1), channel_ids=[channel_id], final=True)
    await billing.freeze(START, END)

    async with store() as work:
        reads = await work.readings.intervals(MONTH, channel_ids=[channel_id])
    now = reads.current()
    before = now.start_s < MONTH.start_s + 12 * DAY_S
    assert not np.isin(now.status[before], [Status.SUSPECT.code, Status.ESTIMATED.code]).any()
    told = {row["meter"]: row["detail"] for row in await billing.status() if row["meter"]}
    assert "its multiplier, dials or resolution changed" in told["E1"]


async def test_a_register_is_edited_by_the_multiplier_of_its_day(store):
    channel_id = await changed(store)
    edits = EditService(store, FakeClock(JUDGED), RULES, PACIFIC, no_rejudge)
    async with store() as work:
        reads = (await work.readings.registers(MONTH, channel_ids=[channel_id])).current()

    def corrected(at_s: int) -> EditRequest:
        shown = int(reads.value[reads.at_s <= at_s][-1])
        return EditRequest(
            meter="E1",
            operation=EditOperation.REGISTER,
            start=from_epoch_s(at_s),
            end=None,
            values=(shown + 7,),
            reason=EditReason.FIELD_READ,
            override_sum="looked at it",
        )

    days = [MONTH.start_s + number * DAY_S for number in (5, 20)]
    asked = [await edits.ask(corrected(at_s), "ann", "vee", dry_run=True) for at_s in days]

    assert [edit["change"] for edit in asked] == [7, 280]
    with pytest.raises(EditNotAllowedError, match="edit its intervals"):
        await edits.ask(corrected(MONTH.start_s + 12 * DAY_S), "ann", "vee", dry_run=True)


async def no_rejudge(*_days: object) -> None:
    """Leave the days as they were judged."""
