-- What reads have overtaken after a freeze, and what was done about it. A row says what was found
-- and is never changed, but for who told the customer, and when.
CREATE TABLE billing_correction (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    window_start   date NOT NULL,
    window_end     date NOT NULL,
    usage_point_id text NOT NULL,
    period         smallint NOT NULL,
    revision       smallint NOT NULL,         -- the one that was wrong
    account_id     text NOT NULL,
    found_at       timestamptz NOT NULL,
    found_by       text NOT NULL,
    changes        jsonb NOT NULL,            -- units by quantity: [frozen, present]
    causes         text[] NOT NULL,
    flags          text[] NOT NULL,
    treatment      text NOT NULL,
    notice_by      date NOT NULL,
    old_hash       text NOT NULL,
    new_hash       text NOT NULL,
    noticed_at     timestamptz,               -- null: the customer was not told yet
    noticed_by     text NOT NULL,
    UNIQUE (window_start, window_end, usage_point_id, period, revision, new_hash, treatment),
    FOREIGN KEY (window_start, window_end, usage_point_id, period, revision)
        REFERENCES billed_service (window_start, window_end, usage_point_id, period, revision)
);
CREATE INDEX billing_correction_untold ON billing_correction (notice_by) WHERE noticed_at IS NULL;
