-- The signer's own: budgets that outlive any kill, the breaker, its own record of what it did.

-- What the budgets count.
CREATE TABLE signer.open (
    command_id     uuid PRIMARY KEY REFERENCES signer.issued,
    radio_id       bigint NOT NULL,
    transformer_id text,
    immediate      boolean NOT NULL,
    at             timestamptz NOT NULL
);
CREATE INDEX open_at ON signer.open (at);

-- Switches that were told to open, until their meter says that they are closed.
CREATE TABLE signer.open_switch (
    radio_id bigint PRIMARY KEY,
    key_id   integer NOT NULL,
    counter  bigint NOT NULL
);

CREATE TABLE signer.trip (
    trip_id     uuid PRIMARY KEY,
    at          timestamptz NOT NULL,
    reason      text NOT NULL,
    released_at timestamptz
);
CREATE UNIQUE INDEX trip_standing ON signer.trip ((released_at IS NULL)) WHERE released_at IS NULL;

CREATE TABLE signer.release (
    trip_id    uuid NOT NULL REFERENCES signer.trip,
    supervisor text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (trip_id, supervisor)
);

CREATE TABLE signer.audit (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    event      text NOT NULL,
    command_id uuid,
    detail     text NOT NULL
);
