-- Who may come in, what they did, and how the system is set. Times are UTC milliseconds; secrets are sealed or hashed.

-- Whoever administered before still does; everybody else owns what they owned.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'owner';
UPDATE users SET role = 'admin' WHERE is_admin;
ALTER TABLE users DROP COLUMN is_admin;
-- Whose accounts an operator or a viewer works on; NULL for admins and owners, who own theirs.
ALTER TABLE users ADD COLUMN employer_id BIGINT REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
-- The secret of the second factor, sealed; it counts once it is confirmed.
ALTER TABLE users ADD COLUMN totp_secret BLOB;
ALTER TABLE users ADD COLUMN totp_confirmed BOOLEAN NOT NULL DEFAULT FALSE;
-- The last step of 30 s whose code was taken: a code is good once.
ALTER TABLE users ADD COLUMN totp_step BIGINT;
ALTER TABLE users ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX users_by_email ON users (email);
CREATE INDEX users_by_employer ON users (employer_id);

-- When the cookie was put here; of older ones it is known only that it was not later than the last change.
ALTER TABLE accounts ADD COLUMN credentials_set_at BIGINT NOT NULL DEFAULT 0;
UPDATE accounts SET credentials_set_at = updated_at;

-- The accounts an operator or a viewer may see.
CREATE TABLE user_accounts (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, account_id)
) WITHOUT ROWID;
CREATE INDEX user_accounts_by_account ON user_accounts (account_id);

-- A signed token names its row here; without the row it is worth nothing.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    -- moves on while it is used, never beyond ends_at
    expires_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Tokens of programs: only the hash is kept, and a beginning to recognise one by.
CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    -- 'read' or 'write'
    access TEXT NOT NULL,
    -- FALSE: the accounts in api_token_accounts, and no others
    all_accounts BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id);

CREATE TABLE api_token_accounts (
    token_id BIGINT NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, account_id)
) WITHOUT ROWID;
CREATE INDEX api_token_accounts_by_account ON api_token_accounts (account_id);

-- Codes sent by e-mail: one live code for an address and purpose.
CREATE TABLE email_codes (
    email TEXT NOT NULL,
    -- 'register' or 'login'
    purpose TEXT NOT NULL,
    hash BLOB NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (email, purpose)
) WITHOUT ROWID;
CREATE INDEX email_codes_by_expiry ON email_codes (expires_at);

-- What a POST with an Idempotency-Key was answered, sealed; without an answer it is still at work, or nobody knows.
CREATE TABLE idempotency_keys (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status BIGINT,
    body BLOB,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

-- Every write: who, what, from where. No foreign keys: a line outlives whom it names.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at BIGINT NOT NULL,
    actor_id BIGINT,
    actor TEXT NOT NULL,
    -- 'session', 'token', 'setup', 'cli' or 'system'
    via TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    -- the tenant it concerns; NULL: the system
    owner_id BIGINT,
    action TEXT NOT NULL,
    object_type TEXT NOT NULL,
    object_id TEXT NOT NULL,
    -- JSON, without secrets
    before TEXT,
    after TEXT
);
CREATE INDEX audit_by_owner ON audit (owner_id, id);
CREATE INDEX audit_by_object ON audit (object_type, object_id, id);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- What an administrator sets while the system runs: JSON, or a sealed secret.
CREATE TABLE settings (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT,
    sealed BLOB,
    updated_at BIGINT NOT NULL
);

INSERT INTO revisions VALUES ('users', 0), ('settings', 0);

-- Lists over all accounts, figures by the hour, and the removal of what is too old go by time. New rows come at the end.
CREATE INDEX chat_messages_by_time ON chat_messages (received_at);
CREATE INDEX outbox_by_time ON outbox (created_at);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('chat_messages', 'chat_messages_by_time', '1000000 2'),
    ('outbox', 'outbox_by_time', '1000000 2');
