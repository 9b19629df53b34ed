-- Tokens of people and programs that were made while the system ran: the hash, never the token.
CREATE TABLE api_token (
    sha256     text PRIMARY KEY,
    name       text NOT NULL,
    roles      text[] NOT NULL,
    nouns      text[] NOT NULL,               -- parts of the interface; empty: what roles allow
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_token_name ON api_token (name) WHERE revoked_at IS NULL;
