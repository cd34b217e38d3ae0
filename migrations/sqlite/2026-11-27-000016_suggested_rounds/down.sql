DROP INDEX bargains_by_age;
ALTER TABLE suggestions DROP COLUMN is_round;
