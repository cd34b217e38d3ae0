-- What a turn was about; with the message that carries its decision.
ALTER TABLE chat_messages ADD COLUMN intent TEXT;
-- What was given, the newest first.
CREATE INDEX deliveries_by_time ON deliveries (claimed_at);
