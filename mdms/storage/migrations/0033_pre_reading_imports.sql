-- Files of reads that were handed in: what became of each, and every row that was refused.
CREATE TABLE reading_import (
    reading_import_id uuid PRIMARY KEY,
    name           text NOT NULL,
    format         text NOT NULL,
    zone           text NOT NULL,              -- of its times
    meter          text NOT NULL,              -- whose it is; empty: the file says
    sha256         bytea NOT NULL,
    size           bigint NOT NULL,            -- bytes
    imported_by    text NOT NULL,
    imported_at    timestamptz NOT NULL,
    state          text NOT NULL CHECK (state IN ('stored', 'partial', 'refused')),
    interval_count bigint NOT NULL,            -- that the file holds and nothing is wrong with
    register_count bigint NOT NULL,
    new_count      bigint NOT NULL,            -- of both, that were not known yet
    disputed_count bigint NOT NULL,            -- that were known with another value
    no_value_count bigint NOT NULL,            -- placeholders
    not_read_count bigint NOT NULL,            -- estimates and edits of others
    rounded_count  bigint NOT NULL,
    passed_over    jsonb NOT NULL,             -- records without reads, by kind
    totals         jsonb NOT NULL,             -- sum of the intervals' quanta, by unit
    refused_count  bigint NOT NULL
);
-- The same file taken twice is one import; one that was refused, or taken in part, may come again.
CREATE UNIQUE INDEX reading_import_stored ON reading_import (sha256, format, zone, meter)
    WHERE state = 'stored';
CREATE INDEX reading_import_at ON reading_import (imported_at);

CREATE TABLE reading_import_refusal (
    reading_import_id uuid NOT NULL REFERENCES reading_import,
    number integer NOT NULL,
    line   bigint NOT NULL,                    -- 0: the file as a whole
    flaw   text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (reading_import_id, number)
);
