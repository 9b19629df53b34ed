"""What a frozen bill differs by from the reads of today, and what moved it."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from mdms.billing.differences import Cause, causes, differences, rested_on_estimates
from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from tests.unit.mdms.services.test_premise_history import PRIOR

NOTHING = IntervalReads.empty()
NO_REGISTER = RegisterReads.empty()


def reads(source: Source, status: Status, version: int) -> IntervalReads:
    one = IntervalReads.raw(
        np.array([1]), np.array([0]), np.array([5]), recorded_us=1, source=source
    )
    return replace(
        one,
        status=np.array([status.code], np.uint8),
        version=np.array([version], np.int16),
    )


def test_only_quantities_that_differ_are_named():
    old = {"delivered_kwh": 812, "net_kwh": 812, "demand_kw": 6}
    new = {"delivered_kwh": 814, "net_kwh": 812, "received_kwh": 1}

    assert differences(old, new) == {
        "delivered_kwh": (812, 814),
        "demand_kw": (6, 0),
        "received_kwh": (0, 1),
    }


@pytest.mark.parametrize(
    ("source", "status", "version", "cause"),
    [
        (Source.BACKFILL, Status.RAW, 0, Cause.LATE_ACTUAL),
        (Source.FILE, Status.RAW, 0, Cause.LATE_ACTUAL),
        (Source.VEE, Status.VALIDATED, 2, Cause.LATE_ACTUAL),
        (Source.VEE, Status.FINAL_ESTIMATE, 2, Cause.RE_ESTIMATE),
        (Source.EDIT, Status.EDITED, 1, Cause.EDIT),
    ],
)
def test_what_became_known_is_the_cause(source, status, version, cause):
    found = causes(reads(source, status, version), NO_REGISTER, opened_anew=False)

    assert found == (cause,)


def test_a_register_of_the_customer_is_a_cause_and_so_is_the_bill_before():
    register = RegisterReads.raw(
        np.array([1]), np.array([0]), np.array([5]), recorded_us=1, source=Source.SELF_READ
    )

    assert causes(NOTHING, register, opened_anew=True) == (Cause.SELF_READ, Cause.BILL_BEFORE)


def test_without_a_read_it_was_the_registry_or_the_terms():
    assert causes(NOTHING, NO_REGISTER, opened_anew=False) == (Cause.TERMS_OR_REGISTRY,)


@pytest.mark.parametrize(
    ("changes", "found", "expected"),
    [
        ({"quality": "ESTIMATED"}, (Cause.LATE_ACTUAL,), True),
        ({"estimated_share": Decimal("0.1")}, (Cause.LATE_ACTUAL, Cause.RE_ESTIMATE), True),
        ({"quality": "ESTIMATED"}, (Cause.EDIT,), False),
        ({}, (Cause.LATE_ACTUAL,), False),
    ],
)
def test_a_bill_was_wrong_for_an_estimate_only_where_an_actual_read_overtook_one(
    changes, found, expected
):
    assert rested_on_estimates(replace(PRIOR, **changes), found) is expected
