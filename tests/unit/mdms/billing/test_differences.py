"""What a frozen bill differs by from the reads of today, and what moved it."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from mdms.billing.differences import Cause, causes, differences, next_bill_carries
from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.ports.billing import BilledBefore, BillingDeterminant
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


BILL = replace(PRIOR, quality="ESTIMATED")
TOTAL = {"delivered_kwh": (812, 790), "net_kwh": (700, 678)}
PART = BilledBefore(
    window_start=PRIOR.window_start,
    window_end=PRIOR.window_end,
    channel_id=7,
    reading_type="",
    usage_point_id=PRIOR.usage_point_id,
    account_id=PRIOR.account_id,
    read_start_utc=datetime(2026, 11, 3, 8, tzinfo=UTC),
    read_end_utc=datetime(2026, 12, 3, 8, tzinfo=UTC),
    register_end=812_000,
    usage_quanta=812_000,
    quality="ESTIMATED",
    estimated_share=Decimal(0),
    interval_count=0,
    estimated_count=0,
    from_on=PRIOR.from_on,
    to_on=PRIOR.to_on,
)
NOW = BillingDeterminant(
    **{
        each.name: getattr(PART, each.name)
        for each in fields(BilledBefore)
        if each.name not in {"from_on", "to_on"}
    },
    badge="E1",
    premise_id="",
    usage_units=790,
    unit="kWh",
    method="",
    versions=b"",
    ruleset_hash="",
    content_hash="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "changes", "found", "present", "expected"),
    [
        ({}, TOTAL, (Cause.LATE_ACTUAL,), {}, True),
        ({}, {"delivered_therm": (10, 9)}, (Cause.SELF_READ, Cause.RE_ESTIMATE), {}, True),
        ({}, TOTAL, (Cause.EDIT,), {}, False),
        ({}, TOTAL, (Cause.LATE_ACTUAL, Cause.BILL_BEFORE), {}, False),
        ({"quality": "ACTUAL"}, TOTAL, (Cause.LATE_ACTUAL,), {}, False),
        ({"closed_by": "MOVE_OUT"}, TOTAL, (Cause.LATE_ACTUAL,), {}, False),
        ({}, {"demand_kw": (1, 30)}, (Cause.LATE_ACTUAL,), {}, False),
        ({}, TOTAL | {"delivered_on_peak_kwh": (5, 7)}, (Cause.LATE_ACTUAL,), {}, False),
        ({}, TOTAL, (Cause.LATE_ACTUAL,), {"register_start": 5}, False),
        ({}, TOTAL, (Cause.LATE_ACTUAL,), {"closed_by": "EXCHANGE"}, False),
    ],
)
def test_the_next_bill_carries_only_the_totals_of_what_ended_with_an_estimate(
    said, changes, found, present, expected
):
    now = replace(NOW, register_end=790_000, **present)

    carried = next_bill_carries(replace(BILL, **said), changes, found, [PART], [now])

    assert carried is expected
