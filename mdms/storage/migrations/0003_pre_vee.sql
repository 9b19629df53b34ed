-- What validation and estimation decided, day by day. A channel-day that passed unchanged writes
-- no read at all: one vee_day row says so, and its rows of status R then count as V.
CREATE TABLE vee_day (
    channel_id   integer NOT NULL,
    local_day    date NOT NULL,
    version      smallint NOT NULL,
    recorded_at  timestamptz NOT NULL,
    ruleset_hash text NOT NULL,
    expected     smallint NOT NULL,
    actual       smallint NOT NULL,
    estimated    smallint NOT NULL,
    missing      smallint NOT NULL,
    held         smallint NOT NULL,
    flags        bigint NOT NULL,
    PRIMARY KEY (channel_id, local_day, version)
);
CREATE INDEX vee_day_local_day ON vee_day (local_day);

-- Channel-days whose raw data changed after they were judged.
CREATE TABLE vee_touch (
    channel_id integer NOT NULL,
    local_day  date NOT NULL,
    PRIMARY KEY (channel_id, local_day)
);

CREATE TABLE vee_exception (
    vee_exception_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id integer NOT NULL,
    local_day  date NOT NULL,
    rule       text NOT NULL,
    severity   text NOT NULL,
    detail     text NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_at  timestamptz
);
CREATE UNIQUE INDEX vee_exception_open ON vee_exception (channel_id, local_day, rule)
    WHERE closed_at IS NULL;

CREATE TABLE vee_run (
    run_id       bigint PRIMARY KEY,
    started_at   timestamptz NOT NULL,
    first_day    date NOT NULL,
    last_day     date NOT NULL,
    ruleset_hash text NOT NULL,
    channel_days integer NOT NULL,
    versions     integer NOT NULL
);
