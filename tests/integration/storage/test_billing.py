"""Frozen determinants on a real database: added, read back, and never changed."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from mdms.ports.billing import BillingBlock, BillingDeterminant

pytestmark = pytest.mark.db

START, END = date(2026, 11, 3), date(2026, 12, 3)
AT = datetime(2026, 12, 4, 13, tzinfo=UTC)
FROZEN = BillingDeterminant(
    window_start=START,
    window_end=END,
    channel_id=1,
    badge="E100",
    reading_type="0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0",
    usage_point_id="U1",
    premise_id="P1",
    account_id="A1",
    read_start_utc=datetime(2026, 11, 3, 8, tzinfo=UTC),
    read_end_utc=datetime(2026, 12, 3, 8, tzinfo=UTC),
    register_start=721_345,
    register_end=1_321_345,
    usage_quanta=600_000,
    usage_units=600,
    unit="kWh",
    quality="ESTIMATED",
    method="L1",
    estimated_share=Decimal("0.012500"),
    interval_count=2880,
    estimated_count=36,
    versions=b"\x00\x01\xff",
    ruleset_hash="abc",
    content_hash="def",
)
BLOCKED = BillingBlock(2, "W200", "missing", "no read at the end of the window")


async def test_a_frozen_window_comes_back_as_it_was(store):
    async with store() as work:
        await work.billing.freeze(START, END, [FROZEN], [BLOCKED], AT)

    async with store() as work:
        assert await work.billing.determinants(START, END) == [FROZEN]
        assert await work.billing.blocked(START, END) == [BLOCKED]
        assert await work.billing.windows() == [(START, END)]


async def test_freezing_again_adds_what_was_left_out_and_changes_nothing(store):
    late = replace(FROZEN, channel_id=2, badge="W200")
    async with store() as work:
        await work.billing.freeze(START, END, [FROZEN], [BLOCKED], AT)

    async with store() as work:
        await work.billing.freeze(START, END, [replace(FROZEN, usage_units=1), late], [], AT)

    async with store() as work:
        assert await work.billing.determinants(START, END) == [FROZEN, late]
        assert await work.billing.blocked(START, END) == []


async def test_the_bills_before_a_window_are_those_that_end_by_its_start(store):
    spring, autumn = date(2026, 3, 3), date(2026, 10, 3)
    windows = [(spring, date(2026, 4, 2)), (autumn, START), (START, END)]
    async with store() as work:
        for start, end in windows:
            row = replace(FROZEN, window_start=start, window_end=end)
            await work.billing.freeze(start, end, [row, replace(row, channel_id=2)], [], AT)

        found = await work.billing.before([1, 9], since=autumn, until=START)

    assert [(each.window_start, each.channel_id) for each in found] == [(autumn, 1)]
    assert (found[0].usage_quanta, found[0].estimated_share) == (600_000, Decimal("0.012500"))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE billing_determinant SET usage_units = 0",
        "DELETE FROM billing_determinant",
        "TRUNCATE billing_determinant",
        "UPDATE billing_window SET frozen_at = frozen_at",
        "TRUNCATE billing_window CASCADE",
    ],
)
async def test_the_database_itself_refuses_to_change_what_is_frozen(store, database, change):
    async with store() as work:
        await work.billing.freeze(START, END, [FROZEN], [], AT)

    async with await psycopg.AsyncConnection.connect(database) as connection:
        with pytest.raises(psycopg.errors.RaiseException, match="is frozen"):
            await connection.execute(change)
