-- What only a person at the meter can do, until somebody has done it; and until when a home must
-- have its supply back.
ALTER TABLE control ADD COLUMN deadline timestamptz;    -- of a reconnect; null: none is owed

CREATE TABLE field_order (
    field_order_id uuid PRIMARY KEY,
    badge          text NOT NULL REFERENCES meter,
    usage_point_id text NOT NULL,
    control_id     uuid REFERENCES control,             -- null: not for one command
    reason         text NOT NULL,                       -- a code
    detail         text NOT NULL,
    is_safety      boolean NOT NULL,
    opened_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    closed_by      text NOT NULL,
    outcome        text NOT NULL
);
-- One open order for one thing, however often it is found.
CREATE UNIQUE INDEX field_order_open ON field_order (badge, reason) WHERE closed_at IS NULL;

-- Looked through every few seconds: commands of whose outcome nobody knows.
CREATE INDEX control_unknown ON control (badge) WHERE state = 'UNKNOWN';
