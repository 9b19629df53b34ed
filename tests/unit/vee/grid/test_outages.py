"""Outages from what meters say of their power; cases by their numbers in vee.md 11."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vee.grid import build
from vee.grid.interruptions import (
    NOT_YET_S,
    Interruptions,
    PowerReports,
    interruptions,
    while_closed,
)
from vee.grid.outages import NO_DEVICE, Device, Network, Outage, outages
from vee.grid.reliability import reliability

RULES = build.RULES.outages
LATER_S = 100_000
REPORTS = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 10_000), st.booleans(), st.sampled_from([0, 60, 6000])
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


def reports(*rows: tuple[int, int, bool, int]) -> PowerReports:
    """Meter, instant, whether it is a restoration, seconds that it tells of."""
    columns = zip(*rows, strict=True)
    meter, at_s, restored, dark_s = (np.array(column) for column in columns)
    return PowerReports(meter, at_s, restored, dark_s)


def failed(*rows: tuple[int, int, int]) -> Interruptions:
    meter, from_s, until_s = np.array(sorted(rows), np.int64).reshape(-1, 3).T
    return Interruptions(meter, from_s, until_s)


def network(*members: int) -> Network:
    """So many meters on each transformer, all on one feeder."""
    transformer = np.repeat(np.arange(len(members)), members)
    reporting = np.ones(len(transformer), np.bool_)
    return Network(transformer, reporting, np.zeros(len(members), np.int64))


def found(rows: Interruptions, grid: Network) -> list[tuple[Device, int, int]]:
    return [
        (each.device, each.number, len(each.rows))
        for each in outages(rows, grid, RULES, now_s=LATER_S)
    ]


def test_a_restoration_ends_the_failure_before_it():
    pairs = interruptions(reports((0, 1000, False, 0), (0, 1900, True, 0)))

    assert (pairs.from_s.tolist(), pairs.until_s.tolist()) == ([1000], [1900])


def test_a_restoration_that_tells_how_long_it_was_dark_needs_no_last_gasp():
    pairs = interruptions(reports((3, 1900, True, 600)))

    assert (pairs.meter.tolist(), pairs.from_s.tolist()) == ([3], [1300])


def test_a_last_gasp_without_restoration_lasts():
    pairs = interruptions(reports((0, 1000, True, 0), (0, 2000, False, 0)))

    assert pairs.from_s.tolist() == [2000]
    assert pairs.lasting.all()
    assert pairs.length_s(2600).tolist() == [600]


def test_of_failures_in_a_row_the_last_counts():
    pairs = interruptions(
        reports((0, 1000, False, 0), (0, 5000, False, 0), (0, 5100, True, 0), (1, 7, True, 0))
    )

    assert (pairs.from_s.tolist(), pairs.until_s.tolist()) == ([5000], [5100])


@given(REPORTS)
def test_interruptions_of_a_meter_follow_each_other_and_only_the_newest_has_no_end(rows):
    pairs = interruptions(reports(*rows))

    assert (pairs.until_s > pairs.from_s).all()
    assert (np.diff(pairs.meter) >= 0).all()
    same = np.diff(pairs.meter) == 0
    assert (pairs.from_s[1:][same] >= pairs.until_s[:-1][same]).all()


def one_by_one(rows: list[tuple[int, int, bool, int]]) -> list[tuple[int, int, int]]:
    """The same, report by report."""
    found, failed_s, lit_s = [], dict[int, int](), dict[int, int]()
    for meter, at_s, restored, dark_s in sorted(rows):
        if not restored:
            failed_s[meter] = at_s
            continue
        before_s = failed_s.pop(meter, None)
        from_s = max(at_s - dark_s, lit_s.get(meter, at_s - dark_s)) if dark_s else before_s
        lit_s[meter] = at_s
        if from_s is not None:
            found.append((meter, from_s, at_s))
    return sorted(found + [(meter, at_s, NOT_YET_S) for meter, at_s in failed_s.items()])


@given(REPORTS)
def test_interruptions_are_those_found_one_by_one(rows):
    pairs = interruptions(reports(*rows))

    columns = zip(pairs.meter.tolist(), pairs.from_s.tolist(), pairs.until_s.tolist(), strict=True)
    assert list(columns) == one_by_one(rows)


@pytest.mark.parametrize(
    ("gasps", "expected"),
    [
        pytest.param(
            [(meter, 1000 + 25 * meter, NOT_YET_S) for meter in range(5)],
            [(Device.TRANSFORMER, 0, 5)],
            id="case-87-five-of-eight",
        ),
        pytest.param([(2, 1000, NOT_YET_S)], [(Device.SERVICE, 2, 1)], id="case-87-one-of-eight"),
        pytest.param(
            [(meter, 1000, 2000) for meter in range(3)],
            [(Device.SERVICE, meter, 1) for meter in range(3)],
            id="three-of-eight",
        ),
        pytest.param(
            [(meter, 1000 + 200 * meter, 2000) for meter in range(4)],
            [(Device.SERVICE, meter, 1) for meter in range(4)],
            id="not-together",
        ),
        pytest.param([(meter, 1000, 1050) for meter in range(8)], [], id="never-out"),
    ],
)
def test_a_transformer_is_out_when_half_of_its_meters_fail_together(gasps, expected):
    assert found(failed(*gasps), network(8)) == expected


def test_a_late_last_gasp_belongs_to_the_outage_that_is_on():
    rows = failed((0, 1000, 5000), (1, 1010, 5000), (2, 1900, 5000))

    assert found(rows, network(4)) == [(Device.TRANSFORMER, 0, 3)]


def test_a_transformer_that_fails_twice_is_two_outages():
    rows = failed((0, 1000, 2000), (1, 1000, 2100), (0, 9000, 9500), (1, 9010, 9500))

    assert found(rows, network(2)) == [(Device.TRANSFORMER, 0, 2)] * 2


def test_meters_that_cannot_be_heard_do_not_count():
    grid = network(8)
    grid.reporting[3:] = False

    assert found(failed((0, 1000, 2000), (1, 1000, 2000)), grid) == [(Device.TRANSFORMER, 0, 2)]


def test_a_meter_of_unknown_transformer_is_a_service():
    grid = Network(np.full(2, NO_DEVICE), np.ones(2, np.bool_), np.zeros(0, np.int64))

    rows = failed((0, 1000, 2000), (1, 1000, 2000))

    assert [kind for kind, _, _ in found(rows, grid)] == [Device.SERVICE] * 2


def test_three_transformers_of_a_feeder_that_fail_together_are_the_feeder():
    rows = failed(*((meter, 1000 + 10 * meter, 4000 + meter) for meter in range(6)))

    (outage,) = outages(rows, network(2, 2, 2, 2), RULES, now_s=LATER_S)

    assert (outage.device, outage.number) == (Device.FEEDER, 0)
    assert outage.transformers == (0, 1, 2)
    assert (outage.from_s, outage.until_s) == (1000, 4005)


def test_two_transformers_of_a_feeder_stay_two():
    rows = failed(*((meter, 1000, 4000) for meter in range(4)))

    assert [each[0] for each in found(rows, network(2, 2, 2))] == [Device.TRANSFORMER] * 2


@pytest.mark.parametrize("case", [pytest.param(88, id="case-88")])
def test_a_meter_whose_switch_is_open_is_on_no_outage_map(case):
    rows = failed((0, 1000, NOT_YET_S), (1, 1000, NOT_YET_S))

    rows = while_closed(rows, np.array([0]), np.array([500]), np.array([NOT_YET_S]))

    assert case
    assert rows.meter.tolist() == [1]


def test_an_interruption_before_the_switch_opened_counts():
    rows = while_closed(failed((0, 1000, 2000)), np.array([0]), np.array([1500]), np.array([9000]))

    assert len(rows) == 1


@pytest.mark.parametrize("customers", [pytest.param(30_000, id="case-86")])
def test_indices_of_forty_two_customers_for_ninety_minutes(customers):
    indices = reliability(np.full(42, 90 * 60), customers, RULES)

    assert indices.saidi_min == pytest.approx(0.126)
    assert indices.saifi == pytest.approx(0.0014)
    assert indices.caidi_min == pytest.approx(90)
    assert indices.maifi == 0


def test_five_minutes_are_momentary_and_a_second_more_is_not():
    indices = reliability(np.array([300, 301]), 10, RULES)

    assert (indices.momentary, indices.sustained) == (1, 1)
    assert indices.maifi == pytest.approx(0.1)


def test_without_interruptions_there_is_no_mean_duration():
    assert reliability(np.empty(0, np.int64), 10, RULES).caidi_min is None


def test_outages_of_nothing_are_none():
    none = Interruptions(*(np.empty(0, np.int64) for _ in range(3)))

    answer: list[Outage] = outages(none, network(2), RULES, now_s=LATER_S)

    assert answer == []
