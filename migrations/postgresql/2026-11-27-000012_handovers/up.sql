-- Who looks after a conversation. Times are UTC milliseconds.

CREATE TABLE handovers (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL,
    -- NULL: to nobody by name, or to somebody who is gone
    to_user BIGINT REFERENCES users (id) ON DELETE SET NULL,
    to_name TEXT,
    -- No foreign key: it outlives who did it. NULL: a rule.
    by_user BIGINT,
    by_name TEXT NOT NULL,
    note TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, conversation_id)
);
CREATE INDEX handovers_by_person ON handovers (to_user);

-- Who has channels already hears of it too.
INSERT INTO notify_subscriptions (channel_id, event, min_severity) SELECT id, 'handover', 'warning' FROM notify_channels;
