-- A row for each statement that changed who is metered where, or which radio is silent. Whoever keeps a
-- copy in memory looks how many there are: a process that did not make the change sees it, too.
CREATE TABLE registry_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);

CREATE FUNCTION note_registry_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        INSERT INTO registry_change DEFAULT VALUES;
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['channel', 'collector', 'meter', 'meter_installation', 'premise',
                                'radio_silence', 'usage_point'] LOOP
        EXECUTE format('CREATE TRIGGER registry_inserted AFTER INSERT ON %I
                        REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION note_registry_change()', name);
        EXECUTE format('CREATE TRIGGER registry_updated AFTER UPDATE ON %I
                        REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION note_registry_change()', name);
        EXECUTE format('CREATE TRIGGER registry_deleted AFTER DELETE ON %I
                        REFERENCING OLD TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION note_registry_change()', name);
    END LOOP;
END $$;
