-- What the platform told of orders. Times are UTC milliseconds.
CREATE TABLE order_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- NULL: the platform did not say which
    order_id TEXT,
    -- 'placed', 'paid', 'shipped', 'received', 'refunding', 'refunded' or 'closed'
    event TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    -- what told of it
    message_id TEXT NOT NULL,
    buyer_id TEXT,
    item_id TEXT,
    -- when it happened, and when it was stored
    at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    -- NULL: told again at the next start, while it is young
    handled_at BIGINT
);
-- Each once; without an order's number, once for what told of it.
CREATE UNIQUE INDEX order_events_once ON order_events (account_id, order_id, event);
CREATE UNIQUE INDEX order_events_nameless ON order_events (account_id, message_id, event) WHERE order_id IS NULL;
CREATE INDEX order_events_by_conversation ON order_events (account_id, conversation_id);
CREATE INDEX order_events_by_buyer ON order_events (buyer_id, event);
CREATE INDEX order_events_by_age ON order_events (seen_at);
CREATE INDEX order_events_unhandled ON order_events (account_id) WHERE handled_at IS NULL;
