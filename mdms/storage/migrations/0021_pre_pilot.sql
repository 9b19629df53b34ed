-- The pilot of remote switching: places that joined it and left it by a person's word. The flag
-- `pilot` of an installation follows the last step of its place; where there is none, the registry's
-- files set it.
CREATE TABLE pilot_step (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    usage_point_id text NOT NULL REFERENCES usage_point,
    enrolled       boolean NOT NULL,
    at             timestamptz NOT NULL,
    by             text NOT NULL,
    reason         text NOT NULL
);
CREATE INDEX pilot_step_place ON pilot_step (usage_point_id, number);
