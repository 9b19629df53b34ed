-- The ledger of sums that left the utility, and of those that were asked for and suppressed. What
-- each was made of is kept too: the next one must not tell anybody apart from it.
CREATE TABLE personal.aggregate_release (
    release_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    by         text NOT NULL,
    quantity   text NOT NULL,                 -- what is added up, with its unit
    month      date NOT NULL,                 -- its first day
    cut        text NOT NULL,                 -- what customers are grouped by; empty: all in one
    member     text NOT NULL,                 -- which group
    total      numeric,                       -- NULL: suppressed, never zero
    code       text NOT NULL
);
CREATE INDEX aggregate_release_month ON personal.aggregate_release (quantity, month);

CREATE TABLE personal.aggregate_part (
    release_id  bigint NOT NULL REFERENCES personal.aggregate_release,
    account_id  text NOT NULL,
    residential boolean NOT NULL,
    amount      numeric NOT NULL,
    PRIMARY KEY (release_id, account_id)
);
