-- Whether an answer that waits for a person is a round of bargaining, once it is sent.
ALTER TABLE suggestions ADD COLUMN is_round BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE suggestions SET is_round = TRUE WHERE intent = 'price' AND state = 'pending';
-- What changed since the engine last looked.
CREATE INDEX bargains_by_age ON bargains (updated_at);
