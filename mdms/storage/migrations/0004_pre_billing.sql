-- What was billed, frozen. Rows are added, never changed; a trigger holds us to it.
CREATE TABLE billing_window (
    window_start date NOT NULL,
    window_end   date NOT NULL,
    frozen_at    timestamptz NOT NULL,
    PRIMARY KEY (window_start, window_end)
);

CREATE TABLE billing_determinant (
    window_start    date NOT NULL,
    window_end      date NOT NULL,
    channel_id      integer NOT NULL,
    badge           text NOT NULL,
    reading_type    text NOT NULL,
    usage_point_id  text NOT NULL,
    premise_id      text NOT NULL,
    account_id      text NOT NULL,
    read_start_utc  timestamptz NOT NULL,
    read_end_utc    timestamptz NOT NULL,
    register_start  bigint NOT NULL,
    register_end    bigint NOT NULL,
    usage_quanta    bigint NOT NULL,
    usage_units     bigint NOT NULL,
    unit            text NOT NULL,
    quality         text NOT NULL,
    method          text NOT NULL,
    estimated_share numeric NOT NULL,
    interval_count  integer NOT NULL,
    estimated_count integer NOT NULL,
    versions        bytea NOT NULL,
    ruleset_hash    text NOT NULL,
    content_hash    text NOT NULL,
    PRIMARY KEY (window_start, window_end, channel_id),
    FOREIGN KEY (window_start, window_end) REFERENCES billing_window
);

-- Why a channel was left out when its window was frozen; replaced by the next attempt.
CREATE TABLE billing_block (
    window_start date NOT NULL,
    window_end   date NOT NULL,
    channel_id   integer NOT NULL,
    badge        text NOT NULL,
    reason       text NOT NULL,
    detail       text NOT NULL,
    PRIMARY KEY (window_start, window_end, channel_id),
    FOREIGN KEY (window_start, window_end) REFERENCES billing_window
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is frozen: rows are added, never changed', TG_TABLE_NAME;
END $$;

CREATE TRIGGER billing_determinant_frozen
    BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_determinant
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER billing_window_frozen
    BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_window
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
