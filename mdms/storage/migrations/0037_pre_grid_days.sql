-- What the grid went through, by day: worked out from events and reads each morning, and outages as
-- soon as meters tell of them. Boards read it; anybody may work it out again.
CREATE TABLE outage (
    device       text NOT NULL CHECK (device IN ('service', 'transformer', 'feeder')),
    name         text NOT NULL,
    transformers text[] NOT NULL,
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz,
    customers    integer NOT NULL,
    reported     integer NOT NULL,
    PRIMARY KEY (began_at, device, name)
);

CREATE TABLE reliability_day (
    local_day date PRIMARY KEY,
    customers integer NOT NULL,
    saidi_min double precision NOT NULL,
    saifi     double precision NOT NULL,
    maifi     double precision NOT NULL
);

CREATE TABLE transformer_day (
    local_day        date NOT NULL,
    transformer_id   text NOT NULL REFERENCES transformer,
    peak_percent     double precision,
    p95_percent      double precision,
    hours_over_100   double precision,
    coverage_percent double precision,
    lowest_v         double precision,
    highest_v        double precision,
    beyond_a_percent double precision,
    PRIMARY KEY (local_day, transformer_id)
);

-- A home that lost its power alone is counted, and not named.
CREATE VIEW report.outage AS
SELECT device, CASE device WHEN 'service' THEN 'one service' ELSE name END AS name,
       cardinality(transformers) AS transformer_count, began_at, ended_at, customers, reported
FROM outage;

-- One row for each transformer that is out, also when its whole feeder is: the map.
CREATE VIEW report.outage_place AS
SELECT t.transformer_id, t.feeder_id, t.latitude, t.longitude, o.device, o.began_at, o.ended_at,
       o.customers
FROM outage o
CROSS JOIN LATERAL unnest(o.transformers) AS place (transformer_id)
JOIN transformer t ON t.transformer_id = place.transformer_id;

CREATE VIEW report.reliability_day AS
SELECT local_day, customers, saidi_min, saifi, saidi_min / nullif(saifi, 0) AS caidi_min, maifi
FROM reliability_day;

CREATE VIEW report.transformer_day AS
SELECT d.local_day, d.transformer_id, t.feeder_id, t.kva, t.latitude, t.longitude, d.peak_percent,
       d.p95_percent, d.hours_over_100, d.coverage_percent, d.lowest_v, d.highest_v,
       d.beyond_a_percent
FROM transformer_day d
JOIN transformer t USING (transformer_id);

GRANT SELECT ON report.outage, report.outage_place, report.reliability_day, report.transformer_day
    TO mdms_report;
