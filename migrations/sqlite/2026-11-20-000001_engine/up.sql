-- Times are UTC milliseconds. Secrets are sealed before they get here (see src/store/secret.rs).
-- Tables with a natural key are WITHOUT ROWID (one tree instead of two), but not the two that grow with every message: at the end of
-- one tree a commit of many accounts' rows changes a few pages, by key it changes one page for each account (measured: 20-30 %).

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    is_admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    platform_uid TEXT NOT NULL UNIQUE,
    cookie BLOB NOT NULL,
    -- grows with every new cookie, so that a running actor notices
    credentials_version BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- the account's stop switch: nothing automatic is written to the platform
    stopped BOOLEAN NOT NULL,
    -- NULL: the setting of the system
    debounce_ms BIGINT,
    longest_wait_ms BIGINT,
    takeover_pause_ms BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE TABLE account_states (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT,
    since BIGINT NOT NULL
);

-- What the token governor must not forget across restarts.
CREATE TABLE account_tokens (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    token BLOB,
    device_id TEXT NOT NULL,
    -- the accounts.credentials_version it belongs to: with a new cookie everything is asked for anew
    credentials_version BIGINT NOT NULL,
    issued_at BIGINT,
    expires_at BIGINT,
    -- requests made on this day (days since 1970, UTC)
    budget_day BIGINT NOT NULL,
    budget_used BIGINT NOT NULL,
    -- set while the platform wants a person
    breaker_since BIGINT,
    breaker_reason TEXT,
    breaker_url BLOB
);

-- How far the account's messages are known to be stored.
CREATE TABLE account_cursors (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    pts BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE conversations (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL,
    peer_id TEXT,
    peer_name TEXT,
    item_id TEXT,
    item_title TEXT,
    -- 'seller', 'buyer' or 'unknown'
    side TEXT NOT NULL,
    paused_until BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, conversation_id)
) WITHOUT ROWID;
CREATE INDEX conversations_paused ON conversations (account_id) WHERE paused_until IS NOT NULL;

-- What is known of items met in chats: above all who sells them.
CREATE TABLE items (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    seller_id TEXT NOT NULL,
    title TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, item_id)
) WITHOUT ROWID;

-- Every message once, with what was decided about it.
CREATE TABLE chat_messages (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    sender_name TEXT,
    content_type BIGINT NOT NULL,
    text TEXT NOT NULL,
    item_id TEXT,
    sent_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    -- 'push' or 'history'
    source TEXT NOT NULL,
    -- NULL: not decided yet. 'merged': see the decision on message turn_id
    decision TEXT,
    reason TEXT,
    rule_id BIGINT,
    turn_id TEXT,
    settled_at BIGINT,
    decided_at BIGINT,
    needs_person BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, message_id)
);
CREATE INDEX chat_messages_by_conversation ON chat_messages (account_id, conversation_id, sent_at);
CREATE INDEX chat_messages_undecided ON chat_messages (account_id, sent_at) WHERE decision IS NULL;
CREATE INDEX chat_messages_for_a_person ON chat_messages (account_id, sent_at) WHERE needs_person;

-- Every text or picture to a buyer. 'id' is the number in the uuid on the wire, never below 'created_at'.
CREATE TABLE outbox (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    conversation_id TEXT NOT NULL,
    peer_id TEXT NOT NULL,
    -- JSON: {"type":"text","text":…} or {"type":"image","url":…,"width":…,"height":…}
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    message_id TEXT,
    origin TEXT NOT NULL,
    rule_id BIGINT,
    in_reply_to TEXT,
    attempts INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    settled_at BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX outbox_unsettled ON outbox (account_id, created_at) WHERE state IN ('queued', 'sent');
-- Not unique: should the platform ever name two sends by one id, storing that must not fail for ever.
CREATE INDEX outbox_by_message ON outbox (account_id, message_id) WHERE message_id IS NOT NULL;

CREATE TABLE rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    item_id TEXT,
    matching TEXT NOT NULL,
    keyword TEXT NOT NULL,
    -- JSON arrays
    any_of TEXT NOT NULL,
    all_of TEXT NOT NULL,
    exclude TEXT NOT NULL,
    replies TEXT NOT NULL,
    once BOOLEAN NOT NULL,
    priority INTEGER NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX rules_identity ON rules (owner_id, coalesce(account_id, 0), coalesce(item_id, ''), matching, keyword);
CREATE INDEX rules_by_account ON rules (account_id);

-- Replies that are given once in a conversation. The row goes when its send turns out not to have reached the buyer.
CREATE TABLE once_replies (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL,
    rule_id BIGINT NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    outbox_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, conversation_id, rule_id)
) WITHOUT ROWID;
CREATE INDEX once_replies_by_rule ON once_replies (rule_id);

CREATE TABLE blocked_buyers (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    buyer_id TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX blocked_buyers_identity ON blocked_buyers (owner_id, coalesce(account_id, 0), buyer_id);
CREATE INDEX blocked_buyers_by_account ON blocked_buyers (account_id);

-- Push entries nobody could read, newest kept, for the report that teaches us the new format.
CREATE TABLE unknown_pushes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    received_at BIGINT NOT NULL,
    object_type BIGINT,
    error TEXT,
    data BLOB NOT NULL
);
CREATE INDEX unknown_pushes_by_account ON unknown_pushes (account_id, id);

-- Switches and other facts about the whole system.
CREATE TABLE facts (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- Grows with every change another process must notice: 'accounts', 'rules', 'blocks', 'switches', 'pauses'.
CREATE TABLE revisions (
    topic TEXT PRIMARY KEY NOT NULL,
    revision BIGINT NOT NULL
);
INSERT INTO revisions VALUES ('accounts', 0), ('rules', 0), ('blocks', 0), ('switches', 0), ('pauses', 0);

-- What a grown database looks like (rows, then rows for each longer prefix of the index). Without it SQLite believes that an
-- account has ten rows, and reads all of them where a small index would do.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('conversations', 'conversations', '100000 1000 1'),
    ('conversations', 'conversations_paused', '1000 10'),
    ('chat_messages', 'sqlite_autoindex_chat_messages_1', '1000000 10000 1'),
    ('chat_messages', 'chat_messages_by_conversation', '1000000 10000 10 1'),
    ('chat_messages', 'chat_messages_undecided', '100 5 1'),
    ('chat_messages', 'chat_messages_for_a_person', '1000 10 1'),
    ('outbox', 'sqlite_autoindex_outbox_1', '1000000 10000 1'),
    ('outbox', 'outbox_unsettled', '100 5 1'),
    ('outbox', 'outbox_by_message', '900000 9000 1'),
    ('once_replies', 'once_replies', '100000 1000 1 1'),
    ('once_replies', 'once_replies_by_rule', '100000 100');
