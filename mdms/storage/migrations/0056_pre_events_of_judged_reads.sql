-- What validation finds in stored reads is an event of a meter, and no collector's.
ALTER TABLE end_device_event ALTER COLUMN collector_id DROP NOT NULL;
