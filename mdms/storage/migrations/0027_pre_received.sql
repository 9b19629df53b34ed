-- A replay finds raw messages by when they came. They are appended in nearly that order, so a
-- summary of each block is enough, and costs writers nothing.
CREATE INDEX uplink_message_received ON uplink_message USING brin (received_at);
