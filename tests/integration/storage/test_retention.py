"""What is told to go goes, and nothing younger, and nothing that waits for something."""

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


INTAKE = b"""
INSERT INTO dead_letter (received_at, reason, detail, topic, payload, replayed_at)
SELECT at, reason, reason, '', '', replayed
FROM (VALUES ('2026-11-02 23:00Z'::timestamptz, 'bad_crc', NULL::timestamptz),
             ('2026-11-02 23:00Z', 'unknown_meter', NULL),
             ('2026-11-02 23:00Z', 'not_installed', '2026-11-04 00:00Z'),
             ('2026-11-03 00:00Z', 'bad_topic', NULL)) l (at, reason, replayed);
INSERT INTO sequence_hole (collector_id, first_seq, last_seq, from_us, to_us, opened_at, due_at,
                           lost_at)
SELECT n, n, n, 0, 0, '2026-10-01Z', '2026-10-02Z', lost
FROM unnest('{1, 2, 3}'::bigint[],
            ARRAY['2026-11-02 00:00Z', '2026-11-03 00:00Z', NULL]::timestamptz[]) h (n, lost);
"""


async def test_letters_that_wait_for_the_registry_and_holes_that_are_asked_for_stay(
    store, database
):
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute(INTAKE)

    async with store() as work:
        letter_count = await work.quarantine.forget(FIRST_KEPT)
        hole_count = await work.gaps.forget(FIRST_KEPT)

    assert (letter_count, hole_count) == (2, 1)
    with psycopg.connect(database) as connection:
        reasons = connection.execute("SELECT array_agg(reason ORDER BY reason) FROM dead_letter")
        assert reasons.fetchone() == (["bad_topic", "unknown_meter"],)
        holes = connection.execute("SELECT array_agg(collector_id ORDER BY 1) FROM sequence_hole")
        assert holes.fetchone() == ([2, 3],)
