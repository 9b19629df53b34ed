"""What becomes of a bill that reads have overtaken: replaced, left to the next, or to a person."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mdms.policy.corrections import (
    CorrectionFlag,
    Ruling,
    Treatment,
    WrongUnits,
    judge_correction,
)
from tests.editions import CUSTOMER_RULES

FOUND_ON = date(2026, 12, 6)
WRONG = WrongUnits(
    billed_on=date(2026, 12, 3),
    found_on=FOUND_ON,
    changes={"delivered_kwh": 2},
    estimated=False,
    disputed=False,
)


def judge(**changes: Any) -> Ruling:
    wrong = replace(WRONG, **changes)
    return judge_correction(wrong, CUSTOMER_RULES.adjustment, CUSTOMER_RULES.bill)


def test_a_wrong_bill_is_replaced_and_the_customer_told_within_30_days():
    ruling = judge()

    assert ruling.treatment is Treatment.REPLACE
    assert ruling.flags == (CorrectionFlag.UNDERCHARGE,)
    assert ruling.notice_by == date(2027, 1, 5)


def test_what_was_estimated_is_settled_by_the_next_bill():
    ruling = judge(estimated=True)

    assert ruling.treatment is Treatment.NEXT_BILL
    assert CorrectionFlag.CAUSED_BY_ESTIMATE in ruling.flags


@pytest.mark.parametrize(
    ("billed_on", "treatment"),
    [(date(2023, 12, 6), Treatment.REPLACE), (date(2023, 12, 5), Treatment.NONE_TOO_OLD)],
)
def test_nothing_happens_by_itself_to_what_is_older_than_three_years(billed_on, treatment):
    ruling = judge(billed_on=billed_on)

    assert ruling.treatment is treatment
    assert (CorrectionFlag.OLDER_THAN_3Y in ruling.flags) == (treatment is Treatment.NONE_TOO_OLD)


def test_a_disputed_bill_is_locked_whatever_else_holds():
    ruling = judge(disputed=True, estimated=True, billed_on=date(2020, 1, 1))

    assert ruling.treatment is Treatment.LOCKED
    assert ruling.flags == (
        CorrectionFlag.CAUSED_BY_ESTIMATE,
        CorrectionFlag.DISPUTED,
        CorrectionFlag.OLDER_THAN_3Y,
        CorrectionFlag.UNDERCHARGE,
    )


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"delivered_kwh": -2}, {CorrectionFlag.OVERCHARGE}),
        ({"received_kwh": 3, "net_kwh": -3}, {CorrectionFlag.OVERCHARGE}),
        ({"received_kwh": -3, "net_kwh": 3}, {CorrectionFlag.UNDERCHARGE}),
        ({"demand_kw": 1}, {CorrectionFlag.UNDERCHARGE}),
        (
            {"delivered_on_peak_kwh": 1, "delivered_off_peak_kwh": -1},
            {CorrectionFlag.OVERCHARGE, CorrectionFlag.UNDERCHARGE},
        ),
    ],
)
def test_a_change_says_which_way_money_goes(changes, flags):
    assert set(judge(changes=changes).flags) == flags
