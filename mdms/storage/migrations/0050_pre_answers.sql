-- Answers to writes that named an idempotency key, for a day: who asks again is answered the same.
-- Answers may tell of customers, so they lie where dashboards may not look.
CREATE TABLE personal.answer (
    caller      text NOT NULL,                -- SHA-256 of the token
    key         text NOT NULL,
    fingerprint text NOT NULL,                -- SHA-256 of method, path and body
    asked_at    timestamptz NOT NULL,
    status      smallint,                     -- NULL: being answered, or nobody knows
    media_type  text,
    body        bytea,
    PRIMARY KEY (caller, key)
);
CREATE INDEX answer_asked_at ON personal.answer (asked_at);
