-- How an account delivers. Where no row is, nothing but what the rules say is done.
CREATE TABLE delivery_settings (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    enabled BOOLEAN NOT NULL,
    -- the platform is told that the order is shipped, once the buyer has everything
    confirm_shipment BOOLEAN NOT NULL,
    -- bargains (小刀) are let through without further helpers
    free_shipping BOOLEAN NOT NULL,
    -- said after all of it; empty: nothing
    receipt TEXT NOT NULL,
    -- said where nothing is in stock; empty: nothing
    out_of_stock TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Which orders get which cards.
CREATE TABLE delivery_rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- NULL: all accounts of the owner
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    -- either an item, or a keyword that its title contains
    item_id TEXT,
    keyword TEXT,
    -- JSON of normalised values such as ["黑","m"]; NULL: whatever the specification
    spec TEXT,
    priority BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- 'piece' or 'order': how many units an order gets
    quantity TEXT NOT NULL,
    delay_s BIGINT NOT NULL,
    -- orders a day in China; NULL: no limit
    per_day BIGINT,
    -- minutes of the day in China; both NULL: around the clock
    from_minute BIGINT,
    to_minute BIGINT,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((item_id IS NULL) <> (keyword IS NULL)),
    UNIQUE (owner_id, id)
);
CREATE INDEX delivery_rules_by_item ON delivery_rules (owner_id, item_id);

CREATE TABLE delivery_rule_cards (
    owner_id BIGINT NOT NULL,
    rule_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    card_id BIGINT NOT NULL,
    PRIMARY KEY (rule_id, position),
    FOREIGN KEY (owner_id, rule_id) REFERENCES delivery_rules (owner_id, id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id, card_id) REFERENCES cards (owner_id, id) ON DELETE CASCADE
);
CREATE INDEX delivery_rule_cards_by_card ON delivery_rule_cards (card_id);

-- What an order is given: one row a unit, claimed once.
CREATE TABLE deliveries (
    account_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    -- counted from 1
    unit BIGINT NOT NULL,
    -- 'reserved', 'sent', 'confirmed', 'uncertain', 'rejected' or 'cancelled'
    state TEXT NOT NULL,
    rule_id BIGINT,
    -- how often a person had it given anew
    round BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, order_id, unit),
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id) ON DELETE CASCADE
);
CREATE INDEX deliveries_by_rule ON deliveries (rule_id, claimed_at);

-- What a unit of an order is made of. What it says is fixed when it is claimed.
CREATE TABLE delivery_parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    unit BIGINT NOT NULL,
    round BIGINT NOT NULL,
    position BIGINT NOT NULL,
    card_id BIGINT NOT NULL,
    -- the number by which the stock and its log know it
    claim TEXT NOT NULL,
    -- the piece of stock, where the card has one
    unit_id BIGINT REFERENCES units (id) ON DELETE SET NULL,
    -- sealed: what the seller's own program answered; NULL: it was not asked, or nobody has to
    content BLOB,
    state TEXT NOT NULL,
    FOREIGN KEY (account_id, order_id, unit) REFERENCES deliveries (account_id, order_id, unit) ON DELETE CASCADE
);
-- Two orders, or one twice, can never have the same piece.
CREATE UNIQUE INDEX delivery_parts_once ON delivery_parts (account_id, order_id, unit, round, position);
CREATE UNIQUE INDEX delivery_parts_by_claim ON delivery_parts (claim);
CREATE UNIQUE INDEX delivery_parts_by_unit ON delivery_parts (unit_id) WHERE unit_id IS NOT NULL;

-- The messages that carry an order's parts.
CREATE TABLE delivery_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- 'planned', 'queued', 'sent', 'confirmed', 'uncertain', 'rejected' or 'dropped'
    state TEXT NOT NULL,
    -- sealed
    body BLOB NOT NULL,
    -- why it is what it is, in the platform's words where there are some
    reason TEXT,
    -- the platform's id of the message
    message_id TEXT,
    planned_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id) ON DELETE CASCADE
);
CREATE INDEX delivery_messages_by_order ON delivery_messages (account_id, order_id);

CREATE TABLE delivery_message_parts (
    message_id BIGINT NOT NULL REFERENCES delivery_messages (id) ON DELETE CASCADE,
    part_id BIGINT NOT NULL REFERENCES delivery_parts (id) ON DELETE CASCADE,
    PRIMARY KEY (message_id, part_id)
);
CREATE INDEX delivery_message_parts_by_part ON delivery_message_parts (part_id);

-- A message of a delivery is sent once: what follows it has a row of its own.
ALTER TABLE outbox ADD COLUMN delivery BIGINT;
CREATE UNIQUE INDEX outbox_by_delivery ON outbox (delivery) WHERE delivery IS NOT NULL;

-- What else is done about an order, each once.
CREATE TABLE order_actions (
    account_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    -- 'ship', 'free_shipping', 'fetch', 'receipt', 'out_of_stock' or 'by_hand'
    kind TEXT NOT NULL,
    -- 'due', 'done' or 'failed'
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    error TEXT,
    -- what is due is not done before
    not_before BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (account_id, order_id, kind),
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id) ON DELETE CASCADE
);

-- What needs a person's decision.
CREATE TABLE review_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    order_id TEXT NOT NULL,
    -- why, as a stable code
    reason TEXT NOT NULL,
    -- what is known, in the words of whoever knew it
    detail TEXT,
    opened_at BIGINT NOT NULL,
    reminded_at BIGINT,
    closed_at BIGINT,
    -- how it ended: 'healed', or what a person chose
    resolution TEXT,
    closed_by TEXT,
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX review_items_open ON review_items (account_id, order_id, reason) WHERE closed_at IS NULL;
CREATE INDEX review_items_by_age ON review_items (opened_at);
