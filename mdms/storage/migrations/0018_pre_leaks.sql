-- Leaks that were found, and what is carried from night to night. Figures are per hour: gallons of
-- water, cubic feet of gas.
CREATE TABLE leak_case (
    channel_id    integer NOT NULL REFERENCES channel,
    episode       integer NOT NULL,           -- from 1 for each channel
    kind          text NOT NULL,              -- what gave it away
    state         text NOT NULL,
    severity      smallint NOT NULL,
    rate          double precision NOT NULL,
    rate_error    double precision NOT NULL,
    lost          double precision NOT NULL,  -- since began_at
    unit          text NOT NULL,              -- gal, cf
    began_at      timestamptz NOT NULL,
    raised_at     timestamptz NOT NULL,
    confirmed_at  timestamptz,
    ended_at      timestamptz,
    updated_at    timestamptz NOT NULL,       -- data up to here were looked at
    PRIMARY KEY (channel_id, episode)
);
CREATE INDEX leak_case_open ON leak_case (channel_id) WHERE ended_at IS NULL;

-- Every change of a case and every notice; appended only.
CREATE TABLE leak_step (
    leak_step_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id   integer NOT NULL,
    episode      integer NOT NULL,
    at           timestamptz NOT NULL,        -- end of the hour that decided
    recorded_at  timestamptz NOT NULL,
    signal       text NOT NULL,               -- empty: a notice alone
    state        text NOT NULL,
    kind         text NOT NULL,
    severity     smallint NOT NULL,
    rate         double precision NOT NULL,
    lost         double precision NOT NULL,
    notice       text NOT NULL,               -- empty: nobody is told
    by           text NOT NULL,
    reason       text NOT NULL,
    rules_hash   text NOT NULL,
    FOREIGN KEY (channel_id, episode) REFERENCES leak_case
);
CREATE INDEX leak_step_case ON leak_step (channel_id, episode);
CREATE INDEX leak_step_notice ON leak_step (recorded_at) WHERE notice <> '';

-- One packed row a channel (vee/leaks/memory.py): all that tomorrow needs of the past.
CREATE TABLE leak_memory (
    channel_id integer PRIMARY KEY REFERENCES channel,
    layout     text NOT NULL,
    packed     bytea NOT NULL
);

CREATE TABLE leak_run (
    last_day   date PRIMARY KEY,
    first_day  date NOT NULL,
    ran_at     timestamptz NOT NULL,
    rules_hash text NOT NULL,
    channels   integer NOT NULL,
    steps      integer NOT NULL
);

-- Dashboards see where water runs, not whose: cleared cases for 35 days.
CREATE VIEW report.leak_case AS
SELECT l.channel_id, c.commodity, c.service_class, l.episode, l.kind, l.state, l.severity, l.rate,
       l.rate_error, l.lost, l.unit, l.began_at, l.raised_at, l.confirmed_at, l.ended_at,
       l.updated_at
FROM leak_case l
JOIN report.channel c USING (channel_id)
WHERE l.ended_at IS NULL OR l.ended_at > l.updated_at - interval '35 days';

GRANT SELECT ON report.leak_case TO mdms_report;
