-- How far each billing cycle has come: one row for each window of its schedule, what is frozen of it,
-- and what stands in the way. Whose meters these are the queue and `mdms billing blocking` say.
CREATE VIEW report.billing_cycle AS
WITH place AS (
    SELECT c.channel_id, last_place.usage_point_id, u.billing_cycle
    FROM channel c
    JOIN LATERAL (
        SELECT usage_point_id FROM meter_installation i
        WHERE i.badge = c.badge ORDER BY installed_at DESC LIMIT 1
    ) last_place ON true
    JOIN usage_point u USING (usage_point_id)
)
SELECT w.billing_cycle, w.window_start, w.window_end,
       (SELECT count(*) FROM usage_point u
        WHERE u.billing_cycle = w.billing_cycle) AS service_count,
       (SELECT count(DISTINCT s.usage_point_id) FROM billed_service s
        JOIN usage_point u USING (usage_point_id)
        WHERE (s.window_start, s.window_end) = (w.window_start, w.window_end)
          AND u.billing_cycle = w.billing_cycle) AS frozen_count,
       (SELECT count(DISTINCT p.usage_point_id) FROM billing_block b
        JOIN place p USING (channel_id)
        WHERE (b.window_start, b.window_end) = (w.window_start, w.window_end)
          AND p.billing_cycle = w.billing_cycle) AS blocked_count,
       (SELECT count(*) FROM vee_exception e
        JOIN place p USING (channel_id)
        WHERE e.closed_at IS NULL AND e.severity IN ('HOLD', 'FAIL')
          AND e.local_day >= w.window_start AND e.local_day < w.window_end
          AND p.billing_cycle = w.billing_cycle) AS exception_count
FROM (
    SELECT billing_cycle, read_on AS window_end,
           lag(read_on) OVER (PARTITION BY billing_cycle ORDER BY read_on) AS window_start
    FROM billing_read_day
) w
WHERE w.window_start IS NOT NULL;

GRANT SELECT ON report.billing_cycle TO mdms_report;
