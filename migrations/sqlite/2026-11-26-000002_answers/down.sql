DROP TABLE suggestions;
DROP TABLE ai_usage;
DROP TABLE bargains;
DROP TABLE answer_settings;
ALTER TABLE chat_messages DROP COLUMN trail;
