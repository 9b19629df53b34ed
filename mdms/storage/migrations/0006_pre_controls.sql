-- Commands to meters: one row a command (also the outbox that the dispatcher claims from), every
-- step of its life, the envelopes that were signed for it, and the answers as they came. Opt-outs,
-- and when a radio was silent because of one. The signer's counters live in a schema of their own.
CREATE TABLE control (
    control_id        uuid PRIMARY KEY,
    action            text NOT NULL,
    badge             text NOT NULL REFERENCES meter,
    serial            text NOT NULL,
    radio_id          bigint NOT NULL,
    key_id            integer NOT NULL,
    usage_point_id    text NOT NULL,
    commodity         text NOT NULL,
    cause             text NOT NULL,
    order_ref         text NOT NULL,
    reason            text NOT NULL,
    requested_by      text NOT NULL,
    requested_at      timestamptz NOT NULL,
    not_before        timestamptz NOT NULL,
    not_after         timestamptz NOT NULL,
    state             text NOT NULL,
    result            text,
    refusals          jsonb NOT NULL,
    due_at            timestamptz,            -- null: ended
    attempt_count     smallint NOT NULL,
    probe_count       smallint NOT NULL,
    collector_ids     bigint[] NOT NULL,      -- asked in the attempt in hand
    accepted          boolean NOT NULL,
    sent_at           timestamptz,
    answered_at       timestamptz,
    verified_at       timestamptz,
    switch            smallint,
    line_voltage      boolean,
    load_side_voltage boolean,
    register          bigint
);
CREATE INDEX control_due ON control (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX control_badge ON control (badge, control_id);

CREATE TABLE control_step (
    control_id uuid NOT NULL REFERENCES control,
    number     integer NOT NULL,
    at         timestamptz NOT NULL,
    event      text NOT NULL,
    state      text NOT NULL,
    actor      text NOT NULL,
    detail     text NOT NULL,
    PRIMARY KEY (control_id, number)
);

CREATE TABLE control_envelope (
    command_id uuid PRIMARY KEY,
    control_id uuid NOT NULL REFERENCES control,
    opcode     smallint NOT NULL,
    counter    bigint NOT NULL,
    envelope   bytea NOT NULL,
    signed_at  timestamptz NOT NULL
);
CREATE INDEX control_envelope_control ON control_envelope (control_id);

-- As collectors sent them; the dispatcher reads and marks them.
CREATE TABLE control_answer (
    control_answer_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collector_id      bigint NOT NULL,
    schema_id         smallint NOT NULL,
    record            bytea NOT NULL,
    received_at       timestamptz NOT NULL,
    handled_at        timestamptz
);
CREATE INDEX control_answer_unhandled ON control_answer (control_answer_id)
    WHERE handled_at IS NULL;

CREATE TABLE optout (
    optout_id    uuid PRIMARY KEY,
    badge        text NOT NULL REFERENCES meter,
    from_at      timestamptz NOT NULL,
    reason       text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_by     text NOT NULL
);
CREATE UNIQUE INDEX optout_in_force ON optout (badge) WHERE ended_at IS NULL;

-- From the instant at which a meter acknowledged radio_off to the one of radio_on.
CREATE TABLE radio_silence (
    badge      text NOT NULL REFERENCES meter,
    off_at     timestamptz NOT NULL,
    on_at      timestamptz,
    control_id uuid NOT NULL REFERENCES control,
    PRIMARY KEY (badge, off_at)
);

-- Frames of radios that must be silent: looked for by who watches over opt-outs.
CREATE INDEX dead_letter_opted_out ON dead_letter (received_at) WHERE reason = 'opted_out';

CREATE SCHEMA signer;

CREATE TABLE signer.counter (
    radio_id bigint NOT NULL,
    key_id   integer NOT NULL,
    counter  bigint NOT NULL,                 -- the last one that was used
    PRIMARY KEY (radio_id, key_id)
);

CREATE TABLE signer.issued (
    command_id uuid PRIMARY KEY,
    radio_id   bigint NOT NULL,
    key_id     integer NOT NULL,
    counter    bigint NOT NULL,
    envelope   bytea NOT NULL,
    UNIQUE (radio_id, key_id, counter)
);

CREATE VIEW report.control AS
SELECT c.control_id, c.action, u.commodity, p.transformer_id, c.cause, c.state, c.result,
       c.requested_at, c.sent_at, c.answered_at, c.verified_at, c.due_at,
       extract(epoch FROM c.verified_at - c.requested_at) AS duration_s
FROM control c
LEFT JOIN usage_point u USING (usage_point_id)
LEFT JOIN premise p USING (premise_id);

GRANT SELECT ON report.control TO mdms_report;
