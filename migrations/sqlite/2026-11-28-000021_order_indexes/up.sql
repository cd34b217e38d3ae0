-- Orders of which the buyer has everything, along their time.
CREATE INDEX order_actions_delivered ON order_actions (done_at) WHERE kind = 'delivered';
-- What waits for a person, and what ever did for one order.
CREATE INDEX review_items_waiting ON review_items (id) WHERE closed_at IS NULL;
CREATE INDEX review_items_of_order ON review_items (account_id, order_id);
