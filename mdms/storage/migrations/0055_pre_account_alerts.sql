-- Alerts of bills are an account's, and of no place.
ALTER TABLE personal.alert ALTER COLUMN usage_point_id DROP NOT NULL;
ALTER TABLE personal.alert
    DROP CONSTRAINT alert_account_id_usage_point_id_kind_subject_key,
    ADD CONSTRAINT alert_told_once
        UNIQUE NULLS NOT DISTINCT (account_id, usage_point_id, kind, subject);
