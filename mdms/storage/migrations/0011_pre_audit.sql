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

-- The daemon adds links and may change none: the tables belong to a role that nobody logs in as.
DO $$
BEGIN
    IF to_regrole('mdms_audit') IS NULL THEN
        BEGIN
            CREATE ROLE mdms_audit NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'mdms_audit', 'USAGE') THEN
        GRANT mdms_audit TO CURRENT_USER;
    END IF;
END $$;
GRANT USAGE, CREATE ON SCHEMA public TO mdms_audit;
ALTER TABLE audit_record OWNER TO mdms_audit;
ALTER TABLE audit_head OWNER TO mdms_audit;
ALTER TABLE audit_seal OWNER TO mdms_audit;
ALTER TABLE control_step OWNER TO mdms_audit;
GRANT SELECT, INSERT ON audit_record, control_step TO mdms;
GRANT SELECT, UPDATE ON audit_head TO mdms;
GRANT SELECT ON audit_seal TO mdms;
GRANT SELECT ON audit_record, audit_head TO mdms_signer;
GRANT SELECT, INSERT ON audit_seal TO mdms_signer;
