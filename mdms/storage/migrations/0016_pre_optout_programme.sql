-- The opt-out programme above the table optout: who asked, what was decided for each service, what is
-- charged, what a person must do; and Customer Reads Own Meter.
CREATE TABLE enrolment (
    enrolment_id uuid PRIMARY KEY,
    account_id   text NOT NULL REFERENCES account,
    usage_points text[] NOT NULL,             -- that were asked for
    requester    text NOT NULL,               -- as the account knows them
    crew_today   boolean NOT NULL,            -- a crew was on its way to a legacy meter
    reason       text NOT NULL,
    requested_by text NOT NULL,
    received_at  timestamptz NOT NULL,
    state        text NOT NULL,
    services     jsonb NOT NULL,              -- one for each: verdict, findings, what becomes of the meter
    approved_by  text NOT NULL,               -- who decided what was referred to a person
    from_on      date,                        -- local days [from_on, until_on)
    until_on     date,
    closed_by    text NOT NULL,
    closing      text NOT NULL                -- code of why it ended
);
CREATE INDEX enrolment_account ON enrolment (account_id);
CREATE INDEX enrolment_alive ON enrolment (state)
    WHERE state IN ('pending', 'referred', 'in_force');

-- Sums for the customer system to put on a bill; added, never changed.
CREATE TABLE billing_event (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    account_id text NOT NULL REFERENCES account,
    subject_id text NOT NULL,                 -- residence of a set-up, account of a monthly fee
    due_on     date NOT NULL,                 -- of a monthly fee: the first of its month
    amount_usd numeric(12, 2) NOT NULL,
    clause     text NOT NULL,
    at         timestamptz NOT NULL,
    UNIQUE (kind, account_id, subject_id, due_on)
);
CREATE INDEX billing_event_due ON billing_event (due_on);

-- What the programme found and a person decides or does.
CREATE TABLE optout_task (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL,
    subject    text NOT NULL,                 -- enrolment or meter
    account_id text NOT NULL,
    occasion   text NOT NULL,                 -- what tells one from the next: causes, a day
    clause     text NOT NULL,
    cure       text NOT NULL,
    found_at   timestamptz NOT NULL,
    done_at    timestamptz,
    done_by    text NOT NULL,
    UNIQUE (code, subject, occasion)
);

-- What customers read on their meters, and what the utility read to verify it; all are kept.
CREATE TABLE self_read (
    self_read_id uuid PRIMARY KEY,
    channel_id   integer NOT NULL REFERENCES channel,
    badge        text NOT NULL REFERENCES meter,
    read_at      timestamptz NOT NULL,
    register     numeric NOT NULL,            -- billing units, as read
    evidence     text NOT NULL,               -- photo, letter, web form
    verifies     boolean NOT NULL,            -- read by the utility
    received_at  timestamptz NOT NULL,
    received_by  text NOT NULL,
    accepted     boolean NOT NULL,
    findings     jsonb NOT NULL,
    UNIQUE (channel_id, read_at, register)
);

-- What became of each bill window of a meter that its customer reads.
CREATE TABLE self_read_month (
    channel_id   integer NOT NULL REFERENCES channel,
    window_start date NOT NULL,
    window_end   date NOT NULL,
    outcome      text NOT NULL,               -- accepted, missing, implausible
    basis        text NOT NULL,               -- of the estimate; empty where there is none
    register     bigint,                      -- quanta at the end of the window, read or estimated
    closed_at    timestamptz NOT NULL,
    PRIMARY KEY (channel_id, window_end)
);
