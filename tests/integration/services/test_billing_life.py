"""A bill's whole life on a real database: frozen, taken, overtaken by reads, corrected, told."""

import csv
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import numpy as np
import pytest

from mdms.billing.formats.csv_v1 import services_digest
from mdms.billing.service_parts import content_hash
from mdms.domain.controls import Action, ControlState
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.readings import Source, Status
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.policy.reading import EstimateReason
from mdms.ports.billing import WindowSummary
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billed import BilledServices
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_cycles import BillingCycles
from mdms.services.billing_estimates import BillingEstimates
from mdms.services.billing_parallel import ParallelBilling
from mdms.services.billing_run import BillingService
from mdms.services.meter_tests import MeterTests
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.controls import a_control
from tests.fakes import FakeClock
from tests.households import BOOK
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

AFTER = JUDGED + timedelta(days=3)


async def frozen(store: UnitOfWorkFactory) -> BillingService:
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    await billing.freeze(START, END)
    return billing


async def edit_closing_register(store: UnitOfWorkFactory, badge: str, more: int) -> None:
    """Let a person say that a meter showed more at the end of the window."""
    async with store() as work:
        table = await work.registry.channels_of([badge])
        channel_id = int(table.channel_id[0])
        end_s = to_epoch_s(MONTH.end_utc)
        reads = await work.readings.registers(MONTH, channel_ids=[channel_id])
        last = reads.take(reads.at_s == end_s)
        last = last.take(last.version == last.version.max())
        await work.edits.append_registers(
            replace(
                last,
                version=last.version + 1,
                value=last.value + more,
                status=np.full(1, Status.EDITED.code, np.uint8),
                recorded_us=np.full(1, to_epoch_us(AFTER) - 1),
                source=np.full(1, Source.EDIT, np.int16),
            )
        )


async def test_what_was_taken_is_acknowledged_and_only_that(store):
    billing = await frozen(store)
    billed = BilledServices(store, FakeClock(JUDGED))
    files = await billing.files(START, END)
    manifest = json.loads(files[f"manifest_v1_{START}_{END}.json"])

    told = await billed.acknowledge(
        START, END, digest=manifest["services_sha256"], by="sap", reference="RUN-17"
    )
    again = await billed.acknowledge(
        START, END, digest=manifest["services_sha256"], by="sap", reference="RUN-17"
    )

    assert (told["services"], told["new"], again["new"]) == (4, True, False)
    assert "acknowledged 2026-12-03 13:00Z by sap" in (await billing.status())[0]["detail"]
    with pytest.raises(UsageError, match="take its files again"):
        await billed.acknowledge(START, END, digest="0" * 64, by="sap", reference="")


async def test_nothing_differs_while_no_read_moved(store):
    await frozen(store)

    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)

    assert await corrections.diff(START, END) == []
    assert await corrections.correct(START, END, "biller") == []
    with pytest.raises(NotFoundError, match="never frozen"):
        await corrections.diff(START - timedelta(days=30), START)


async def test_an_edit_after_the_freeze_replaces_the_bill_and_owes_a_notice(store):
    billing = await frozen(store)
    clock = FakeClock(AFTER)
    corrections = BillingCorrections(store, clock, BOOK, RULES)
    billed = BilledServices(store, clock)
    before = await billed.of_window(START, END)
    await edit_closing_register(store, "E1", 2_000)

    known_then = await corrections.diff(START, END, as_of=JUDGED)
    seen = await corrections.diff(START, END)
    [made] = await corrections.correct(START, END, "biller")
    again = await corrections.correct(START, END, "biller")

    assert known_then == []
    [row] = seen
    assert (row["quantity"], row["change"], row["causes"]) == ("delivered_kwh", 2, ["edit"])
    assert (made["treatment"], made["flags"]) == ("replace", ["UNDERCHARGE"])
    assert (made["notice_by"], made["noticed_at"]) == (str(date(2027, 1, 5)), None)
    assert again == []
    now = {each["usage_point"]: each for each in (await billed.of_window(START, END))["services"]}
    then = {each["usage_point"]: each for each in before["services"]}
    assert (now["U-E1"]["revision"], now["U-E2"]) == (2, then["U-E2"])
    assert await billed.of_window(START, END, as_of=JUDGED) == before
    units = [each["quantities"]["delivered_kwh"] for each in await billed.of_meter("E1")]
    assert units == [units[0], units[0] + 2]
    assert [each["revision"] for each in await billed.of_meter("E1", as_of=JUDGED)] == [1]
    reads = (await billing.files(START, END))[f"billing_reads_v1_{START}_{END}.csv"].decode()
    assert [line.rsplit(",", 1)[1] for line in reads.splitlines()[1:]] == ["2", "1", "1", "1"]


