DROP INDEX deliveries_by_time;
ALTER TABLE chat_messages DROP COLUMN intent;
