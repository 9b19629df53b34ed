-- A month of a city of 10,000 meters; what boards do not look at is left out.
INSERT INTO transformer SELECT 'T' || n, 'F' || n % 10, 25, 37.4 + n * 1e-4, -122.1
FROM generate_series(1, 500) n;
INSERT INTO premise SELECT 'P' || n, 'single_family', 37.4, -122.1, 'T' || 1 + n % 500, 'Z1', '{}'
FROM generate_series(1, 10000) n;
INSERT INTO usage_point SELECT 'U' || n, 'P' || n,
    CASE n % 5 WHEN 0 THEN 'water' WHEN 1 THEN 'gas' ELSE 'electric' END, 'class', 1, false, false,
    false FROM generate_series(1, 10000) n;
INSERT INTO meter SELECT 'M' || n, 'S' || n, 'model', false, 6, 1, 0
FROM generate_series(1, 10000) n;
INSERT INTO meter_installation
SELECT 'M' || n, 'U' || n, n, '2026-01-01Z', NULL, 1, false, 'on'
FROM generate_series(1, 10000) n;
INSERT INTO channel OVERRIDING SYSTEM VALUE SELECT n, 'M' || n, 0, 'type', 900, 'Wh' FROM generate_series(1, 10000) n;
INSERT INTO collector SELECT n, 'C' || n, 37.4, -122.1 FROM generate_series(1, 5) n;
INSERT INTO collector_state SELECT n, true, '', 1, NULL, '2026-12-03Z', '2026-12-01Z', 0, 0, true, '', 20
FROM generate_series(1, 5) n;
INSERT INTO register_read (at_utc, recorded_at, value, channel_id, version, source, status)
SELECT '2026-11-03 08:00Z'::timestamptz + day * interval '12 h', '2026-12-03Z', day, n, 0, 1, 'R'
FROM generate_series(1, 10000) n, generate_series(0, 58) day WHERE day < 56 OR n % 50 > 0;
INSERT INTO vee_day (channel_id, local_day, version, recorded_at, ruleset_hash, expected, actual,
    estimated, missing, held, flags)
SELECT n, '2026-11-03'::date + day, version, '2026-12-03Z', '', 96, 95, 1, 0, 0,
    CASE WHEN (n + day) % 20 = 0 THEN 1::bigint << 1 + n % 58 ELSE 0 END
FROM generate_series(1, 10000) n, generate_series(0, 29) day, generate_series(0, 1) version
WHERE version = 0 OR (n + day) % 10 = 0;
INSERT INTO rule_day SELECT '2026-11-03'::date + day, c, 'V' || 10 + n, 1 + n
FROM generate_series(0, 29) day, generate_series(1, 40) n, unnest(ARRAY['electric', 'gas', 'water']) c;
INSERT INTO service_level
SELECT '2026-11-03'::date + day, c, m, '2026-12-03Z', 1, 96, 95, 95, 1, 0, 0
FROM generate_series(0, 29) day, unnest(ARRAY['electric', 'gas', 'water']) c,
    unnest(ARRAY['raw', 'settled']) m;
INSERT INTO night_flow SELECT '2026-11-03'::date + day, 'water', 'gal', '2026-11-03Z', 5, 9
FROM generate_series(0, 29) day;
INSERT INTO vee_run SELECT n, '2026-11-03 13:00Z'::timestamptz + n * interval '1 day', '2026-11-03',
    '2026-11-03', '', 1, 1, '2026-11-03Z' FROM generate_series(0, 29) n;
INSERT INTO vee_exception (channel_id, local_day, rule, severity, detail, opened_at, closed_at)
SELECT n, '2026-11-03'::date + n % 30, 'V' || n % 58, 'HOLD', '', '2026-11-04Z'::timestamptz
    + n * interval '20 min', CASE n % 4 WHEN 0 THEN NULL ELSE '2026-12-01Z'::timestamptz END
FROM generate_series(1, 2000) n;
INSERT INTO read_conflict (channel_id, kind, at_utc, value, stored_value, recorded_at)
SELECT n, 'interval', '2026-11-04Z', 1, 2, '2026-11-04Z'::timestamptz + n * interval '20 min'
FROM generate_series(1, 2000) n;
INSERT INTO dead_letter (received_at, reason, detail, topic, payload)
SELECT '2026-11-04Z'::timestamptz + n * interval '2 min', 'reason' || n % 9, '', 't', ''
FROM generate_series(1, 20000) n;
INSERT INTO sequence_hole (collector_id, first_seq, last_seq, from_us, to_us, opened_at, due_at)
SELECT 1 + n % 5, n * 10, n * 10 + 5, 1793800000000000 + n, 1793801000000000 + n, '2026-11-04Z',
    '2026-11-04Z' FROM generate_series(1, 200) n;
