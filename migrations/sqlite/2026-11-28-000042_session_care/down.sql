ALTER TABLE accounts DROP COLUMN proxy;
DROP TABLE account_sessions;
