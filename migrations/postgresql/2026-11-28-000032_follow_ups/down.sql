ALTER TABLE order_actions DROP COLUMN asked_by;
ALTER TABLE order_actions DROP COLUMN wanted;
DROP TABLE follow_up_settings;
