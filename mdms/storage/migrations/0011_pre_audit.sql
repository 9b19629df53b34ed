-- The audit: one chain of hashes over everything that was done to meters, tokens and rules, its
-- last link in a row that a transaction locks when it commits, and the heads that were sealed.
CREATE TABLE audit_record (
    number  bigint PRIMARY KEY,
    at      timestamptz NOT NULL,             -- this and the next three repeat what content says
    kind    text NOT NULL,
    subject text NOT NULL,
    actor   text NOT NULL,
    content bytea NOT NULL,                   -- canonical JSON: what is hashed
    hash    bytea NOT NULL
);
CREATE INDEX audit_record_subject ON audit_record (subject, number);

CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint NOT NULL,
    hash     bytea NOT NULL
);
INSERT INTO audit_head (number, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit_seal (
    number    bigint PRIMARY KEY,
    hash      bytea NOT NULL,
    at        timestamptz NOT NULL,
    signature bytea NOT NULL
);
