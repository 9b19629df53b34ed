-- What validation may look back on: the largest value and the usage of each day that was whole and
-- sound; null for any other. And the rule sets that were put in force, with their whole text.
ALTER TABLE vee_day ADD COLUMN peak bigint, ADD COLUMN usage bigint;

CREATE TABLE vee_ruleset (
    hash        text PRIMARY KEY,          -- of the content, as vee_day.ruleset_hash
    version     text NOT NULL,
    effective   date NOT NULL,             -- judges local days from this one on
    approved_by text NOT NULL,
    promoted_by text NOT NULL,
    promoted_at timestamptz NOT NULL,
    toml        text NOT NULL
);
