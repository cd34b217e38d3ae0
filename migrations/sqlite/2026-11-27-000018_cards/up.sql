-- What a delivery gives. Times are UTC milliseconds.
CREATE TABLE cards (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- 'text', 'pool', 'image', 'api' or 'combination'
    kind TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- the text around what is given, with {DELIVERY_CONTENT} in its place; empty: nothing around it
    description TEXT NOT NULL,
    -- sealed JSON of what the kind needs; NULL: the kind keeps it elsewhere
    content BLOB,
    -- a notice is due where fewer free units are left; NULL: never
    low_stock BIGINT,
    -- when that notice was last due; NULL: since then there was enough
    low_since BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (owner_id, name),
    -- so that what points at a card can only point at one of the same owner
    UNIQUE (owner_id, id)
);

-- What a combination is made of, in this order.
CREATE TABLE card_parts (
    owner_id BIGINT NOT NULL,
    card_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    part_id BIGINT NOT NULL,
    PRIMARY KEY (card_id, position),
    FOREIGN KEY (owner_id, card_id) REFERENCES cards (owner_id, id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id, part_id) REFERENCES cards (owner_id, id) ON DELETE CASCADE
);

-- One piece of stock a row.
CREATE TABLE units (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL,
    card_id BIGINT NOT NULL,
    -- 'free', 'reserved', 'sent', 'confirmed', 'uncertain', 'returned' or 'void'
    state TEXT NOT NULL,
    -- sealed
    content BLOB NOT NULL,
    -- a keyed hash of the content: equal where the content is equal
    fingerprint BLOB NOT NULL,
    -- the same content was imported before, into any card of the owner
    duplicate BOOLEAN NOT NULL,
    -- who has it, as a random number that only its delivery knows; NULL: nobody
    claim TEXT,
    imported_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    FOREIGN KEY (owner_id, card_id) REFERENCES cards (owner_id, id) ON DELETE CASCADE
);
CREATE INDEX units_by_state ON units (card_id, state, id);
CREATE INDEX units_by_fingerprint ON units (owner_id, fingerprint);
CREATE UNIQUE INDEX units_by_claim ON units (claim) WHERE claim IS NOT NULL;

-- What happened to units: each row's hash covers the row before it, and none says anything about a buyer.
CREATE TABLE unit_events (
    card_id BIGINT NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    unit_id BIGINT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    claim TEXT,
    at BIGINT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (card_id, number)
);
CREATE INDEX unit_events_by_unit ON unit_events (unit_id);
