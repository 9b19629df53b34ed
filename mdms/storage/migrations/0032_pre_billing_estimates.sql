-- Periods that could not be read: why, and what the estimate rests on (Rule 10.A). The register it
-- leads to is a register_read of status E.
CREATE TABLE billing_estimate (
    channel_id   integer NOT NULL REFERENCES channel,
    window_start date NOT NULL,
    window_end   date NOT NULL,
    reason       text NOT NULL,
    basis        text NOT NULL,
    usage        numeric NOT NULL,            -- billing units since the last register
    days         integer NOT NULL,            -- since the last register
    register     bigint NOT NULL,             -- quanta at the window's end
    estimated_at timestamptz NOT NULL,
    estimated_by text NOT NULL,
    PRIMARY KEY (channel_id, window_start, window_end)
);
CREATE TRIGGER billing_estimate_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_estimate
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which window carries a sum of the programme: the first one frozen that charges its day.
CREATE TABLE billing_event_carried (
    number       bigint PRIMARY KEY REFERENCES billing_event,
    window_start date NOT NULL,
    window_end   date NOT NULL,
    FOREIGN KEY (window_start, window_end) REFERENCES billing_window
);
