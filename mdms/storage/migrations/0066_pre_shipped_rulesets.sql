-- The rule sets that installations came with, as they judged: a later release may come with another,
-- and what the earlier one made of a day must be explained years later.
CREATE TABLE vee_ruleset_shipped (
    hash     text PRIMARY KEY,             -- of the content, as vee_day.ruleset_hash
    since    timestamptz NOT NULL,         -- judged first
    toml     text NOT NULL
);
