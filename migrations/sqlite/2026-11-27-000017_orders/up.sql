-- Orders as the platform's gateway tells them. Times are UTC milliseconds, money is Fen.
CREATE TABLE orders (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    -- 'processing', 'pending_ship', 'shipped', 'completed', 'refunding' or 'cancelled'; NULL: the gateway was not read yet
    status TEXT,
    buyer_id TEXT,
    buyer_name TEXT,
    conversation_id TEXT,
    item_id TEXT,
    -- JSON: [["颜色","黑"]]
    spec TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    -- of one piece, and all that is paid
    price BIGINT,
    amount BIGINT,
    -- sealed JSON
    address BLOB,
    is_bargain BOOLEAN NOT NULL,
    placed_at BIGINT,
    paid_at BIGINT,
    shipped_at BIGINT,
    completed_at BIGINT,
    ended_at BIGINT,
    -- when we first heard of it
    seen_at BIGINT NOT NULL,
    -- when the gateway last told of it
    read_at BIGINT,
    -- when the gateway is to be asked (again); NULL: nobody wants to know
    read_due BIGINT,
    -- what lets us ask then: 'notice', 'list', 'delivery', 'shipment', 'person' or 'schedule'
    read_cause TEXT,
    -- how often it was asked in vain since it last told, and what it said then
    read_tries BIGINT NOT NULL,
    read_error TEXT,
    -- when its delivery is to be looked at (again); NULL: nothing is to be done
    deliver_due BIGINT,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX orders_to_read ON orders (account_id, read_due) WHERE read_due IS NOT NULL;
CREATE INDEX orders_to_deliver ON orders (account_id, deliver_due) WHERE deliver_due IS NOT NULL;
CREATE INDEX orders_by_age ON orders (seen_at);
CREATE INDEX orders_by_buyer ON orders (buyer_id);
CREATE INDEX orders_by_conversation ON orders (account_id, conversation_id);

-- Where orders stood, and what made them go on.
CREATE TABLE order_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    -- as `orders.read_cause`
    cause TEXT NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id) ON DELETE CASCADE
);
CREATE INDEX order_changes_by_order ON order_changes (account_id, order_id);

-- The comparison of what an account has to ship with what the platform says.
CREATE TABLE order_syncs (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- when it is to be made (again); NULL: nobody wants it
    due_at BIGINT,
    -- when the list was last read to its end
    synced_at BIGINT,
    -- how often it was read in vain since then, and what the platform said
    tries BIGINT NOT NULL,
    error TEXT
);
