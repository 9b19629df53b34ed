-- Days on which so many meters were silent at once that it is one incident and not each meter's.
CREATE TABLE mass_event (
    local_day  date PRIMARY KEY,
    due        integer NOT NULL,         -- meters that were to be heard that day
    silent     integer NOT NULL,         -- of them, of too few hours, when counted last
    found_at   timestamptz NOT NULL,
    counted_at timestamptz NOT NULL,
    ended_at   timestamptz               -- no longer so many: the others are looked at one by one
);
