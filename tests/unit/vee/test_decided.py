"""What a person set, accepted or rejected stays so when its day is judged again."""

from dataclasses import replace

import numpy as np
import pytest

from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status, rule_bit
from tests.unit.vee.build import RULES, judge
from tests.unit.vee.test_late_data import SLOTS, TABLE, books, raw
from vee import gridding
from vee.amend import Amended, amend
from vee.examination import examine
from vee.findings import findings
from vee.gridding import NO_READS, NO_REGISTERS

HOURS = tuple(range(24))
DAY = raw(at=HOURS, recorded_us=10)
USED = int(DAY.value.sum())


def decided(at: tuple[int, ...], status: Status, value: int | None = None) -> IntervalReads:
    """Return the second version of some hours, by an edit."""
    rows = DAY.take(np.array(at))
    count = len(at)
    return replace(
        rows,
        version=np.ones(count, np.int16),
        value=rows.value if value is None else np.full(count, value),
        status=np.full(count, status.code, np.uint8),
        recorded_us=np.full(count, 20),
        source=np.full(count, Source.EDIT, np.int16),
    )


def run(
    *reads: IntervalReads,
    used: int,
    waived: IntervalReads = NO_READS,
    vouched: RegisterReads = NO_REGISTERS,
) -> tuple[Amended, set[str]]:
    """Judge the day between two registers; return its slots and what a person hears of."""
    registers = books((0, 0), (24, used))
    every = IntervalReads.concat(DAY, *reads)
    block, stored = gridding.grid(
        TABLE, SLOTS, every, registers, RULES, waived=waived, vouched=vouched
    )
    found = examine(block, RULES)
    amended = amend(judge(block), stored, found)
    raised = findings(found, amended, np.ones((1, 1), np.bool_))
    return amended, {finding.rule for finding in raised}


def letters(amended: Amended) -> str:
    return bytes(amended.status[0].tolist()).decode()


def test_values_that_do_not_add_up_wait_for_a_person():
    amended, raised = run(used=USED + 500)

    assert (letters(amended), raised) == ("S" * 24, {"V45"})


def test_values_that_were_all_accepted_stay_accepted_and_nobody_is_asked_again():
    amended, raised = run(decided(HOURS, Status.ACCEPTED), used=USED + 500)

    assert (letters(amended), raised) == ("A" * 24, set())
    assert not amended.changed.any()


def test_where_only_some_were_accepted_the_rest_still_waits():
    amended, raised = run(decided((3, 4), Status.ACCEPTED), used=USED + 500)

    assert (letters(amended), raised) == ("SSSAA" + "S" * 19, {"V45"})


def test_a_rejected_value_stays_suspect_and_is_asked_for():
    amended, raised = run(decided((3,), Status.SUSPECT), used=USED)

    assert (letters(amended), raised) == ("VVVS" + "V" * 20, {"REJECTED"})
    assert not amended.changed[0, 3]


def test_an_edit_counts_in_the_sum_of_its_bracket():
    amended, raised = run(decided((3,), Status.EDITED, int(DAY.value[3]) + 500), used=USED + 500)

    assert (letters(amended), raised) == ("VVVX" + "V" * 20, set())


def test_a_bracket_need_not_add_up_where_somebody_said_why():
    edit = decided((3,), Status.EDITED, int(DAY.value[3]) + 500)

    assert run(edit, used=USED)[1] == {"V45"}
    amended, raised = run(edit, used=USED, waived=edit)

    assert (letters(amended), raised) == ("VVVX" + "V" * 20, set())


@pytest.mark.parametrize("rule", [11, 12, 13])
def test_what_was_wrong_with_the_received_value_is_not_wrong_with_the_edit(rule):
    broken = replace(DAY, flags=np.where(np.arange(24) == 3, rule_bit(rule), 0))
    edit = decided((3,), Status.EDITED, 777)
    block, _ = gridding.grid(
        TABLE, SLOTS, IntervalReads.concat(broken, edit), books(), RULES
    )  # fmt: skip

    found = examine(block, RULES)

    assert found.usable.all()
    assert not found.anchor[0, 3]


@pytest.mark.parametrize(("used", "rule"), [(0, "V43"), (USED + 500, "V45")])
def test_of_a_register_that_somebody_vouches_for_nobody_is_asked(used, rule):
    _, unvouched = run(used=used)
    amended, raised = run(used=used, vouched=books((24, used)))

    assert unvouched == {rule}
    assert raised == set()
    assert amended.value[0].tolist() == DAY.value.tolist()
