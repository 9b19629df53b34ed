-- The last local day that validation has begun to judge. Who stores reads asks for it in the same
-- transaction, whatever process judges: reads of a day that was judged send it back. A run says it before
-- it loads anything; vee_run says it only when the night is over.
CREATE TABLE vee_horizon (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_day date NOT NULL
);
INSERT INTO vee_horizon (last_day)
SELECT max(last_day) FROM vee_run HAVING max(last_day) IS NOT NULL;
