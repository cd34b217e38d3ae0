-- What an account sells, as the platform tells it, and what the seller adds to it.

-- In full, where it was asked for.
ALTER TABLE items ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN price_fen BIGINT;
-- JSON: [{"id":…,"properties":[[name,value],…],"price":…,"stock":…},…]
ALTER TABLE items ADD COLUMN specs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE items ADD COLUMN stock BIGINT;
-- 'on_sale', 'off_sale', 'gone' or 'unknown'
ALTER TABLE items ADD COLUMN status TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE items ADD COLUMN picture_url TEXT;
-- In the account's list when that was last read to its end.
ALTER TABLE items ADD COLUMN listed BOOLEAN NOT NULL DEFAULT FALSE;
-- When the reading began that saw it last, and JSON of what the list showed: a list and a detail may call one thing differently.
ALTER TABLE items ADD COLUMN listed_at BIGINT;
ALTER TABLE items ADD COLUMN listed_as TEXT;
ALTER TABLE items ADD COLUMN detail_fetched_at BIGINT;
-- When the detail was asked for in vain.
ALTER TABLE items ADD COLUMN detail_tried_at BIGINT;
-- When the platform told something new: an older detail is asked for anew.
ALTER TABLE items ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;

-- The seller's own page of the item. No reading of the platform touches it.
ALTER TABLE items ADD COLUMN ai_facts TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN floor_fen BIGINT;
ALTER TABLE items ADD COLUMN multi_spec BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE items ADD COLUMN multi_quantity BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE items ADD COLUMN polish BOOLEAN NOT NULL DEFAULT FALSE;
-- Days since 1970 at UTC+8, the platform's day: once in each.
ALTER TABLE items ADD COLUMN polished_day BIGINT;
ALTER TABLE items ADD COLUMN polish_tried_at BIGINT;
ALTER TABLE items ADD COLUMN polish_error TEXT;

-- How the reading of an account's list stands.
CREATE TABLE item_syncs (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- 'queued', 'running', 'done' or 'failed'
    state TEXT NOT NULL,
    -- the last page that was read, and the items on all pages so far
    page BIGINT NOT NULL,
    done BIGINT NOT NULL,
    -- known at the end
    total BIGINT,
    error TEXT,
    queued_at BIGINT,
    started_at BIGINT,
    finished_at BIGINT,
    -- when a list was last read to its end
    synced_at BIGINT
);

-- Pictures that sellers send. The bytes are the program's own writing and come last: who only lists does not read them.
CREATE TABLE pictures (
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the bytes, in hexadecimal
    id TEXT NOT NULL,
    mime TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (owner_id, id)
);
CREATE INDEX pictures_by_time ON pictures (owner_id, created_at);

-- Where the platform has a picture that an account uploaded. Not bound to the picture: its echoes may come after it was removed.
CREATE TABLE picture_uploads (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    picture_id TEXT NOT NULL,
    url TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, picture_id)
) WITHOUT ROWID;
CREATE INDEX picture_uploads_by_url ON picture_uploads (account_id, url);
