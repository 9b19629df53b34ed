-- The signer's own record becomes a chain of hashes like the audit, and its head goes into each seal.
-- Lines are counted without gaps from here on: one that is missing shows.
ALTER TABLE signer.audit ALTER COLUMN number DROP IDENTITY;
ALTER TABLE signer.audit ADD COLUMN content bytea, ADD COLUMN hash bytea;
DO $$
DECLARE
    line signer.audit;
    counted bigint := 0;
    before bytea := decode(repeat('00', 32), 'hex');
    said bytea;
BEGIN
    FOR line IN SELECT * FROM signer.audit ORDER BY number LOOP
        counted := counted + 1;
        said := convert_to(jsonb_build_object(
            'number', counted, 'at', line.at, 'kind', line.event, 'subject',
            coalesce(line.command_id::text, ''), 'actor', 'signer',
            'detail', jsonb_build_object('text', line.detail))::text, 'UTF8');
        before := sha256(before || said);
        UPDATE signer.audit SET number = counted, content = said, hash = before
        WHERE number = line.number;
    END LOOP;
END $$;
ALTER TABLE signer.audit ALTER COLUMN content SET NOT NULL, ALTER COLUMN hash SET NOT NULL;

-- A seal of before knew nothing of it: as if it were empty.
ALTER TABLE audit_seal
    ADD COLUMN own_number bigint NOT NULL DEFAULT 0,
    ADD COLUMN own_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    DROP CONSTRAINT audit_seal_pkey,
    ADD PRIMARY KEY (number, own_number);
