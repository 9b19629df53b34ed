-- What dashboards may read: views in a schema of their own, surrogate identifiers only, nothing of
-- people and addresses. The role sees this schema and no table; views read with their owner's
-- rights. Times stay in UTC, days are the utility's.
CREATE SCHEMA report;

CREATE VIEW report.channel AS
SELECT c.channel_id, u.commodity, u.service_class, c.reading_type, c.interval_s, c.unit,
       p.transformer_id, t.feeder_id
FROM channel c
JOIN LATERAL (
    SELECT usage_point_id FROM meter_installation i
    WHERE i.badge = c.badge ORDER BY installed_at DESC LIMIT 1
) last_place ON true
JOIN usage_point u USING (usage_point_id)
JOIN premise p USING (premise_id)
LEFT JOIN transformer t USING (transformer_id);

-- The current version of each interval. A raw value that passed validation unchanged has no version
-- of its own: a vee_day recorded since says so, and then it shows as V.
CREATE VIEW report.interval_read AS
SELECT r.channel_id, r.start_utc, r.version, r.value,
       CASE WHEN r.status = 'R' AND EXISTS (
           SELECT FROM vee_day d
           WHERE d.channel_id = r.channel_id
             AND d.local_day = (r.start_utc AT TIME ZONE (SELECT zone FROM utility))::date
             AND d.recorded_at >= r.recorded_at
       ) THEN 'V' ELSE r.status::text END AS status,
       r.method, r.flags, r.recorded_at
FROM (
    SELECT DISTINCT ON (channel_id, start_utc) * FROM interval_read
    ORDER BY channel_id, start_utc, version DESC
) r;

CREATE VIEW report.register_read AS
SELECT DISTINCT ON (channel_id, at_utc)
       channel_id, at_utc, version, value, status::text AS status, recorded_at
FROM register_read
ORDER BY channel_id, at_utc, version DESC;

-- lag_s: how old the newest batch was when it came; behind_s: how far the collector's newest batch
-- lies behind the newest of all collectors.
CREATE VIEW report.collector AS
SELECT c.collector_id, c.name, s.boot_id, s.batch_seq, s.batch_at, s.received_at,
       extract(epoch FROM s.received_at - s.batch_at) AS lag_s,
       extract(epoch FROM max(s.batch_at) OVER () - s.batch_at) AS behind_s
FROM collector c
LEFT JOIN collector_sequence s USING (collector_id);

CREATE VIEW report.read_rate_day AS
SELECT d.local_day, c.commodity, count(*) AS channel_count,
       sum(d.expected) AS expected, sum(d.actual) AS actual, sum(d.estimated) AS estimated,
       sum(d.missing) AS missing, sum(d.held) AS held,
       sum(d.actual)::numeric / nullif(sum(d.expected), 0) AS read_rate
FROM (
    SELECT DISTINCT ON (local_day, channel_id) * FROM vee_day
    ORDER BY local_day, channel_id, version DESC
) d
JOIN report.channel c USING (channel_id)
GROUP BY d.local_day, c.commodity;

CREATE VIEW report.dead_letter_hour AS
SELECT date_trunc('hour', received_at, 'UTC') AS hour_utc, reason, count(*) AS dead_letter_count
FROM dead_letter
GROUP BY 1, 2;

CREATE VIEW report.vee_exception_open AS
SELECT e.channel_id, c.commodity, e.local_day, e.rule, e.severity, e.opened_at
FROM vee_exception e
JOIN report.channel c USING (channel_id)
WHERE e.closed_at IS NULL;

CREATE VIEW report.billing_window AS
SELECT w.window_start, w.window_end, w.frozen_at, d.reading_type, d.unit,
       count(d.channel_id) AS determinant_count, sum(d.usage_units) AS usage_units,
       count(*) FILTER (WHERE d.estimated_count > 0) AS estimated_count,
       (SELECT count(*) FROM billing_block b
        WHERE (b.window_start, b.window_end) = (w.window_start, w.window_end)) AS blocked_count
FROM billing_window w
LEFT JOIN billing_determinant d USING (window_start, window_end)
GROUP BY w.window_start, w.window_end, w.frozen_at, d.reading_type, d.unit;

-- Roles belong to the whole server: another database of it may have made this one already.
DO $$
BEGIN
    CREATE ROLE mdms_report NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

GRANT USAGE ON SCHEMA report TO mdms_report;
GRANT SELECT ON ALL TABLES IN SCHEMA report TO mdms_report;
