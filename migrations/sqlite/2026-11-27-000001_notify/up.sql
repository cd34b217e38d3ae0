-- Notices to sellers and administrators, and where they go. Times are UTC milliseconds; secrets are sealed (see src/store/secret.rs).

CREATE TABLE notify_channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- JSON of what the kind needs, sealed
    config BLOB NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- 'zh' or 'en'
    language TEXT NOT NULL,
    -- '23:00-07:00+08:00'; NULL: none
    quiet_hours TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

-- Which events go to which channel, from which severity on: 'info', 'warning' or 'critical'.
CREATE TABLE notify_subscriptions (
    channel_id BIGINT NOT NULL REFERENCES notify_channels (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    min_severity TEXT NOT NULL,
    PRIMARY KEY (channel_id, event)
) WITHOUT ROWID;

-- What is told. The same trouble is one row with a count until it is over and told.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    buyer_id TEXT,
    event TEXT NOT NULL,
    severity TEXT NOT NULL,
    -- what makes two troubles the same
    key TEXT NOT NULL,
    -- JSON: whom and what it is about
    subject TEXT NOT NULL,
    count BIGINT NOT NULL,
    -- how many of them were told
    told BIGINT NOT NULL,
    -- 'held', 'told' or 'done'
    stage TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    ended_at BIGINT,
    seen_at BIGINT
);
CREATE UNIQUE INDEX notices_live ON notices (owner_id, key) WHERE stage <> 'done';
CREATE INDEX notices_open ON notices (stage, id) WHERE stage IN ('held', 'told');
CREATE INDEX notices_by_owner ON notices (owner_id, id);
CREATE INDEX notices_by_account ON notices (account_id);
CREATE INDEX notices_by_buyer ON notices (buyer_id, account_id) WHERE buyer_id IS NOT NULL;

-- One message of a notice to one channel.
CREATE TABLE notify_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    notice_id BIGINT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    channel_id BIGINT NOT NULL REFERENCES notify_channels (id) ON DELETE CASCADE,
    -- 'begin', 'again' or 'end'
    phase TEXT NOT NULL,
    -- stays the same however often it is tried: receivers tell repeats by it
    uid TEXT NOT NULL,
    -- waits for the end of quiet hours and goes with what gathered there
    digest BOOLEAN NOT NULL,
    -- 'queued', 'sent' or 'dead'
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    UNIQUE (notice_id, channel_id, phase)
);
CREATE INDEX notify_deliveries_queued ON notify_deliveries (next_at) WHERE state = 'queued';
CREATE INDEX notify_deliveries_by_channel ON notify_deliveries (channel_id);

-- What newly waits for a person is found by when that was decided.
CREATE INDEX chat_messages_for_a_person_by_time ON chat_messages (decided_at) WHERE needs_person;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('chat_messages', 'chat_messages_for_a_person_by_time', '1000 1');
