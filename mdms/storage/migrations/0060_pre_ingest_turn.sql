-- Who takes reads from the broker, one process at a time. The turn itself is a lock of a session and
-- ends with it; this says who had it last, and whether it left by itself: who did not may need a
-- moment to notice that its turn is over.
CREATE TABLE ingest_turn (
    client_id   text PRIMARY KEY,   -- whose session at the broker
    host        text NOT NULL,
    pid         bigint NOT NULL,
    pid_space   text NOT NULL,      -- the running kernel and namespace that the pid is of; '': unknown
    taken_at    timestamptz NOT NULL,
    left_at     timestamptz         -- NULL: has it, or ended without a word
);
