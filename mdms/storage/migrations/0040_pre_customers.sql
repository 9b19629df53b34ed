-- Customers' own data. A grant is a scoped token that a portal issued: the hash, never the token.
-- The log tells who looked at whose data. Neither dashboards nor VEE may read this schema.
CREATE TABLE personal.access_grant (
    grant_id    uuid PRIMARY KEY,
    sha256      text NOT NULL UNIQUE,
    holder      text NOT NULL CHECK (holder IN
                    ('owner', 'guest', 'property_manager', 'payer', 'third_party')),
    account_ids text[] NOT NULL CHECK (cardinality(account_ids) > 0),
    data        text[] NOT NULL,              -- consented to; empty: no consent is needed
    first_on    date,
    last_on     date,
    evidence    text NOT NULL,                -- where the consent is filed
    given_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    issued_by   text NOT NULL,
    revoked_at  timestamptz
);
CREATE INDEX access_grant_account ON personal.access_grant USING gin (account_ids);

CREATE TABLE personal.access_log (
    access_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    by          text NOT NULL,                -- name of a token, or grant_id
    role        text NOT NULL,
    data        text NOT NULL,
    place       text NOT NULL,                -- badge or usage point; empty: all
    account_ids text[] NOT NULL,              -- empty with an empty place: everybody's
    first_on    date,
    last_on     date,
    purpose     text NOT NULL,
    code        text NOT NULL                 -- what it was allowed, or refused, by
);
CREATE INDEX access_log_at ON personal.access_log (at);
CREATE INDEX access_log_account ON personal.access_log USING gin (account_ids);
