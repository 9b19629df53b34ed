"""The capacity table: its arithmetic, and that the page shows what the script says."""

from pathlib import Path

import pytest

from tests.bench.capacity import Measured, need, table

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "capacity.md"


def test_a_town_of_a_thousand_is_worked_out_by_hand():
    measured = Measured(
        ingest=1_000, vee=500, billing=10, row_bytes=100, column_bytes=1, raw_bytes=10
    )

    found = need(1_000, measured)

    assert found.reads_a_day == 60_000  # 500 of 96, 500 of 24
    assert found.backlog_s == 60
    assert found.night_s == 120
    assert found.cycle_s == 5
    assert found.recent_bytes == 60_000 * (60 * 100 + 90 * 10)
    assert found.columnstore_bytes == pytest.approx(found.recent_bytes + 60_000 * (2556.75 - 60))


def test_the_page_shows_the_scripts_table():
    assert table(Measured()) in PAGE.read_text()
