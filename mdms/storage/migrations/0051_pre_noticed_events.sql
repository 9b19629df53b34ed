-- An alarm that was seen as a bit of a reading: at_utc is the reading's stamp, and the meter's own
-- report, if it comes, takes its place.
ALTER TABLE end_device_event ADD COLUMN noticed boolean NOT NULL DEFAULT false;
