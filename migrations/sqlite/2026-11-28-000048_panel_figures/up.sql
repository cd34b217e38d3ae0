-- What pages count over all that an account has is read from an index alone, and in the order in which it is counted.
DROP INDEX chat_messages_for_a_person;
CREATE INDEX chat_messages_for_a_person ON chat_messages (account_id, conversation_id, sent_at) WHERE needs_person;
DROP INDEX chat_messages_by_time;
CREATE INDEX chat_messages_by_time ON chat_messages (received_at, account_id, decision, rule_id);
DROP INDEX outbox_by_time;
CREATE INDEX outbox_by_time ON outbox (created_at, account_id, state);
CREATE INDEX orders_of_account ON orders (account_id, status, buyer_id, paid_at, placed_at, seen_at);
DROP INDEX orders_by_buyer;
CREATE INDEX orders_by_buyer ON orders (buyer_id, account_id, paid_at);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('chat_messages', 'chat_messages_for_a_person', '1000 10 2 1'),
    ('chat_messages', 'chat_messages_by_time', '1000000 2 1 1 1'),
    ('outbox', 'outbox_by_time', '1000000 2 1 1'),
    ('orders', 'sqlite_autoindex_orders_1', '100000 1000 1'),
    ('orders', 'orders_by_age', '100000 2'),
    ('orders', 'orders_by_conversation', '100000 1000 2'),
    ('orders', 'orders_to_read', '100 5 1'),
    ('orders', 'orders_to_deliver', '100 5 1'),
    ('orders', 'orders_of_account', '100000 1000 200 2 1 1 1'),
    ('orders', 'orders_by_buyer', '100000 3 2 1');
