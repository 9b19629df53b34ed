"""Leaks on a real database, from reads to a credit; from VEE's outcomes on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.controls import Optout
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.facts import CisFact, Subject
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Commodity,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    UsagePoint,
)
from mdms.domain.time import Period, days_between, local_midnight
from mdms.policy.leak_credit import Repair
from mdms.ports.billing import BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeDay, VeeRun
from mdms.services.customer_rules import CustomerBook
from mdms.services.leak_credit import CreditRequest, LeakCreditService
from mdms.services.leak_night import LeakNight
from mdms.services.leaks import LeakService
from tests.fakes import FakeClock
from tests.policy import CALENDAR, RULEBOOK
from tests.unit.vee.leaks.build import RULES

pytestmark = pytest.mark.db

PACIFIC = ZoneInfo("America/Los_Angeles")
FIRST, LAST = date(2026, 11, 3), date(2026, 11, 12)
WEEKS = Period.of_days(FIRST, LAST, PACIFIC)
WATER = reading_type(Commodity.WATER, 0, 3600)
GAS = reading_type(Commodity.GAS, 0, 3600)
AT = datetime(2026, 11, 13, 13, tzinfo=UTC)


def meter(badge: str, number: int) -> Meter:
    return Meter(
        badge=badge,
        serial=badge,
        radio_id=number,
        usage_point_id=f"U{badge}",
        model="water",
        installed_at=datetime(2026, 1, 1, tzinfo=UTC),
        removed_at=None,
        has_switch=False,
        pilot=False,
        radio=Radio.ON,
        register_dials=8,
        register_resolution=1,
        multiplier=1,
        key_id=0,
    )


def point(badge: str, commodity: Commodity, service_class: str) -> UsagePoint:
    return UsagePoint(f"U{badge}", "P1", commodity, service_class, 3, False, False, False)


REGISTRY = Registry(
    premises=(Premise("P1", PremiseKind.SINGLE_FAMILY, 37.44, -122.14, "", "Z1", ()),),
    usage_points=(
        point("W1", Commodity.WATER, "water_5_8"),
        point("W2", Commodity.WATER, "water_5_8"),
        point("G1", Commodity.GAS, "gas_250"),
    ),
    accounts=(Account("A1", "", "residential", date(2020, 1, 1), None),),
    agreements=(
        Agreement("A1", "UW1", date(2020, 1, 1), None),
        Agreement("A1", "UG1", date(2020, 1, 1), date(2026, 11, 5)),
    ),
    meters=(meter("W1", 1), meter("W2", 2), meter("G1", 3)),
    channels=tuple(
        Channel(badge, 0, kind.name, 3600, kind.unit)
        for badge, kind in (("W1", WATER), ("W2", WATER), ("G1", GAS))
    ),
)


async def stored(store: UnitOfWorkFactory, flow: "dict[str, np.ndarray]") -> dict[str, int]:
    """Store hours of ten days, judged; return the channels."""
    start_s = np.arange(WEEKS.start_s, WEEKS.end_s, 3600)
    async with store() as work:
        await work.registry.merge(REGISTRY)
        table = await work.registry.channels()
        ids = dict(zip(table.badge.tolist(), table.channel_id.tolist(), strict=True))
        for badge, value in flow.items():
            await work.readings.append_raw(
                IntervalReads.raw(
                    np.full(len(start_s), ids[badge]), start_s, value,
                    recorded_us=0, source=Source.UPLINK,
                ),
                RegisterReads.empty(),
                sure=True,
            )  # fmt: skip
    return ids


async def judged(store: UnitOfWorkFactory, ids: dict[str, int], first: date, last: date) -> None:
    """Let validation pass days."""
    at = local_midnight(last + timedelta(days=1), PACIFIC)
    async with store() as work:
        await work.vee.append_days(
            [
                VeeDay(channel_id, day, 0, at, "abc", 24, 24, 0, 0, 0, 0)
                for channel_id in ids.values()
                for day in days_between(first, last)
            ]
        )
        known = await work.vee.last_run()
        number = 1 if known is None else known.run_id + 1
        await work.vee.record_run(VeeRun(number, at, first, last, "abc", 1, 0))


def night(store: UnitOfWorkFactory) -> LeakNight:
    return LeakNight(store, FakeClock(AT), RULES, PACIFIC)


def service(store: UnitOfWorkFactory, at: datetime = AT) -> LeakService:
    return LeakService(store, FakeClock(at), RULES, CustomerBook(RULEBOOK, CALENDAR))


def leaky() -> np.ndarray:
    flow = np.zeros(240, np.int64)
    flow[30:] = 45
    return flow


async def test_a_leak_is_found_and_shown_with_every_step(store):
    ids = await stored(store, {"W1": leaky(), "W2": np.tile([9, 0, 30], 80)})
    await judged(store, ids, FIRST, LAST)

    result = await night(store).run()

    assert (result.first_day, result.last_day, result.channels) == (FIRST, LAST, 3)
    (case,) = await service(store).cases()
    assert (case["leak"], case["state"], case["severity"]) == ("W1-1", "CONFIRMED", 2)
    assert (case["rate"], case["unit"]) == (4.5, "gal")
    assert case["lost"] == pytest.approx(4.5 * 210, abs=5)
    shown = await service(store).case("W1-1")
    assert [(step["signal"], step["notice"]) for step in shown["steps"]] == [
        ("RAISE", ""),
        ("CONFIRM", "confirmed"),
        ("", "still"),
        ("", "still"),
    ]


async def test_nights_one_by_one_end_like_one_over_all_days(store):
    ids = await stored(store, {"W1": leaky(), "W2": np.tile([0, 30, 12], 80)})
    for day in days_between(FIRST, LAST):
        await judged(store, ids, day, day)
        await night(store).run()

    async with store() as work:
        slowly = await work.leaks.memories(list(ids.values()))
        case = await work.leaks.case("W1", 1)
    carried = {channel: each.packed for channel, each in slowly.items()}
    assert case is not None
    assert case.lost == pytest.approx(4.5 * 210, abs=5)

    again = await night(store).run()
    assert again.first_day is None, "nothing is looked at twice"
    assert len(carried) == 3


async def test_values_that_validation_did_not_pass_say_nothing(store):
    ids = await stored(store, {"W1": leaky(), "W2": leaky()})
    await judged(store, {"W1": ids["W1"]}, FIRST, LAST)

    await night(store).run()

    assert {case["meter"] for case in await service(store).cases()} == {"W1"}


async def test_a_meter_that_opted_out_is_not_looked_at_and_its_case_ends(store):
    ids = await stored(store, {"W1": leaky(), "W2": leaky()})
    await judged(store, ids, FIRST, LAST - timedelta(days=3))
    await night(store).run()
    async with store() as work:
        opted_at = local_midnight(LAST - timedelta(days=3), PACIFIC)
        await work.optouts.add(Optout(UUID(int=1), "W2", opted_at, "", "csr", opted_at))
    await judged(store, ids, LAST - timedelta(days=2), LAST)

    await night(store).run()

    states = {case["meter"]: case["state"] for case in await service(store).cases()}
    assert states == {"W1": "CONFIRMED", "W2": "OPTED_OUT"}
    async with store() as work:
        assert set(await work.leaks.memories(list(ids.values()))) == {ids["W1"], ids["G1"]}


async def test_a_meter_that_comes_back_leaves_its_earlier_cases_as_they_were(store):
    ids = await stored(store, {"W1": leaky()})
    opt_out = Optout(UUID(int=1), "W1", local_midnight(date(2026, 11, 7), PACIFIC), "", "csr", AT)
    await judged(store, ids, FIRST, date(2026, 11, 6))
    await night(store).run()
    async with store() as work:
        await work.optouts.add(opt_out)
    await judged(store, ids, date(2026, 11, 7), date(2026, 11, 7))
    await night(store).run()
    async with store() as work:
        await work.optouts.end(opt_out.optout_id, local_midnight(date(2026, 11, 8), PACIFIC), "csr")

    await judged(store, ids, date(2026, 11, 8), LAST)
    await night(store).run()

    states = {case["leak"]: case["state"] for case in await service(store).cases()}
    assert states == {"W1-1": "OPTED_OUT", "W1-2": "CONFIRMED"}


async def test_a_leak_of_a_meter_that_was_taken_away_ends(store):
    ids = await stored(store, {"W1": leaky(), "W2": leaky()})
    await judged(store, ids, FIRST, date(2026, 11, 8))
    await night(store).run()
    async with store() as work:
        gone = replace(REGISTRY.meters[0], removed_at=local_midnight(LAST, PACIFIC))
        await work.registry.merge(replace(REGISTRY, meters=(gone, *REGISTRY.meters[1:])))
    await judged(store, ids, date(2026, 11, 9), LAST)

    await night(store).run()

    states = {case["leak"]: case["state"] for case in await service(store).cases()}
    assert states == {"W1-1": "WITHDRAWN", "W2-1": "CONFIRMED"}


async def test_gas_used_without_an_account_asks_for_a_visit(store):
    flow = np.zeros(240, np.int64)
    flow[60] = 3  # on the first day that is nobody's
    ids = await stored(store, {"G1": flow})
    await judged(store, ids, FIRST, LAST)

    await night(store).run()

    (case,) = await service(store).cases()
    assert (case["leak"], case["kind"], case["unit"]) == ("G1-1", "gas_idle", "cf")
    with pytest.raises(UsageError, match="CLEARED already"):
        await service(store).acknowledge("G1-1", by="csr", reason="")


@pytest.mark.parametrize(("outdoor_f", "kinds"), [(70.0, {"gas_night"}), (50.0, set())])
async def test_nights_of_more_gas_than_before_count_where_the_utility_said_it_was_warm(
    store, outdoor_f, kinds
):
    flow = np.repeat([1, 30], [7 * 24, 3 * 24])
    rules = replace(
        RULES,
        gas=replace(
            RULES.gas, night_days=2, baseline_days=8, baseline_days_min=4, nights=2,
            idle_quanta_max=100,
        ),
    )  # fmt: skip
    ids = await stored(store, {"G1": flow})
    await judged(store, ids, FIRST, LAST)
    async with store() as work:
        await work.facts.add(
            [
                CisFact(
                    subject=Subject.UTILITY,
                    subject_id="cpau",
                    fact="outdoor_mean_f",
                    value=str(outdoor_f),
                    effective_at=local_midnight(day, PACIFIC),
                    known_at=AT,
                )
                for day in days_between(FIRST, LAST)
            ]
        )

    await LeakNight(store, FakeClock(AT), rules, PACIFIC).run()

    assert {case["kind"] for case in await service(store).cases()} == kinds


async def test_a_flow_that_is_normal_raises_nothing_more(store):
    ids = await stored(store, {"W1": leaky()})
    await judged(store, ids, FIRST, LAST - timedelta(days=2))
    await night(store).run()

    answered = await service(store).acknowledge("W1-1", by="csr", reason="ice machine")
    await judged(store, ids, LAST - timedelta(days=1), LAST)
    await night(store).run()

    assert answered["state"] == "ACK_NORMAL"
    (case,) = await service(store).cases()
    assert case["state"] == "ACK_NORMAL"
    steps = (await service(store).case("W1-1"))["steps"]
    assert (steps[-1]["signal"], steps[-1]["by"], steps[-1]["reason"]) == (
        "ACK",
        "csr",
        "ice machine",
    )
    with pytest.raises(NotFoundError, match="no leak is called"):
        await service(store).case("W1-9")


async def test_a_pool_that_is_filled_silences_a_meter_for_72_hours(store):
    ids = await stored(store, {"W1": np.zeros(240, np.int64)})
    await judged(store, ids, FIRST, FIRST)
    await night(store).run()

    told = await service(store).tell("W1", by="csr", pool_fill=True, normal_gal_h=None)

    assert told["pool_fill_until"] == (AT + timedelta(hours=72)).isoformat()
    with pytest.raises(NotFoundError):
        await service(store).tell("W2x", by="csr", pool_fill=True, normal_gal_h=None)


async def test_notices_wait_for_the_morning_unless_a_pipe_has_burst(store):
    burst = np.zeros(240, np.int64)
    burst[180] = 2500
    ids = await stored(store, {"W1": leaky(), "W2": burst})
    await judged(store, ids, FIRST, LAST)
    evening = datetime(2026, 11, 14, 6, tzinfo=UTC)  # 22:00 in Palo Alto
    await LeakNight(store, FakeClock(evening), RULES, PACIFIC).run()

    due = await service(store, evening).notices(evening)

    sent = {step["notice"]: step["send_at"] for step in due}
    assert sent["burst"] == evening.isoformat()
    assert sent["confirmed"] == datetime(2026, 11, 14, 16, tzinfo=UTC).isoformat()


def bill(channel_id: int, start: date, end: date, ccf: int) -> BillingDeterminant:
    return BillingDeterminant(
        window_start=start, window_end=end, channel_id=channel_id, badge="W1",
        reading_type=WATER.name, usage_point_id="UW1", premise_id="P1", account_id="A1",
        read_start_utc=AT, read_end_utc=AT, register_start=0, register_end=0,
        usage_quanta=ccf * 7480, usage_units=ccf, unit="ccf", quality="ACTUAL", method="register",
        estimated_share=Decimal(0), interval_count=1, estimated_count=0, versions=b"",
        ruleset_hash="abc", content_hash=f"{start}",
    )  # fmt: skip


async def test_a_credit_rests_on_frozen_bills_and_on_the_meters_own_flow(store):
    ids = await stored(store, {"W1": leaky()})
    await judged(store, ids, FIRST, LAST)
    await night(store).run()
    years = [
        bill(ids["W1"], date(2025, 11, 3), date(2025, 12, 3), 10),
        bill(ids["W1"], date(2024, 11, 3), date(2024, 12, 6), 11),
        bill(ids["W1"], date(2023, 11, 3), date(2023, 12, 1), 14),
        bill(ids["W1"], date(2026, 11, 3), date(2026, 12, 4), 40),
    ]
    async with store() as work:
        for each in years:
            await work.billing.freeze(each.window_start, each.window_end, [each], [], AT)
    service_of_credits = LeakCreditService(
        store, FakeClock(datetime(2026, 12, 10, tzinfo=UTC)), CustomerBook(RULEBOOK, CALENDAR)
    )

    figures = await service_of_credits.figures(
        "W1-1",
        CreditRequest(
            tier1_rate=Decimal("7.00"), repair=Repair.REPAIRED, cause_determined=True, approved=True
        ),
    )

    assert (figures["normal_ccf"], figures["above_ccf"]) == ("12.06", "27.94")
    assert (figures["credited_ccf"], figures["credit_usd"]) == ("13.97", "97.79")
    assert figures["flags"] == ["leak_explains_less_than_half"]
    assert figures["evidence"]["repaired_by_the_meter"] is False
    assert len(figures["evidence"]["history"]) == 3
    said_at = datetime(2026, 12, 1, tzinfo=UTC)
    async with store() as work:
        await work.facts.add(
            [
                CisFact(
                    subject=Subject.ACCOUNT,
                    subject_id="A1",
                    fact="leak_credit_on",
                    value="2024-06-09",
                    effective_at=said_at,
                    known_at=said_at,
                )
            ]
        )
    again = await service_of_credits.figures(
        "W1-1",
        CreditRequest(
            tier1_rate=Decimal("7.00"), repair=Repair.REPAIRED, cause_determined=True, approved=True
        ),
    )
    assert (again["decision"], again["code"]) == ("DENY", "LEAK_36M")


async def test_each_bill_of_a_leak_has_its_own_last_day_to_ask(store):
    ids = await stored(store, {"W1": leaky()})
    await judged(store, ids, FIRST, LAST)
    await night(store).run()
    async with store() as work:
        for start, end in ((FIRST, date(2026, 11, 8)), (date(2026, 11, 8), date(2026, 12, 4))):
            await work.billing.freeze(start, end, [bill(ids["W1"], start, end, 20)], [], AT)
    desk = LeakCreditService(
        store, FakeClock(datetime(2026, 12, 10, tzinfo=UTC)), CustomerBook(RULEBOOK, CALENDAR)
    )

    figures = await desk.figures(
        "W1-1", CreditRequest(tier1_rate=Decimal(7), issued_on=date(2026, 12, 6))
    )

    assert figures["last_day_to_ask"] == ["2027-01-29", "2027-02-24"]
