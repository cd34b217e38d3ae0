DROP INDEX orders_by_buyer;
CREATE INDEX orders_by_buyer ON orders (buyer_id);
DROP INDEX orders_of_account;
DROP INDEX outbox_by_time;
CREATE INDEX outbox_by_time ON outbox (created_at);
DROP INDEX chat_messages_by_time;
CREATE INDEX chat_messages_by_time ON chat_messages (received_at);
DROP INDEX chat_messages_for_a_person;
CREATE INDEX chat_messages_for_a_person ON chat_messages (account_id, sent_at) WHERE needs_person;
