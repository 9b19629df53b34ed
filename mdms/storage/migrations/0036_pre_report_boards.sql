-- What the boards of operators ask: counts by rule, reason and code, never who.

CREATE VIEW report.vee_exception AS
SELECT e.channel_id, c.commodity, e.local_day, e.rule, e.severity, e.opened_at, e.closed_at,
       e.assigned_to <> '' AS is_assigned, e.answer
FROM vee_exception e
JOIN report.channel c USING (channel_id);

-- Rules that struck, by day: bits 1 to 58 of the newest outcome of each channel-day (vee.md 1.3).
CREATE VIEW report.vee_rule_day AS
SELECT d.local_day, c.commodity, 'V' || lpad(number::text, 2, '0') AS rule,
       count(*) AS channel_day_count
FROM (
    SELECT DISTINCT ON (local_day, channel_id) local_day, channel_id, flags FROM vee_day
    ORDER BY local_day, channel_id, version DESC
) d
JOIN report.channel c USING (channel_id)
JOIN generate_series(1, 58) number ON d.flags & (1::bigint << number) <> 0
WHERE d.flags <> 0
GROUP BY d.local_day, c.commodity, number;

-- Why commands were refused, or wait: one row for each finding of the rules.
CREATE VIEW report.control_refusal AS
SELECT c.control_id, c.action, c.cause, c.state, c.requested_at, r.code, r.clause
FROM control c
CROSS JOIN LATERAL jsonb_to_recordset(c.refusals) AS r (code text, clause text);

CREATE VIEW report.field_order AS
SELECT o.field_order_id, u.commodity, p.transformer_id, o.reason, o.is_safety, o.opened_at,
       o.closed_at
FROM field_order o
LEFT JOIN usage_point u USING (usage_point_id)
LEFT JOIN premise p USING (premise_id);

CREATE VIEW report.billing_block AS
SELECT window_start, window_end, reason, count(*) AS channel_count
FROM billing_block
GROUP BY window_start, window_end, reason;

CREATE VIEW report.read_conflict_hour AS
SELECT date_trunc('hour', recorded_at, 'UTC') AS hour_utc, kind, count(*) AS conflict_count
FROM read_conflict
GROUP BY 1, 2;

CREATE VIEW report.optout AS
SELECT u.commodity, o.from_at, o.ended_at
FROM optout o
JOIN LATERAL (
    SELECT usage_point_id FROM meter_installation i
    WHERE i.badge = o.badge ORDER BY installed_at DESC LIMIT 1
) last_place ON true
JOIN usage_point u USING (usage_point_id);

-- The least that all meters of a service measured in one hour of a night: what never stops. Measured
-- with the service levels, on the day after.
CREATE TABLE night_flow (
    local_day     date NOT NULL,
    commodity     text NOT NULL,
    unit          text NOT NULL,
    at_utc        timestamptz NOT NULL,        -- start of that hour
    flow          bigint NOT NULL,             -- quanta of `unit`
    channel_count integer NOT NULL,
    PRIMARY KEY (local_day, commodity, unit)
);

CREATE VIEW report.night_flow AS
SELECT local_day, commodity, unit, at_utc, flow, channel_count FROM night_flow;

CREATE VIEW report.storage AS
SELECT pg_database_size(current_database()) AS database_bytes;

GRANT SELECT ON report.vee_exception, report.vee_rule_day, report.control_refusal,
    report.field_order, report.billing_block, report.night_flow, report.read_conflict_hour, report.optout,
    report.storage TO mdms_report;
