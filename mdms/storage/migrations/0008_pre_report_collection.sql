-- Who is silent: one row for each installed meter whose radio should be heard. `channel_id` is its
-- lowest, by which dashboards know a meter; how long it is silent the asker works out, for only
-- the asker knows what time it is.
CREATE VIEW report.meter_heard AS
SELECT m.channel_id, u.commodity, u.service_class, p.transformer_id, t.feeder_id, i.installed_at,
       m.last_register_utc
FROM meter_installation i
JOIN LATERAL (
    SELECT min(c.channel_id) AS channel_id, max(newest.at_utc) AS last_register_utc
    FROM channel c
    LEFT JOIN LATERAL (
        SELECT r.at_utc FROM register_read r
        WHERE r.channel_id = c.channel_id ORDER BY r.at_utc DESC LIMIT 1
    ) newest ON true
    WHERE c.badge = i.badge
) m ON m.channel_id IS NOT NULL
JOIN usage_point u USING (usage_point_id)
JOIN premise p USING (premise_id)
LEFT JOIN transformer t USING (transformer_id)
WHERE i.removed_at IS NULL AND i.radio = 'on'
  AND NOT EXISTS (SELECT FROM radio_silence s WHERE s.badge = i.badge AND s.on_at IS NULL);

GRANT SELECT ON report.meter_heard TO mdms_report;
