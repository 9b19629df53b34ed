-- What each collector says of itself (headend notes 2.8): its newest state message that counts.
CREATE TABLE collector_state (
    collector_id     bigint PRIMARY KEY,
    online           boolean NOT NULL,
    reason           text NOT NULL,            -- why it is not there: its own word, or its last will
    boot_id          bigint,
    previous_boot_id bigint,                   -- heard again: two programs share one identity
    alive_at         timestamptz NOT NULL,     -- when it was certainly there
    changed_at       timestamptz NOT NULL,     -- since when it is online, or is not
    clock_offset_ms  bigint,
    buffered         bigint,
    gps              boolean,
    firmware         text NOT NULL,
    temperature_c    double precision
);

CREATE VIEW report.collector_state AS
SELECT c.collector_id, c.name, s.online, s.reason, s.alive_at, s.changed_at, s.clock_offset_ms,
       s.buffered, s.firmware, s.temperature_c, q.batch_seq, q.received_at AS batch_received_at
FROM collector c
LEFT JOIN collector_state s USING (collector_id)
LEFT JOIN collector_sequence q USING (collector_id);

GRANT SELECT ON report.collector_state TO mdms_report;

-- Quarantine: a dead letter that a change of the registry may cure is read again then. What frame it
-- holds was said by its topic, but not on the backfill topic.
ALTER TABLE dead_letter
    ADD COLUMN schema_id   smallint,           -- of the message that a frame was in; null: unknown
    ADD COLUMN replayed_at timestamptz;        -- since when what it holds is stored
UPDATE dead_letter
SET schema_id = CASE WHEN topic LIKE '%/up/read' THEN 1 ELSE 2 END
WHERE frame_index IS NOT NULL AND (topic LIKE '%/up/read' OR topic LIKE '%/up/event');
CREATE INDEX dead_letter_waiting ON dead_letter (dead_letter_id)
WHERE replayed_at IS NULL
  AND reason IN ('unknown_collector', 'unknown_meter', 'bad_channel', 'not_installed');
