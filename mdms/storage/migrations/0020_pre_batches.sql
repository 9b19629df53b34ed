-- Batches: commands that are asked for, approved, paused and undone as one list. `listing` is that
-- list as it was judged, in the one form that is hashed; it never changes.
CREATE TABLE control_batch (
    batch_id     uuid PRIMARY KEY,
    name         text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    listing      bytea NOT NULL,
    sha256       text NOT NULL,                -- of the listing: what both people saw
    every_s      integer NOT NULL,             -- between two of its commands
    stop_after   integer NOT NULL,             -- failures that pause it
    stop_at      integer NOT NULL,             -- the same, counted from its first command on
    state        text NOT NULL,
    approved_by  text NOT NULL,
    approved_at  timestamptz
);

ALTER TABLE control ADD COLUMN batch_id uuid REFERENCES control_batch;
CREATE INDEX control_batch_row ON control (batch_id, control_id) WHERE batch_id IS NOT NULL;
