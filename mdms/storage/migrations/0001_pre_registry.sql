-- Who is metered where. A meter sits at a usage point and carries a radio for a time, so
-- installations are rows of their own; names and addresses live in a schema that neither
-- dashboards nor VEE may read.
CREATE TABLE utility (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    zone     text NOT NULL                 -- IANA name; local days in views follow it
);

CREATE TABLE transformer (
    transformer_id text PRIMARY KEY,
    feeder_id      text NOT NULL,
    kva            numeric NOT NULL,
    latitude       double precision NOT NULL,
    longitude      double precision NOT NULL
);

CREATE TABLE premise (
    premise_id     text PRIMARY KEY,
    kind           text NOT NULL,
    latitude       double precision NOT NULL,
    longitude      double precision NOT NULL,
    transformer_id text REFERENCES transformer,
    water_zone     text NOT NULL,
    flags          text[] NOT NULL
);

CREATE TABLE usage_point (
    usage_point_id  text PRIMARY KEY,
    premise_id      text NOT NULL REFERENCES premise,
    commodity       text NOT NULL,
    service_class   text NOT NULL,
    billing_cycle   integer NOT NULL,
    net_metering    boolean NOT NULL,
    temporary       boolean NOT NULL,
    irregular_usage boolean NOT NULL
);

CREATE TABLE account (
    account_id        text PRIMARY KEY,
    master_account_id text NOT NULL,
    customer_type     text NOT NULL,
    opened_on         date NOT NULL,
    closed_on         date
);

CREATE TABLE agreement (
    account_id     text NOT NULL REFERENCES account,
    usage_point_id text NOT NULL REFERENCES usage_point,
    start_on       date NOT NULL,
    end_on         date,
    PRIMARY KEY (usage_point_id, start_on)
);

CREATE TABLE meter (
    badge               text PRIMARY KEY,
    serial              text NOT NULL,
    model               text NOT NULL,
    has_switch          boolean NOT NULL,
    register_dials      smallint NOT NULL,
    register_resolution bigint NOT NULL,   -- quanta per unit of the last digit
    key_id              integer NOT NULL
);

CREATE TABLE meter_installation (
    badge          text NOT NULL REFERENCES meter,
    usage_point_id text NOT NULL REFERENCES usage_point,
    radio_id       bigint NOT NULL,
    installed_at   timestamptz NOT NULL,
    removed_at     timestamptz,
    multiplier     bigint NOT NULL,        -- current transformers belong to the place
    pilot          boolean NOT NULL,
    radio          text NOT NULL,
    PRIMARY KEY (badge, installed_at)
);

CREATE TABLE channel (
    channel_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    badge        text NOT NULL REFERENCES meter,
    channel      smallint NOT NULL,
    reading_type text NOT NULL,
    interval_s   integer NOT NULL,
    unit         text NOT NULL,
    UNIQUE (badge, channel)
);

-- At one instant a badge sits in one place; who asks starts from either side.
CREATE INDEX meter_installation_usage_point ON meter_installation (usage_point_id, installed_at);

CREATE TABLE collector (
    collector_id bigint PRIMARY KEY,
    name         text NOT NULL,
    latitude     double precision NOT NULL,
    longitude    double precision NOT NULL
);

CREATE SCHEMA personal;

CREATE TABLE personal.contact (
    account_id text PRIMARY KEY REFERENCES account,
    name       text NOT NULL,
    email      text NOT NULL,
    phone      text NOT NULL,
    address    text NOT NULL
);
