-- Readings of a meter's further registers: one for each time-of-use bucket, and its largest demand.
-- No radio frame carries them; files do. The first reading of an instant counts and none changes.
CREATE TABLE dial_read (
    channel_id  integer NOT NULL REFERENCES channel,
    dial        text NOT NULL,          -- name of a time-of-use bucket, or demand
    at_utc      timestamptz NOT NULL,
    value       bigint NOT NULL,        -- quanta of the channel's register; W of a demand
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, at_utc, dial)
);
