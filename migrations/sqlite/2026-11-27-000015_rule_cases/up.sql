-- What a seller expects of an account's rules: conversations as they might go. Times are UTC milliseconds.

CREATE TABLE rule_cases (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- JSON: what happens, and what is to come of it
    script TEXT NOT NULL,
    -- nothing is published while it fails
    blocks BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX rule_cases_by_name ON rule_cases (account_id, name);
