"""Records are kept as long as they must be, and no hold is ever overlooked."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.policy.retention import Record, kept_until, may_delete
from mdms.policy.tables import TableError
from tests.editions import CUSTOMER_RULES

RULES = CUSTOMER_RULES.retention
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@pytest.mark.parametrize(
    ("record", "until"),
    [
        (Record.UPLINK_MESSAGE, date(2027, 2, 1)),
        (Record.READ, date(2033, 11, 3)),
        (Record.BILLING, date(2033, 11, 3)),
        (Record.DECISION, date(2033, 11, 3)),
        (Record.AUDIT, date(2033, 11, 3)),
        (Record.CONSENT, date(2030, 11, 3)),
        (Record.PORTAL_LOG, date(2027, 11, 3)),
    ],
)
def test_each_kind_of_record_has_its_term(record, until):
    since = date(2026, 11, 3)

    assert kept_until(record, since, RULES) == until
    assert not may_delete(record, since, until, RULES, on_hold=False)
    assert may_delete(record, since, date.fromordinal(until.toordinal() + 1), RULES, on_hold=False)


@given(st.sampled_from(Record), DAYS, DAYS, st.sampled_from([True, None]))
def test_nothing_on_hold_or_perhaps_on_hold_may_go(record, since, today, on_hold):
    assert not may_delete(record, since, today, RULES, on_hold=on_hold)


@pytest.mark.parametrize(
    "changes", [{"days": {}}, {"months": {**RULES.months, "uplink_message": 3}}]
)
def test_every_kind_has_one_term_and_only_one(changes):
    with pytest.raises(TableError, match="retention"):
        replace(RULES, **changes)
