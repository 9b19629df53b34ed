-- Raw messages are compressed before they come: the server's own attempt at it only costs time.
-- A hypertable with a columnstore refuses the change, and its columnstore packs them anyhow.
DO $$
BEGIN
    IF (SELECT timescaledb_version IS NULL FROM capability) THEN
        ALTER TABLE uplink_message ALTER COLUMN payload_zstd SET STORAGE EXTERNAL;
    END IF;
END
$$;
