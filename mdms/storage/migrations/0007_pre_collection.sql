-- What meters and collectors report by themselves, and which batches are missing.
CREATE TABLE end_device_event (
    end_device_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collector_id bigint NOT NULL,
    badge        text,                     -- null: the collector's own event
    radio_id     bigint,
    code         smallint NOT NULL,        -- mdms.domain.events
    sub          integer NOT NULL,
    at_utc       timestamptz NOT NULL,
    severity     smallint NOT NULL,
    cleared      boolean NOT NULL,
    value        bigint NOT NULL,
    register     bigint NOT NULL,
    seq          integer NOT NULL,
    received_at  timestamptz NOT NULL
);
CREATE INDEX end_device_event_at ON end_device_event (at_utc);
-- The same event comes by several collectors and several times: looked up before it is added.
CREATE INDEX end_device_event_of_meter ON end_device_event (badge, code, at_utc);

-- How far each collector has counted its batches (headend notes 2.5).
CREATE TABLE batch_count (
    collector_id bigint PRIMARY KEY,
    boot_id      bigint NOT NULL,
    base_seq     bigint NOT NULL,
    top_seq      bigint NOT NULL,
    newest_us    bigint NOT NULL,
    since_us     bigint NOT NULL
);

-- Batches to ask for. A row goes when it is filled; it stays when it is lost.
CREATE TABLE sequence_hole (
    hole_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collector_id bigint NOT NULL,
    first_seq    bigint,                   -- null: by time, numbers have lost their meaning
    last_seq     bigint,
    from_us      bigint NOT NULL,          -- batch times, us since 1970-01-01 UTC
    to_us        bigint NOT NULL,
    opened_at    timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    asked_count  integer NOT NULL DEFAULT 0,
    lost_at      timestamptz,
    CHECK ((first_seq IS NULL) = (last_seq IS NULL)),
    CHECK (first_seq <= last_seq AND from_us <= to_us)
);
CREATE INDEX sequence_hole_due ON sequence_hole (due_at) WHERE lost_at IS NULL;

-- A message that is refused and comes again is one dead letter.
ALTER TABLE dead_letter ADD COLUMN digest bytea;
CREATE UNIQUE INDEX dead_letter_digest ON dead_letter (digest);

CREATE VIEW report.event_hour AS
SELECT date_trunc('hour', at_utc, 'UTC') AS hour_utc, code, severity, count(*) AS event_count
FROM end_device_event
GROUP BY 1, 2, 3;

CREATE VIEW report.sequence_hole AS
SELECT h.collector_id, c.name, h.first_seq, h.last_seq,
       to_timestamp(h.from_us / 1000000.0) AS from_utc, to_timestamp(h.to_us / 1000000.0) AS to_utc,
       h.opened_at, h.asked_count, h.lost_at
FROM sequence_hole h
LEFT JOIN collector c USING (collector_id);

GRANT SELECT ON report.event_hour, report.sequence_hole TO mdms_report;
