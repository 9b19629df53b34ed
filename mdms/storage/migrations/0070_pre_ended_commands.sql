-- What a command ended as stays: a copy of it that was read before may not be saved over its end.
CREATE FUNCTION control_has_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'command % has ended: % is not followed by %',
        OLD.control_id, OLD.state, NEW.state;
END
$$;
CREATE TRIGGER control_ended BEFORE UPDATE ON control
FOR EACH ROW WHEN (
    OLD.state IN ('POLICY_DENIED', 'CANCELLED', 'EXPIRED', 'VERIFIED', 'RECONCILED')
    AND NEW.state <> OLD.state
)
EXECUTE FUNCTION control_has_ended();
