-- What the customer system stated, with two clocks: since when it holds, and when we were told.
CREATE TABLE cis_fact (
    cis_fact_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject      text NOT NULL,               -- account, premise, meter, utility
    subject_id   text NOT NULL,
    fact         text NOT NULL,
    value        text NOT NULL,
    effective_at timestamptz NOT NULL,
    known_at     timestamptz NOT NULL,
    evidence     text NOT NULL,
    UNIQUE (subject, subject_id, fact, effective_at, known_at, value, evidence)
);
CREATE INDEX cis_fact_known ON cis_fact (subject, subject_id, fact, known_at, effective_at);

-- Stated is stated: the daemon adds and changes nothing.
ALTER TABLE cis_fact OWNER TO mdms_audit;
GRANT SELECT, INSERT ON cis_fact TO mdms;
GRANT SELECT ON cis_fact TO mdms_signer;