INSERT INTO end_device_event (collector_id, badge, code, sub, at_utc, severity, cleared, value,
    register, seq, received_at)
SELECT 1, 'M' || n % 10000, n % 20, 0, '2026-11-03 09:00Z'::timestamptz + n * interval '50 s', 1,
    false, 0, 0, n, '2026-11-05Z' FROM generate_series(1, 50000) n;
INSERT INTO control (control_id, action, badge, serial, radio_id, key_id, usage_point_id, commodity,
    cause, order_ref, reason, requested_by, requested_at, not_before, not_after, state, refusals,
    attempt_count, probe_count, collector_ids, accepted, verified_at)
SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'disconnect' ELSE 'reconnect' END, 'M' || n, '', 1,
    1, 'U' || n, 'electric', 'NONPAY', '', '', 'b', '2026-11-04Z'::timestamptz + n * interval '10 min',
    '2026-11-04Z', '2026-11-05Z',
    CASE n % 3 WHEN 0 THEN 'POLICY_DENIED' WHEN 1 THEN 'VERIFIED' ELSE 'UNKNOWN' END,
    '[{"code": "RD_NIGHT", "clause": "R11.A"}, {"code": "NP_STALE", "clause": "R9"}]', 1, 0, '{}',
    true, '2026-11-04Z'::timestamptz + n * interval '10 min' + interval '9 s'
FROM generate_series(1, 4000) n;
INSERT INTO field_order (field_order_id, badge, usage_point_id, reason, detail, is_safety, opened_at,
    closed_by, outcome)
SELECT gen_random_uuid(), 'M' || n, 'U' || n, 'VISIT', '', n % 9 = 0, '2026-11-04Z', '', ''
FROM generate_series(1, 300) n;
INSERT INTO leak_case (channel_id, episode, kind, state, severity, rate, rate_error, lost, unit,
    began_at, raised_at, updated_at)
SELECT 5 * n, 1, 'continuous', 'CONFIRMED', 1 + n % 5, n, 1, n, 'gal', '2026-11-04Z',
    '2026-11-04Z'::timestamptz + n * interval '1 h', '2026-12-03Z' FROM generate_series(1, 400) n;
INSERT INTO outage SELECT CASE n % 3 WHEN 0 THEN 'service' ELSE 'transformer' END, 'N' || n,
    ARRAY['T' || n], '2026-11-04Z'::timestamptz + n * interval '2 h',
    CASE n % 30 WHEN 0 THEN NULL ELSE '2026-12-02Z'::timestamptz END, n, n
FROM generate_series(1, 300) n;
INSERT INTO reliability_day SELECT '2026-11-03'::date + day, 6000, 1, 0.1, 0.1
FROM generate_series(0, 29) day;
INSERT INTO transformer_day SELECT '2026-11-03'::date + day, 'T' || n, n / 5, n / 9, 1, 99, 118, 122, 0
FROM generate_series(1, 500) n, generate_series(0, 29) day;
INSERT INTO optout SELECT gen_random_uuid(), 'M' || n, '2026-11-04Z', '', '', '2026-11-03Z', NULL, ''
FROM generate_series(1, 200) n;
INSERT INTO billing_window (window_start, window_end, frozen_at)
VALUES ('2026-11-03', '2026-12-03', '2026-12-03Z');
INSERT INTO billing_determinant (window_start, window_end, channel_id, badge, reading_type,
    usage_point_id, premise_id, account_id, read_start_utc, read_end_utc, register_start,
    register_end, usage_quanta, usage_units, unit, quality, method, estimated_share, interval_count,
    estimated_count, versions, ruleset_hash, content_hash)
SELECT '2026-11-03', '2026-12-03', n, 'M' || n, 'type', '', '', '', '2026-11-03Z', '2026-12-03Z', 0,
    10, 10, 10, 'kWh', 'V', '', 0, 2880, n % 9, '', '', '' FROM generate_series(1, 10000) n;
INSERT INTO billing_block (window_start, window_end, channel_id, badge, reason, detail)
SELECT '2026-11-03', '2026-12-03', n, 'M' || n, 'reason' || n % 4, '' FROM generate_series(1, 90) n;
INSERT INTO billing_read_day SELECT cycle, '2026-09-03'::date + 30 * month + cycle % 4
FROM generate_series(1, 20) cycle, generate_series(0, 4) month;
INSERT INTO billed_service SELECT '2026-11-03', '2026-12-03', usage_point_id, 1, 1, premise_id, '',
    commodity, '2026-11-03', '2026-12-03', '', '', 30, 'V', 0, '{}', '{}', '{}', '{}', '{}', '',
    '2026-12-03Z' FROM usage_point;
