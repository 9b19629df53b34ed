-- Three roles, so that no mistake and no break-in of one part reaches another's tables. mdms is the
-- daemon's: it owns all tables but the signer's, because months of plain PostgreSQL are attached by
-- it. mdms_signer is the signer's: it owns schema signer, where nobody else has a right, and may
-- look at what it judges by. mdms_report is for dashboards: views only. Whatever a migration makes is
-- handed over to its role by the runner (mdms/storage/roles.py).
--
-- Roles belong to the whole server: another database of it may have made them already. Without a
-- password they let nobody in over a network; an administrator gives one.
DO $$
DECLARE
    is_superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    wanted text;
BEGIN
    IF current_user IN ('mdms', 'mdms_signer') AND NOT is_superuser THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            '%s is a role of the programs themselves, which may not divide rights', current_user);
    END IF;
    FOREACH wanted IN ARRAY ARRAY['mdms', 'mdms_signer'] LOOP
        IF to_regrole(wanted) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    RAISE insufficient_privilege USING MESSAGE = format(
                        'role %s is missing, and %s may not create it', wanted, current_user);
            END;
        END IF;
        -- Only who belongs to a role may hand tables over to it; who made it may join it.
        IF NOT pg_has_role(current_user, wanted, 'USAGE') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
    END LOOP;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO mdms;

REVOKE ALL ON SCHEMA signer FROM PUBLIC;
GRANT SELECT ON utility, transformer, premise, usage_point, meter, meter_installation, control,
    control_step, optout, radio_silence TO mdms_signer;
