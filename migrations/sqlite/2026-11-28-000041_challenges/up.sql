-- What the platform wants a person to pass before it answers an account again: where, and what became of it.
CREATE TABLE challenges (
    -- 256 random bits as hexadecimal: the link to it.
    id TEXT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- sealed: the address carries the session
    url BLOB NOT NULL,
    state TEXT NOT NULL,
    trouble TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    opened_at BIGINT,
    opened_by TEXT,
    ended_at BIGINT
);
-- One at a time for an account.
CREATE UNIQUE INDEX challenges_open ON challenges (account_id) WHERE ended_at IS NULL;
CREATE INDEX challenges_by_account ON challenges (account_id, created_at);
CREATE INDEX challenges_ended ON challenges (ended_at) WHERE ended_at IS NOT NULL;
