"""Figures of boards and grants go when they are told to, and nothing younger."""

from datetime import date

import psycopg
import pytest

pytestmark = pytest.mark.db

FIRST_KEPT = date(2026, 11, 3)
ROWS = b"""
INSERT INTO service_level SELECT day, 'electric', 'raw', '2026-11-05Z', 1, 1, 1, 1, 0, 0, 0
FROM unnest('{2026-11-02, 2026-11-03}'::date[]) day;
INSERT INTO night_flow SELECT day, 'water', 'gal', '2026-11-05Z', 1, 1
FROM unnest('{2026-11-02, 2026-11-03}'::date[]) day;
INSERT INTO rule_day SELECT day, 'water', 'V08', 1
FROM unnest('{2026-11-02, 2026-11-03}'::date[]) day;
INSERT INTO reliability_day SELECT day, 1, 1, 1, 1
FROM unnest('{2026-11-02, 2026-11-03}'::date[]) day;
INSERT INTO transformer VALUES ('T1', 'F1', 25, 37, -122);
INSERT INTO transformer_day (local_day, transformer_id)
SELECT day, 'T1' FROM unnest('{2026-11-02, 2026-11-03}'::date[]) day;
INSERT INTO outage
SELECT 'feeder', 'F1', '{T1}', began, ended, 1, 1
FROM unnest('{2026-11-01 00:00Z, 2026-11-01 01:00Z, 2026-11-01 02:00Z}'::timestamptz[],
            ARRAY['2026-11-02 00:00Z', '2026-11-03 09:00Z', NULL]::timestamptz[]) o (began, ended);
INSERT INTO personal.access_grant (grant_id, sha256, holder, account_ids, data, evidence, given_at,
                                   expires_at, issued_by, revoked_at)
SELECT gen_random_uuid(), n, 'owner', '{A1}', '{}', '', '2026-01-01Z', expires, 'p', revoked
FROM unnest('{a, b, c}'::text[],
            '{2026-11-02 00:00Z, 2027-01-01 00:00Z, 2027-01-01 00:00Z}'::timestamptz[],
            ARRAY[NULL, '2026-11-01 00:00Z', NULL]::timestamptz[]) g (n, expires, revoked);
"""
LEFT = b"""
SELECT (SELECT count(*) FROM service_level), (SELECT count(*) FROM night_flow),
       (SELECT count(*) FROM rule_day), (SELECT count(*) FROM reliability_day),
       (SELECT count(*) FROM transformer_day), (SELECT count(*) FROM outage),
       (SELECT array_agg(sha256) FROM personal.access_grant)
"""


async def test_days_before_the_first_kept_go_and_what_lasts_stays(store, database):
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute(ROWS)

    async with store() as work:
        figure_count = await work.service_levels.forget(FIRST_KEPT)
        figure_count += await work.grid_days.forget(FIRST_KEPT)
        grant_count = await work.customers.forget_grants(FIRST_KEPT)

    assert (figure_count, grant_count) == (6, 2)
    async with await psycopg.AsyncConnection.connect(database) as connection:
        left = await (await connection.execute(LEFT)).fetchone()
    assert left == (1, 1, 1, 1, 1, 2, ["c"])
