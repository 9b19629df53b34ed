-- What customers want to be told of their usage, and the outbox of what they are told: a webhook
-- empties it. Whom an account's alerts reach, and how, is for the portal to know.
CREATE TABLE personal.alert_wish (
    account_id     text NOT NULL REFERENCES account,
    usage_point_id text NOT NULL REFERENCES usage_point,
    kind           text NOT NULL CHECK (kind IN ('usage', 'high_use')),
    threshold      numeric NOT NULL CHECK (threshold > 0),  -- usage: billing units a day;
                                                            -- high_use: percent above what is usual
    set_at         timestamptz NOT NULL,
    PRIMARY KEY (account_id, usage_point_id, kind)
);

CREATE TABLE personal.alert (
    alert_id       uuid PRIMARY KEY,
    account_id     text NOT NULL REFERENCES account,
    usage_point_id text NOT NULL REFERENCES usage_point,
    kind           text NOT NULL,
    subject        text NOT NULL,             -- what it is about; told once a customer
    figures        jsonb NOT NULL,
    made_at        timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,      -- of the next attempt; after quiet hours
    attempts       integer NOT NULL,
    delivered_at   timestamptz,
    dead_at        timestamptz,               -- given up
    UNIQUE (account_id, usage_point_id, kind, subject)
);
CREATE INDEX alert_due ON personal.alert (due_at) WHERE delivered_at IS NULL AND dead_at IS NULL;
