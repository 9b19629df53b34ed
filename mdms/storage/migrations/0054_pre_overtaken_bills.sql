-- Which frozen windows reads have moved under since somebody looked, channel by channel, so that
-- each night looks only at those. A correction that was found so and would replace a bill is a
-- proposal until somebody lets the window be corrected.
CREATE TABLE billing_overtaken (
    window_start date NOT NULL,
    window_end   date NOT NULL,
    channel_id   integer NOT NULL,
    PRIMARY KEY (window_start, window_end, channel_id),
    FOREIGN KEY (window_start, window_end) REFERENCES billing_window (window_start, window_end)
);
ALTER TABLE billing_correction ADD COLUMN proposed boolean NOT NULL DEFAULT false;
