-- Service levels: what had come of a day by 06:00 of the next, and after 72 hours. Measured once, and
-- kept for years: dashboards and alerts ask for months of it and must not count reads again.
CREATE TABLE service_level (
    local_day     date NOT NULL,
    commodity     text NOT NULL,
    mark          text NOT NULL CHECK (mark IN ('raw', 'settled')),
    measured_at   timestamptz NOT NULL,
    channel_count integer NOT NULL,
    expected      bigint NOT NULL,
    uplink        bigint NOT NULL,
    received      bigint NOT NULL,
    estimated     bigint NOT NULL,
    held          bigint NOT NULL,
    missing       bigint NOT NULL,
    PRIMARY KEY (local_day, commodity, mark)
);

-- Unknown of runs before it was kept.
ALTER TABLE vee_run ADD COLUMN finished_at timestamptz;

CREATE VIEW report.service_level AS
SELECT local_day, commodity, mark, measured_at, channel_count, expected, uplink, received, estimated,
       held, missing,
       uplink::float8 / nullif(expected, 0) AS uplink_ratio,
       received::float8 / nullif(expected, 0) AS received_ratio,
       estimated::float8 / nullif(expected, 0) AS estimated_ratio
FROM service_level;

CREATE VIEW report.vee_run AS
SELECT run_id, started_at, finished_at, first_day, last_day, channel_days, versions
FROM vee_run;

GRANT SELECT ON report.service_level, report.vee_run TO mdms_report;
