-- What people know of buyers. It belongs to the owner: all the owner's accounts share it. Times are UTC milliseconds.

CREATE TABLE buyer_tags (
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    buyer_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, buyer_id, tag)
) WITHOUT ROWID;
CREATE INDEX buyer_tags_by_tag ON buyer_tags (owner_id, tag);
CREATE INDEX buyer_tags_by_time ON buyer_tags (created_at);

CREATE TABLE buyer_notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    buyer_id TEXT NOT NULL,
    text TEXT NOT NULL,
    -- No foreign key: a note outlives who wrote it.
    author_id BIGINT,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX buyer_notes_by_buyer ON buyer_notes (owner_id, buyer_id);
CREATE INDEX buyer_notes_by_time ON buyer_notes (created_at);

-- Whose conversations these are.
CREATE INDEX conversations_by_peer ON conversations (peer_id, account_id) WHERE peer_id IS NOT NULL;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('conversations', 'conversations_by_peer', '100000 2 1');

INSERT INTO revisions VALUES ('buyers', 0);
