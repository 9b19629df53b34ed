-- In which database counters were drawn: a copy that was restored, or a standby that took over, may
-- have forgotten some, and none may be drawn twice.

CREATE TABLE signer.lineage (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    lineage       text NOT NULL,               -- system identifier and timeline of the server
    counter_floor bigint NOT NULL DEFAULT 0    -- every counter drawn from now on is higher
);
