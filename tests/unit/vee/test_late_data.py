"""Late data: what gives way to what; worked cases by their numbers, and the rest of the table."""

from dataclasses import replace

import numpy as np
import pytest

from mdms.domain.readings import IntervalReads, Method, RegisterReads, Source, Status
from tests.channels import Installed, channel_table
from tests.unit.vee.build import RULES, judge, slot_table
from vee import gridding
from vee.amend import Amended, amend
from vee.examination import V06, examine
from vee.findings import findings
from vee.gridding import NO_READS

SLOTS = slot_table(interval_s=3600)
TABLE = channel_table(Installed(channel_id=7, interval_s=3600))
GAP = 12
USED = 100


def raw(*, at: tuple[int, ...], value: int = USED, recorded_us: int) -> IntervalReads:
    return IntervalReads.raw(
        np.full(len(at), 7),
        SLOTS.start_s[list(at)],
        np.full(len(at), value),
        recorded_us=recorded_us,
        source=Source.UPLINK,
    )


def version(status: Status, value: int, *, number: int = 1, recorded_us: int = 20) -> IntervalReads:
    """Return a later version of the interval in the gap."""
    return replace(
        raw(at=(GAP,), value=value, recorded_us=recorded_us),
        version=np.array([number], np.int16),
        status=np.array([status.code], np.uint8),
        method=np.array([Method.D1 if status is Status.DERIVED else Method.NONE], np.int16),
        source=np.array([Source.EDIT if status is Status.EDITED else Source.VEE], np.int16),
    )


def books(*rows: tuple[int, int]) -> RegisterReads:
    """Return register reads: hour of the day and what was shown."""
    hours, shown = np.array(rows, np.int64).reshape(-1, 2).T
    return RegisterReads.raw(
        np.full(len(rows), 7),
        SLOTS.start_s[0] + 3600 * hours,
        shown,
        recorded_us=5,
        source=Source.UPLINK,
    )


REST = raw(at=tuple(slot for slot in range(24) if slot != GAP), recorded_us=10)
LATE = raw(at=(GAP,), value=140, recorded_us=30)
EARLY = raw(at=(GAP,), value=140, recorded_us=10)
EDIT = version(Status.EDITED, 90)


def run(*reads: IntervalReads, temporary: IntervalReads = NO_READS) -> tuple[Amended, set[str]]:
    """Judge the day; return its slots and the rules that a person hears of."""
    every = IntervalReads.concat(REST, *reads)
    block, stored = gridding.grid(TABLE, SLOTS, every, books(), RULES, temporary=temporary)
    found = examine(block, RULES)
    amended = amend(judge(block), stored, found)
    raised = findings(found, amended, np.ones((1, 1), np.bool_))
    return amended, {finding.rule for finding in raised}


def now(amended: Amended) -> tuple[int, str, bool]:
    """Return value and status of the interval in the gap, and whether a version is appended."""
    return (
        int(amended.value[0, GAP]),
        chr(amended.status[0, GAP]),
        bool(amended.changed[0, GAP]),
    )


def test_an_estimate_never_replaces_an_edit():
    amended, raised = run(EDIT)

    assert now(amended) == (90, "X", False)
    assert raised == set()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-56")])
def test_an_actual_value_does_not_replace_an_edit_and_a_person_hears_of_it(case):
    amended, raised = run(LATE, EDIT)

    assert now(amended) == (90, "X", False)
    assert raised == {"ACTUAL_VS_EDIT"}


@pytest.mark.parametrize("case", [pytest.param(None, id="case-57")])
def test_an_actual_value_replaces_an_edit_that_only_bridged_the_gap(case):
    amended, raised = run(LATE, EDIT, temporary=EDIT)

    assert now(amended) == (140, "V", True)
    assert raised == set()


def test_an_edit_of_a_value_that_was_there_is_not_contested():
    amended, raised = run(EARLY, EDIT, temporary=EDIT)

    assert now(amended) == (90, "X", False)
    assert raised == set()


def test_an_edit_counts_in_its_bracket():
    other = 3
    rest = REST.take(REST.start_s != SLOTS.start_s[other])
    shown = books((0, 0), (24, 22 * USED + 90 + 70))
    block, stored = gridding.grid(TABLE, SLOTS, IntervalReads.concat(rest, EDIT), shown, RULES)

    amended = amend(judge(block), stored, examine(block, RULES))

    assert (int(amended.value[0, other]), chr(amended.status[0, other])) == (70, "D")
    assert now(amended) == (90, "X", False)


def test_an_edit_is_no_neighbour_of_a_line():
    gap = GAP + 1
    rest = REST.take(REST.start_s != SLOTS.start_s[gap])
    every = IntervalReads.concat(rest, version(Status.EDITED, 9_000))
    block, _ = gridding.grid(TABLE, SLOTS, every, books(), RULES)

    assert not examine(block, RULES).anchor[0, GAP]
    assert judge(block).method[0, gap] != Method.L1


@pytest.mark.parametrize("derived", [139, 140, 141])
def test_an_actual_value_close_to_the_derived_one_replaces_it_silently(derived):
    amended, raised = run(LATE, version(Status.DERIVED, derived))

    assert now(amended) == (140, "V", True)
    assert raised == set()


def test_an_actual_value_far_from_the_derived_one_is_held():
    amended, raised = run(LATE, version(Status.DERIVED, 137))

    assert now(amended) == (140, "S", True)
    assert amended.flags[0, GAP] & V06
    assert raised == {"V06"}


def test_a_held_contradiction_stays_held_until_somebody_decides():
    held = version(Status.SUSPECT, 140, number=2, recorded_us=40)
    held = replace(held, flags=np.array([V06]))

    amended, raised = run(LATE, version(Status.DERIVED, 137), held)

    assert now(amended) == (140, "S", False)
    assert raised == {"V06"}


def test_zeros_of_an_outage_that_was_none_are_withdrawn_or_replaced():
    amended, _ = run(version(Status.ZERO, 0))

    assert now(amended) == (USED, "E", True)


def final(value: int, *, hour: int = GAP) -> IntervalReads:
    """Return a final estimate."""
    return replace(
        version(Status.FINAL_ESTIMATE, value),
        start_s=SLOTS.start_s[[hour]],
        method=np.array([Method.H1], np.int16),
        source=np.array([Source.VEE], np.int16),
    )


def test_a_final_estimate_is_not_made_again():
    amended, _ = run(final(77))

    assert now(amended) == (77, "F", False)


def test_a_final_estimate_gives_way_to_an_actual_value():
    amended, _ = run(LATE, final(77))

    assert now(amended) == (140, "V", True)


@pytest.mark.parametrize(("left", "changed"), [(150, False), (180, True)])
def test_final_estimates_are_scaled_again_when_their_register_says_otherwise(left, changed):
    other = 3
    rest = REST.take(REST.start_s != SLOTS.start_s[other])
    every = IntervalReads.concat(rest, final(70), final(80, hour=other))
    shown = books((0, 0), (24, 22 * USED + left))
    block, stored = gridding.grid(TABLE, SLOTS, every, shown, RULES)

    amended = amend(judge(block), stored, examine(block, RULES))

    assert now(amended)[1:] == ("F", changed)
    assert int(amended.value[0, [other, GAP]].sum()) == left
