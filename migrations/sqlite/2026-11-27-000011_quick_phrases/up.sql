-- What people often write, ready to be sent. Times are UTC milliseconds.

CREATE TABLE quick_phrases (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- whose alone it is; NULL: of all who see the account, or without an account of all who work for the owner
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX quick_phrases_by_owner ON quick_phrases (owner_id, position, id);
CREATE INDEX quick_phrases_by_user ON quick_phrases (user_id);
CREATE INDEX quick_phrases_by_account ON quick_phrases (account_id);