async def test_a_customer_is_told_once(store):
    await frozen(store)
    await edit_closing_register(store, "E1", 2_000)
    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)
    [made] = await corrections.correct(START, END, "biller")

    told = await corrections.told(made["number"], "ada")

    assert (told["noticed_at"], told["noticed_by"]) == (AFTER.isoformat(), "ada")
    assert await corrections.every(untold_only=True) == []
    with pytest.raises(UsageError, match="already"):
        await corrections.told(made["number"], "ada")


async def test_an_undercharge_is_billed_within_the_limits_of_the_rule(store):
    await frozen(store)
    await edit_closing_register(store, "E1", 2_000)
    corrections = BillingCorrections(store, FakeClock(AFTER), BOOK, RULES)
    [made] = await corrections.correct(START, END, "biller")

    asked = await corrections.limits(
        {made["number"]: Decimal(740)}, established=True, approved=None
    )

    assert asked["decision"] == "REFER"
    assert asked["figures"]["back_bill"] == "500.00"


async def test_the_reading_schedule_says_which_windows_are_due(store):
    await RegistryService(store).import_files(write_directory(TOWN))
    cycles = BillingCycles(store, FakeClock(JUDGED), BOOK)
    text = "billing_cycle,read_on\n1,2026-11-03\n1,2026-12-03\n1,2027-01-04\n2,2026-11-05\n"

    count = await cycles.import_file("read_days.csv", text, "ada")

    assert count == 4
    windows = await cycles.windows()
    assert [(str(row["window_end"]), row["days"], row["state"]) for row in windows] == [
        ("2027-01-04", 32, "running"),
        ("2026-12-03", 30, "due"),
    ]


async def test_another_systems_bills_are_set_beside_ours(store):
    await frozen(store)
    parallel = ParallelBilling(store, BOOK)
    async with store() as work:
        ours = {row.badge: row for row in await work.billing.determinants(START, END)}
    e1, g1 = ours["E1"], ours["G1"]
    text = (
        "meter_badge,direction,read_on,value,usage\n"
        f"E1,delivered,2026-12-03,{e1.register_end // 1000},{e1.usage_units}\n"
        f"G1,delivered,2026-12-02,,{g1.usage_units + 3}\n"
        "X9,delivered,,,7\n"
    )

    found = await parallel.compare(START, END, name="old.csv", text=text)

    assert (found["rows"], found["equal"]) == (3, 1)
    assert [(row["meter"], row["differs"]) for row in found["differences"]] == [
        ("E2", "not_theirs"),
        ("G1", "read_day"),
        ("G1", "usage"),
        ("W1", "not_theirs"),
        ("X9", "not_ours"),
    ]
    assert found["differences"][2]["detail"] == "-3"


async def half_a_month(store: UnitOfWorkFactory) -> tuple[BillingService, BillingEstimates]:
    """Let E1 fall silent in the middle of the month, and freeze the others."""
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store, silent_since_s={"E1": MONTH.start_s + 15 * 86_400 + 1})
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)
    await billing.freeze(START, END)
    return billing, BillingEstimates(store, FakeClock(JUDGED), BOOK, RULES)


async def test_a_meter_that_fell_silent_is_estimated_because_a_person_says_why(store):
    billing, estimates = await half_a_month(store)
    blocked = [row["outcome"] for row in await billing.status() if row["meter"] == "E1"]

    [made] = await estimates.estimate("E1", START, END, EstimateReason.METER, "ada")
    again = await billing.freeze(START, END)

    assert blocked == ["missing_intervals"]
    assert (made["code"], made["basis"], made["days"]) == ("EST_METER", "class", 15)
    assert made["field_order"]
    assert (again.frozen, dict(again.blocked)) == (1, {})
    bills = (await BilledServices(store, FakeClock(JUDGED)).of_window(START, END))["services"]
    [bill] = [each for each in bills if each["usage_point"] == "U-E1"]
    assert bill["quality"] == "ESTIMATED"
    assert bill["flags"] == ["ESTIMATED", "INTERVALS_MISSING"]
    assert bill["detail"]["estimated_because"] == {"E1": "meter"}


