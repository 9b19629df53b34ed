-- Rules that struck, by day: counted each morning, for a month of it is too much to count at a look.
CREATE TABLE rule_day (
    local_day         date NOT NULL,
    commodity         text NOT NULL,
    rule              text NOT NULL,           -- V01 to V58
    channel_day_count bigint NOT NULL,
    PRIMARY KEY (local_day, commodity, rule)
);

CREATE OR REPLACE VIEW report.vee_rule_day AS
SELECT local_day, commodity, rule, channel_day_count FROM rule_day;
