"""What the period rules say of a bill before it is frozen, and what a person may wave by."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mdms.domain.dials import DialRead
from mdms.domain.facts import CisFact, Subject
from mdms.domain.reading_types import reading_type
from mdms.domain.registry import Channel, Commodity
from mdms.domain.time import days_between, local_midnight, to_epoch_s
from mdms.ports.billing import BillingDeterminant
from mdms.ports.vee import VeeDay
from tests.unit.mdms.services.test_billing_run import (
    CLOSES,
    END,
    NIGHT_AFTER,
    OPENS,
    PACIFIC,
    START,
    Bench,
)

BEFORE = START - timedelta(days=30)
A_YEAR = timedelta(days=365)


async def billed_before(bench: Bench, start: date, days: int = 30, **said: Any) -> None:
    """Freeze an earlier window of meter 1: usage as in this one, unless it is said otherwise."""
    end = start + timedelta(days=days)
    row = BillingDeterminant(
        window_start=start,
        window_end=end,
        channel_id=1,
        badge="E1",
        reading_type=bench.database.registry.registry.channels[0].reading_type,
        usage_point_id="U1",
        premise_id="P1",
        account_id="A1",
        read_start_utc=NIGHT_AFTER - (END - start),
        read_end_utc=NIGHT_AFTER - (END - end),
        register_start=0,
        register_end=0,
        usage_quanta=int(bench.value[0].sum()),
        usage_units=0,
        unit="kWh",
        quality="ACTUAL",
        method="",
        estimated_share=Decimal(0),
        interval_count=720,
        estimated_count=0,
        versions=b"",
        ruleset_hash="",
        content_hash="",
    )
    await bench.database.billing.freeze(start, end, [replace(row, **said)], [], NIGHT_AFTER)


def outcome(day: date, *, estimated: int = 0, usage: int | None = 20_000) -> VeeDay:
    actual = 24 - estimated
    return VeeDay(1, day, 0, NIGHT_AFTER, "r", 24, actual, estimated, 0, 0, 0, usage, usage)


def raised(bench: Bench) -> list[tuple[str, str]]:
    return [(each.rule, each.severity) for each in bench.database.vee.exceptions]


async def test_a_first_bill_meets_no_rule_that_compares():
    bench = Bench(meters=1)

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.flagged)) == (1, {})
    assert bench.database.vee.exceptions == []


async def test_a_bill_far_from_the_one_before_waits_for_a_person():
    bench = Bench(meters=1)
    await billed_before(bench, BEFORE, usage_quanta=200_000)

    first = await bench.service.freeze(START, END)
    [block] = await bench.database.billing.blocked(START, END)
    hold = next(each for each in bench.database.vee.exceptions if each.rule == "V51")
    bench.database.exceptions.answers = {(1, "V51", hold.detail)}
    second = await bench.service.freeze(START, END)

    assert (first.frozen, dict(first.blocked)) == (0, {"period_check": 1})
    assert "V51: 3." in block.detail
    assert raised(bench) == [("V51", "HOLD"), ("V44", "WARN")]
    assert (second.frozen, dict(second.blocked)) == (1, {})


async def test_an_answer_to_other_figures_lets_nothing_pass():
    bench = Bench(meters=1)
    await billed_before(bench, BEFORE, usage_quanta=200_000)
    bench.database.exceptions.answers = {(1, "V51", "9.99 times the daily usage")}

    assert (await bench.service.freeze(START, END)).frozen == 0


async def test_the_same_days_a_year_ago_count_before_the_period_before():
    bench = Bench(meters=1)
    await billed_before(bench, START - A_YEAR)
    await billed_before(bench, BEFORE, usage_quanta=200_000)

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.flagged)) == (1, {"V44": 1})


async def test_usage_that_surprises_nobody_is_not_compared():
    bench = Bench(meters=1)
    await billed_before(bench, BEFORE, usage_quanta=200_000)
    registry = bench.database.registry.registry
    points = (replace(registry.usage_points[0], irregular_usage=True),)
    bench.database.registry.registry = replace(registry, usage_points=points)

    assert (await bench.service.freeze(START, END)).frozen == 1


async def test_a_new_customer_is_not_compared_with_the_one_before():
    bench = Bench(meters=1)
    await billed_before(bench, BEFORE, usage_quanta=200_000, account_id="another")

    assert (await bench.service.freeze(START, END)).frozen == 1


async def test_days_without_an_actual_value_that_go_on_hold_the_bill():
    bench = Bench(meters=1)
    bench.database.vee.outcomes = [
        outcome(START + timedelta(days=number), estimated=24, usage=None)
        for number in range(-5, 27)
    ]

    result = await bench.service.freeze(START, END)

    assert dict(result.blocked) == {"period_check": 1}
    assert [each.detail for each in bench.database.vee.exceptions] == [
        "estimated for 32 days running"
    ]


async def test_somebody_is_sent_once_to_a_meter_that_was_estimated_for_too_long():
    bench = Bench(meters=2)
    bench.database.vee.outcomes = [
        outcome(START + timedelta(days=number), estimated=24, usage=None)
        for number in range(-5, 27)
    ]

    for _ in range(2):
        await bench.service.freeze(START, END)

    (order,) = bench.database.field_orders.orders
    assert (order.badge, order.usage_point_id, order.reason) == ("E1", "U1", "V54")
    assert order.detail.endswith("estimated for 32 days running")


async def test_a_day_far_from_its_like_is_counted_and_holds_nothing():
    bench = Bench(meters=1)
    bench.database.vee.outcomes = [
        outcome(day, usage=200_000 if day == date(2026, 11, 10) else 20_000)
        for day in (START + timedelta(days=number) for number in range(-20, 30))
    ]

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.flagged)) == (1, {"V50": 1})
    assert bench.database.vee.exceptions == []


@pytest.mark.parametrize(("days", "flags"), [(27, {}), (26, {"V55": 1})])
async def test_a_window_of_unusual_length_is_flagged(days, flags):
    bench = Bench(meters=1)

    result = await bench.service.freeze(END - timedelta(days=days), END, any_length=True)

    assert (result.frozen, dict(result.flagged)) == (1, flags)


async def test_gas_is_compared_in_the_weather_that_the_utility_stated():
    bench = Bench(meters=1)
    registry = bench.database.registry.registry
    kind = reading_type(Commodity.GAS, 0, 3600)
    bench.database.registry.registry = replace(
        registry,
        usage_points=(replace(registry.usage_points[0], commodity=Commodity.GAS),),
        channels=(Channel("E1", 0, kind.name, 3600, kind.unit),),
    )
    days = list(days_between(BEFORE, END - timedelta(days=1)))
    cold = {day: 30.0 if day >= START else 56.0 + day.toordinal() % 9 for day in days}
    used = int(bench.value[0].sum())
    per_degree = used / 30 / 35
    bench.database.vee.outcomes = [
        outcome(day, usage=round(per_degree * (65 - cold[day]))) for day in days
    ]
    await billed_before(
        bench,
        BEFORE,
        reading_type=kind.name,
        usage_quanta=sum(round(per_degree * (65 - cold[day])) for day in days[:30]),
    )

    unexplained = await bench.service.freeze(START, END)
    bench.database.facts.statements = [
        CisFact(
            subject=Subject.UTILITY,
            subject_id="cpau",
            fact="outdoor_mean_f",
            value=str(cold[day]),
            effective_at=local_midnight(day, PACIFIC),
            known_at=NIGHT_AFTER,
        )
        for day in days
    ]
    explained = await bench.service.freeze(START, END)

    assert (unexplained.frozen, unexplained.flagged["V51"]) == (0, 1)
    assert (explained.frozen, explained.flagged["V51"]) == (1, 0)


def read_dials(bench: Bench, at: datetime, **shown: int) -> None:
    bench.database.dials.reads += [
        DialRead(1, dial, to_epoch_s(at), value) for dial, value in shown.items()
    ]


@pytest.mark.parametrize(
    ("missing", "flags"), [(0, {}), (500, {}), (90_000, {"V37": 1})], ids=["all", "step", "much"]
)
async def test_time_of_use_registers_add_up_to_their_total_or_a_person_looks(missing, flags):
    bench = Bench(meters=1)
    used = int(bench.value[0].sum())
    read_dials(bench, OPENS, peak=10**8 - 1_000, off_peak=7)
    read_dials(bench, CLOSES, peak=199_000, off_peak=7 + used - 200_000 - missing)

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.flagged)) == (0 if flags else 1, flags)
    if flags:
        assert raised(bench) == [("V37", "HOLD")]


async def test_a_register_that_was_read_at_one_edge_only_says_nothing():
    bench = Bench(meters=1)
    read_dials(bench, OPENS, peak=5)
    read_dials(bench, CLOSES, peak=5, off_peak=9)

    assert dict((await bench.service.freeze(START, END)).flagged) == {}


@pytest.mark.parametrize(("beyond", "flags"), [(0, {}), (30, {}), (100, {"V36": 1})])
async def test_a_demand_register_that_registers_contradict_is_told_and_holds_nothing(beyond, flags):
    bench = Bench(meters=1)
    read_dials(bench, OPENS, demand=99_999)
    read_dials(bench, CLOSES, demand=int(bench.value[0].max()) + beyond)

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.flagged)) == (1, flags)
    assert raised(bench) == ([("V36", "WARN")] if flags else [])