async def test_what_was_read_or_estimated_is_not_estimated_again(store):
    _, estimates = await half_a_month(store)
    await estimates.estimate("E1", START, END, EstimateReason.NETWORK, "ada")

    with pytest.raises(OperatorError, match="estimated already"):
        await estimates.estimate("E1", START, END, EstimateReason.NETWORK, "ada")
    with pytest.raises(OperatorError, match="that is billed, freeze it"):
        await estimates.estimate("G1", START, END, EstimateReason.NETWORK, "ada")
    with pytest.raises(NotFoundError, match="no meter 'X9'"):
        await estimates.estimate("X9", START, END, EstimateReason.NETWORK, "ada")
    with pytest.raises(OperatorError, match="is not over"):
        await estimates.estimate("E1", END, END + timedelta(days=30), EstimateReason.NETWORK, "ada")


async def test_a_slow_meter_is_set_beside_a_good_one(store):
    await frozen(store)
    tests = MeterTests(store, FakeClock(AFTER), BOOK)
    [before] = await BilledServices(store, FakeClock(AFTER)).of_meter("E1")
    exact = Decimal(before["detail"]["exact"]["delivered_kwh"])

    slow = await tests.figures("E1", error=Decimal("-0.04"), tested_on=None)
    good = await tests.figures("E1", error=Decimal("0.02"), tested_on=None)
    dead = await tests.figures("E1", error=None, tested_on=END)

    [row] = slow["bills"]
    assert (slow["code"], slow["correct_from"]) == ("TEST_SLOW", "2023-12-06")
    assert row["corrected"] == int(exact / Decimal("0.96") + Decimal("0.5"))
    assert row["change"] == row["corrected"] - row["billed"]
    assert (good["code"], good["bills"]) == ("TEST_OK", [])
    assert (dead["code"], dead["bills"][0]["corrected"]) == ("TEST_DEAD", None)
    with pytest.raises(NotFoundError):
        await tests.figures("X9", error=None, tested_on=None)


async def test_what_is_stored_of_a_service_still_proves_what_it_says(store):
    await frozen(store)

    async with store() as work:
        services = await work.billing.services(START, END)

        summary = await work.billing.summary(START, END)

    assert [content_hash(each) for each in services] == [each.content_hash for each in services]
    assert summary == WindowSummary(4, 1, services_digest(services))


async def test_where_people_moved_each_account_has_its_bill(store):
    moved = date(2026, 11, 20)
    agreements = (
        *(replace(each, end_on=moved) for each in TOWN.agreements),
        *(replace(each, account_id="A2", start_on=moved) for each in TOWN.agreements),
    )
    accounts = (*TOWN.accounts, replace(TOWN.accounts[0], account_id="A2"))
    town = replace(TOWN, agreements=agreements, accounts=accounts)
    await RegistryService(store).import_files(write_directory(town))
    await receive(store)
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)

    result = await billing.freeze(START, END)
    bills = await BilledServices(store, FakeClock(JUDGED)).of_meter("E1")

    assert (result.frozen, result.services, dict(result.blocked)) == (8, 8, {})
    assert [(bill["account"], bill["from_on"], bill["to_on"]) for bill in bills] == [
        ("A1", "2026-11-03", "2026-11-20"),
        ("A2", "2026-11-20", "2026-12-03"),
    ]
    assert [bill["detail"]["proration"] for bill in bills] == ["17/30", "13/30"]
    async with store() as work:
        rows = [row for row in await work.billing.determinants(START, END) if row.badge == "E1"]
    assert rows[0].register_end == rows[1].register_start
    assert [row.closed_by for row in rows] == ["MOVE_OUT", "PERIODIC"]


async def test_a_disconnect_and_a_reconnect_carry_their_own_reads(store):
    billing = await frozen(store)
    opened_at, closed_at = MONTH.start_utc + timedelta(days=9), MONTH.start_utc + timedelta(days=11)
    async with store() as work:
        for number, (action, at) in enumerate(
            [(Action.DISCONNECT, opened_at), (Action.RECONNECT, closed_at)]
        ):
            done = a_control(badge="E1", usage_point_id="U-E1", action=action)
            await work.controls.add(
                replace(
                    done,
                    state=ControlState.VERIFIED,
                    answered_at=at,
                    register=721_345 + number,
                    due_at=None,
                )
            )
        await work.controls.add(a_control(badge="E2", usage_point_id="U-E2"))  # never answered

    files = await billing.files(START, END)

    rows = list(csv.DictReader(StringIO(files[f"switch_reads_v1_{START}_{END}.csv"].decode())))
    assert [(row["reason"], row["value"], row["contract_account"]) for row in rows] == [
        ("DISCONNECT", "721.345", "A1"),
        ("RECONNECT", "721.346", "A1"),
    ]
