-- What is known of an account's login, besides its secrets. Where no row is: nothing happened yet.
CREATE TABLE account_sessions (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- as the platform shows the seller
    nickname TEXT,
    picture TEXT,
    -- when it is thought to end
    ends_at BIGINT,
    -- the last check of the login, and those of one day (days since 1970, UTC)
    checked_at BIGINT,
    check_day BIGINT NOT NULL DEFAULT 0,
    checks_used BIGINT NOT NULL DEFAULT 0,
    -- the last one got no answer, or none that helps
    check_silent BOOLEAN NOT NULL DEFAULT FALSE,
    -- the last time the platform ended the connection for another one
    kicked_at BIGINT,
    kick_reason TEXT,
    kick_detail TEXT,
    -- the last time a person had the connection tried; without an error it stood
    probed_at BIGINT,
    probe_ms BIGINT,
    probe_error TEXT,
    -- searches for missed messages that came to their end, and the last of them
    gaps_filled BIGINT NOT NULL DEFAULT 0,
    gap_filled_at BIGINT
);
CREATE INDEX account_sessions_ending ON account_sessions (ends_at);

-- How the account reaches the platform, sealed; NULL: directly.
ALTER TABLE accounts ADD COLUMN proxy BYTEA;
