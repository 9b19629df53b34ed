"""One migration text, two kinds of tables; and the months that a batch needs."""

import numpy as np
import pytest

from mdms.storage.capabilities import Capabilities
from mdms.storage.migrate import Phase, read
from mdms.storage.time_series import months_of, render

PLAIN = Capabilities(timescaledb_version=None)
TIMESCALE = Capabilities(timescaledb_version="2.29.2")
MIGRATION = """\
CREATE TABLE colour (a int, CHECK (a > 0)
);
CREATE TABLE reading (
    at  timestamptz,                       -- (UTC)
    who integer
) /* time series on at, month, segment by who, order by at, who */;
CREATE TABLE last (b int);
"""


def test_plain_postgresql_gets_a_table_partitioned_by_range():
    assert render(MIGRATION, PLAIN) == MIGRATION.replace(
        "/* time series on at, month, segment by who, order by at, who */",
        "PARTITION BY RANGE (at)",
    )


def test_timescaledb_gets_a_hypertable_with_a_columnstore():
    rendered = render(MIGRATION, TIMESCALE)

    assert "time series" not in rendered
    assert "PARTITION" not in rendered
    assert "'reading', by_range('at', INTERVAL '1 month')" in rendered
    assert "timescaledb.segmentby = 'who'" in rendered
    assert "timescaledb.orderby = 'at, who'" in rendered
    assert "CREATE TABLE last (b int);" in rendered


@pytest.mark.parametrize("capabilities", [PLAIN, TIMESCALE])
def test_every_time_series_of_our_own_migrations_is_rendered(capabilities):
    migrations = read()

    rendered = [render(migration.text, capabilities) for migration in migrations]

    assert sum("/* time series" in migration.text for migration in migrations) > 0
    assert not any("/* time series" in text for text in rendered)


def test_each_of_our_migrations_has_a_number_of_its_own():
    migrations = read()

    numbers = [migration.number for migration in migrations]
    assert numbers == sorted(set(numbers)), "in order; a number may be left out"
    assert numbers[0] == 1
    assert {migration.phase for migration in migrations} <= set(Phase)


def test_a_batch_needs_the_months_that_its_rows_start_in():
    first, last = np.array(["2026-11-30T23:59:59", "2027-02-01"], "M8[s]").astype(np.int64)

    assert months_of(np.array([], np.int64)) == []
    assert months_of(np.array([first, first - 1])) == [np.datetime64("2026-11")]
    assert months_of(np.array([last, first])) == [
        np.datetime64("2026-11"),
        np.datetime64("2027-02"),
    ]
