"""What leaves the utility hides everybody in it, alone and beside all that left before."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.policy.aggregates import AggregateRules, Contribution, Release, Step, judge, publish
from mdms.policy.decision import Verdict
from tests.editions import CUSTOMER_RULES

SHIPPED = CUSTOMER_RULES.aggregate
SMALL = AggregateRules(residential_min=3, non_residential_min=3, share_max=Decimal("0.5"))
"""Thresholds that a few customers reach, so that many releases can be tried."""

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)
MONTHS = [JAN, FEB]

CELLS = [
    Contribution(f"{kind}{number}", kind == "H", month, Decimal(10 + number))
    for kind in "HS"
    for number in range(6)
    for month in MONTHS
]

RELEASES = st.builds(
    Release,
    quantity=st.sampled_from(["electric kWh", "electric kWh", "water ccf"]),
    step=st.sampled_from([Step.MONTH, Step.MONTH, Step.YEAR, Step.DAY]),
    contributions=st.sets(st.sampled_from(range(len(CELLS))), max_size=len(CELLS)).map(
        lambda rows: tuple(CELLS[row] for row in sorted(rows))
    ),
)


def hidden(cells: Iterable[Contribution]) -> bool:
    """The thresholds as the page states them, written apart from the code."""
    by_customer: defaultdict[tuple[bool, str], Decimal] = defaultdict(Decimal)
    for cell in cells:
        by_customer[cell.residential, cell.customer_id] += cell.amount
    homes = [amount for (home, _), amount in by_customer.items() if home]
    others = [amount for (home, _), amount in by_customer.items() if not home]
    enough_homes = not homes or len(homes) >= 3
    enough_others = not others or (len(others) >= 3 and max(others) <= sum(others) / 2)
    return enough_homes and enough_others


@given(st.lists(RELEASES, max_size=6))
def test_nothing_under_the_thresholds_is_ever_released(asked):
    for release, answer in zip(asked, publish(asked, [], SMALL), strict=True):
        if answer.total is None:
            assert str(answer) == "SUPPRESSED"
            assert answer.decision.verdict is Verdict.DENY
        else:
            assert release.step >= Step.MONTH
            assert release.contributions
            assert hidden(release.contributions)
            assert answer.total == sum(each.amount for each in release.contributions)


@given(st.lists(RELEASES, max_size=6))
def test_the_difference_of_any_two_releases_passes_as_well(asked):
    answers = publish(asked, [], SMALL)
    out = [release for release, answer in zip(asked, answers, strict=True) if answer.total]

    for one, other in combinations(out, 2):
        if one.quantity == other.quantity:
            shared = set(one.contributions) & set(other.contributions)
            assert hidden(set(one.contributions) - shared)
            assert hidden(set(other.contributions) - shared)


@given(st.lists(RELEASES, max_size=5), st.lists(st.integers(-2, 2), min_size=5, max_size=5))
def test_no_sum_of_releases_singles_out_a_small_group(asked, weights):
    answers = publish(asked, [], SMALL)
    out = [release for release, answer in zip(asked, answers, strict=True) if answer.total]
    weight_of: defaultdict[Contribution, int] = defaultdict(int)
    for release, weight in zip(out, weights, strict=False):
        if release.quantity == "electric kWh":
            for cell in release.contributions:
                weight_of[cell] += weight

    derived = {cell for cell, weight in weight_of.items() if weight}

    if len({weight_of[cell] for cell in derived}) == 1:
        assert hidden(derived)


@given(st.lists(RELEASES, max_size=5))
def test_what_was_published_may_be_published_again(asked):
    answers = publish(asked, [], SMALL)
    ledger = [release for release, answer in zip(asked, answers, strict=True) if answer.total]

    assert all(answer.total is not None for answer in publish(ledger, ledger, SMALL))


def a_group(prefix: str, count: int, *, residential: bool = True, amount: int = 10) -> Release:
    cells = (
        Contribution(f"{prefix}{number}", residential, JAN, Decimal(amount))
        for number in range(count)
    )
    return Release("electric kWh", Step.MONTH, tuple(cells))


def joined(*parts: Release) -> Release:
    return replace(parts[0], contributions=sum((each.contributions for each in parts), ()))


@pytest.mark.parametrize(
    ("release", "allowed"),
    [
        (a_group("H", 99), False),
        (a_group("H", 100), True),
        (a_group("S", 14, residential=False), False),
        (a_group("S", 15, residential=False), True),
        (joined(a_group("H", 100), a_group("S", 2, residential=False)), False),
        (a_group("S", 20, residential=False, amount=0), False),
        (a_group("H", 0), False),
        (replace(a_group("H", 100), step=Step.DAY), False),
    ],
)
def test_the_thresholds_that_ship(release, allowed):
    decision = judge(release, [], SHIPPED)

    assert decision.allowed is allowed
    assert decision.code == ("PV_AGG_OK" if allowed else "PV_AGG")


@pytest.mark.parametrize(("largest", "allowed"), [(15, True), (16, False)])
def test_no_shop_uses_more_than_15_per_cent(largest, allowed):
    rest = Decimal(100 - largest) / 19
    shops = tuple(
        Contribution(f"S{number}", residential=False, month=JAN, amount=amount)
        for number, amount in enumerate([Decimal(largest), *[rest] * 19])
    )

    assert judge(Release("electric kWh", Step.MONTH, shops), [], SHIPPED).allowed is allowed


def test_a_suppressed_cell_takes_with_it_the_cell_that_would_give_it_away():
    north, south, hill = a_group("N", 200), a_group("S", 150), a_group("T", 9)

    answers = publish([joined(north, south, hill), north, south, hill], [], SHIPPED)

    assert [answer.total is not None for answer in answers] == [True, True, False, False]
    assert answers[2].decision.codes == ("PV_DIFF",)


def test_a_month_may_not_be_told_that_gives_away_a_home_in_a_longer_total():
    def of(homes: range, months: list[date]) -> Release:
        cells = (
            Contribution(f"H{number}", residential=True, month=month, amount=Decimal(10))
            for number in homes
            for month in months
        )
        return Release("electric kWh", Step.MONTH, tuple(cells))

    both = of(range(200), MONTHS)

    assert judge(of(range(200), [JAN]), [both], SHIPPED).allowed
    february = of(range(199), [FEB])
    assert not judge(february, [both, of(range(200), [JAN])], SHIPPED).allowed


def test_releases_of_other_quantities_give_nothing_away():
    water = replace(a_group("H", 101), quantity="water ccf")

    assert judge(a_group("H", 100), [water], SHIPPED).allowed
