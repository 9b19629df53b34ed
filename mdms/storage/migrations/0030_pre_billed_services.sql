-- A window falls apart where people move; what is billed of a service is the sum over its meters,
-- rounded once; and what turned out wrong is billed again, as a higher revision beside the first.
ALTER TABLE billing_determinant
    ADD COLUMN period    smallint NOT NULL DEFAULT 1,
    ADD COLUMN opened_by text NOT NULL DEFAULT 'PERIODIC',
    ADD COLUMN closed_by text NOT NULL DEFAULT 'PERIODIC',
    ADD COLUMN revision  smallint NOT NULL DEFAULT 1,
    DROP CONSTRAINT billing_determinant_pkey,
    ADD PRIMARY KEY (window_start, window_end, channel_id, usage_point_id, period, revision);
CREATE INDEX billing_determinant_channel ON billing_determinant (channel_id, read_end_utc);

CREATE TABLE billed_service (
    window_start    date NOT NULL,
    window_end      date NOT NULL,
    usage_point_id  text NOT NULL,
    period          smallint NOT NULL,        -- from 1; more than one where people moved
    revision        smallint NOT NULL,        -- from 1; more than one where it was wrong
    premise_id      text NOT NULL,
    account_id      text NOT NULL,            -- empty: nobody pays
    commodity       text NOT NULL,
    from_on         date NOT NULL,
    to_on           date NOT NULL,
    opened_by       text NOT NULL,
    closed_by       text NOT NULL,
    service_days    integer NOT NULL,
    quality         text NOT NULL,
    estimated_share numeric NOT NULL,
    quantities      jsonb NOT NULL,           -- whole units by name
    flags           text[] NOT NULL,
    detail          jsonb NOT NULL,
    rules           jsonb NOT NULL,
    parts           text[] NOT NULL,          -- hashes of its determinants
    content_hash    text NOT NULL,
    frozen_at       timestamptz NOT NULL,
    PRIMARY KEY (window_start, window_end, usage_point_id, period, revision),
    FOREIGN KEY (window_start, window_end) REFERENCES billing_window
);
CREATE INDEX billed_service_days ON billed_service (usage_point_id, to_on);

CREATE TRIGGER billed_service_frozen
    BEFORE UPDATE OR DELETE OR TRUNCATE ON billed_service
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- That the customer system has what a window said: the digest is over every hash of it.
CREATE TABLE billing_ack (
    window_start    date NOT NULL,
    window_end      date NOT NULL,
    digest          text NOT NULL,
    services        integer NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    acknowledged_by text NOT NULL,
    reference       text NOT NULL,            -- what the other side calls it; may be empty
    PRIMARY KEY (window_start, window_end, digest),
    FOREIGN KEY (window_start, window_end) REFERENCES billing_window
);
CREATE TRIGGER billing_ack_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_ack
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- When the meters of a billing cycle are read, as the customer system says: local midnights.
CREATE TABLE billing_read_day (
    billing_cycle integer NOT NULL,
    read_on       date NOT NULL,
    PRIMARY KEY (billing_cycle, read_on)
);

-- Of each part what counts now: the highest revision of its service.
CREATE VIEW current_determinant AS
SELECT d.*
FROM billing_determinant d
WHERE d.revision = coalesce(
    (SELECT max(s.revision) FROM billed_service s
     WHERE (s.window_start, s.window_end, s.usage_point_id, s.period)
         = (d.window_start, d.window_end, d.usage_point_id, d.period)),
    1);

CREATE OR REPLACE VIEW report.billing_window AS
SELECT w.window_start, w.window_end, w.frozen_at, d.reading_type, d.unit,
       count(d.channel_id) AS determinant_count, sum(d.usage_units) AS usage_units,
       count(*) FILTER (WHERE d.estimated_count > 0) AS estimated_count,
       (SELECT count(*) FROM billing_block b
        WHERE (b.window_start, b.window_end) = (w.window_start, w.window_end)) AS blocked_count
FROM billing_window w
LEFT JOIN current_determinant d USING (window_start, window_end)
GROUP BY w.window_start, w.window_end, w.frozen_at, d.reading_type, d.unit;
