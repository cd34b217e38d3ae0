-- How answers are found besides rules. Times are UTC milliseconds; secrets are sealed.

-- How the decision was reached, as JSON; NULL where a reason came before any source was asked.
ALTER TABLE chat_messages ADD COLUMN trail TEXT;

-- How one account is answered, where it differs from what holds for all. A row is made when something is set.
CREATE TABLE answer_settings (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- a JSON list of the sources that are turned off
    sources_off TEXT NOT NULL DEFAULT '[]',
    -- JSON of what is set for the AI; what is absent is inherited
    ai TEXT NOT NULL DEFAULT '{}',
    ai_key BLOB,
    -- JSON of the seller's own program; NULL: there is none
    hook TEXT,
    hook_secret BLOB,
    updated_at BIGINT NOT NULL
);

-- How far bargaining went in a conversation, about this item.
CREATE TABLE bargains (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    rounds BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, conversation_id)
) WITHOUT ROWID;

-- What the AI used on one day, counted from 1970-01-01 in UTC+8. Costs in millionths of a Yuan.
CREATE TABLE ai_usage (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (account_id, day)
) WITHOUT ROWID;

-- Answers of the AI that were not sent by themselves.
CREATE TABLE suggestions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL,
    -- the last message of the turn
    message_id TEXT NOT NULL,
    -- 'recorded', 'pending', 'approved', 'rejected' or 'overtaken'
    state TEXT NOT NULL,
    intent TEXT NOT NULL,
    text TEXT NOT NULL,
    -- what was sent instead, where a person edited it
    sent_text TEXT,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX suggestions_by_account ON suggestions (account_id, state, created_at);
CREATE INDEX suggestions_by_conversation ON suggestions (account_id, conversation_id);
CREATE INDEX suggestions_by_age ON suggestions (created_at);
