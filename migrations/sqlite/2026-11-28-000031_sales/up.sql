-- What was sold, by account, day (days since 1970 at UTC+8) and item, in pieces and Fen. Holds nothing about a buyer, and outlives the orders.
CREATE TABLE sales_figures (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    -- '': nobody knows which
    item_id TEXT NOT NULL,
    placed BIGINT NOT NULL,
    paid BIGINT NOT NULL,
    paid_fen BIGINT NOT NULL,
    shipped BIGINT NOT NULL,
    units_delivered BIGINT NOT NULL,
    orders_delivered BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    completed_fen BIGINT NOT NULL,
    -- ended after they were paid, and before
    refunded BIGINT NOT NULL,
    refunded_fen BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    PRIMARY KEY (account_id, day, item_id)
) WITHOUT ROWID;

-- What of an order is in the figures already: whatever becomes of it, each is counted once.
CREATE TABLE sales_counted (
    account_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    -- what was counted as paid; NULL: nothing was
    paid_fen BIGINT,
    shipped BOOLEAN NOT NULL,
    completed BOOLEAN NOT NULL,
    ended BOOLEAN NOT NULL,
    units BIGINT NOT NULL,
    delivered BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, order_id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
