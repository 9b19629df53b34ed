-- What a command is judged by beside the facts: in which role and on what evidence it was asked for,
-- and who approved it.
ALTER TABLE control
    ADD COLUMN role     text NOT NULL DEFAULT '',
    ADD COLUMN evidence text NOT NULL DEFAULT '',
    ADD COLUMN item     text NOT NULL DEFAULT '';

CREATE TABLE control_approval (
    control_id uuid NOT NULL REFERENCES control,
    name       text NOT NULL,
    role       text NOT NULL,
    at         timestamptz NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (control_id, name)
);

-- What budgets count: opens of a day, and switches of the pilot.
CREATE INDEX control_envelope_open ON control_envelope (signed_at) WHERE opcode = 1;
CREATE INDEX meter_installation_pilot ON meter_installation (badge) WHERE pilot;

-- Whose meters a statement about an account or a premise concerns.
CREATE INDEX agreement_account ON agreement (account_id);
CREATE INDEX usage_point_premise ON usage_point (premise_id);
