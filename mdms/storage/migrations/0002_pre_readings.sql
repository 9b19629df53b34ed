-- Reads are versions: version 0 is what was received, VEE and edits append from 1, and nothing
-- is ever updated (design D6). The comment after a table says how it is cut by time: native
-- range partitions on plain PostgreSQL, a hypertable where TimescaleDB is installed.
-- Wide columns come first: PostgreSQL aligns them, and in the order of the key a row would carry
-- 24 bytes of padding.
CREATE TABLE interval_read (
    start_utc   timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    value       bigint NOT NULL,           -- quanta
    flags       bigint NOT NULL,           -- bit n is rule Vn
    channel_id  integer NOT NULL,
    version     smallint NOT NULL,
    method      smallint NOT NULL,
    source      smallint NOT NULL,
    status      "char" NOT NULL,           -- letter of vee.md 6.1
    PRIMARY KEY (channel_id, start_utc, version)
) /* time series on start_utc, month, segment by channel_id, order by start_utc, version */;

CREATE TABLE register_read (
    at_utc      timestamptz NOT NULL,      -- as the meter stamped it
    recorded_at timestamptz NOT NULL,
    value       bigint NOT NULL,
    channel_id  integer NOT NULL,
    version     smallint NOT NULL,
    source      smallint NOT NULL,
    status      "char" NOT NULL,
    PRIMARY KEY (channel_id, at_utc, version)
) /* time series on at_utc, month, segment by channel_id, order by at_utc, version */;

-- A raw value that differs from the stored raw one: kept, never overwritten.
CREATE TABLE read_conflict (
    read_conflict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id   integer NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('interval', 'register')),
    at_utc       timestamptz NOT NULL,     -- start of the interval, or instant of the register
    value        bigint NOT NULL,
    stored_value bigint NOT NULL,
    recorded_at  timestamptz NOT NULL,
    UNIQUE (channel_id, kind, at_utc, value)
);

-- The message as it came, compressed by us (zstd), for replay, lineage and disputes.
CREATE TABLE uplink_message (
    collector_id bigint NOT NULL,
    boot_id      bigint NOT NULL,
    batch_seq    bigint NOT NULL,
    batch_at     timestamptz NOT NULL,
    kind         text NOT NULL,
    frame_count  integer NOT NULL,
    received_at  timestamptz NOT NULL,
    payload_size integer NOT NULL,
    payload_zstd bytea NOT NULL,
    PRIMARY KEY (collector_id, batch_seq, boot_id, batch_at)
) /* time series on batch_at, month, segment by collector_id, order by batch_at */;

CREATE TABLE collector_sequence (
    collector_id bigint PRIMARY KEY,
    boot_id      bigint NOT NULL,
    batch_seq    bigint NOT NULL,
    batch_at     timestamptz NOT NULL,
    received_at  timestamptz NOT NULL
);

CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at    timestamptz NOT NULL,
    reason         text NOT NULL,
    detail         text NOT NULL,
    topic          text NOT NULL,
    frame_index    integer,                -- null: the whole message
    payload        bytea NOT NULL
);
CREATE INDEX dead_letter_received_at ON dead_letter (received_at);

CREATE TABLE estimation_method (
    method smallint PRIMARY KEY,
    code   text NOT NULL
);
INSERT INTO estimation_method VALUES
    (0, ''), (1, 'D1'), (2, 'Z1'), (3, 'Z2'), (4, 'K1'), (5, 'L1'),
    (6, 'H1'), (7, 'H2'), (8, 'H3'), (9, 'C1'), (10, 'A1');
