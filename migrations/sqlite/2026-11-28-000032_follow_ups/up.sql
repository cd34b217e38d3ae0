-- What an account does about its orders besides delivering them. Where no row is: nothing.
CREATE TABLE follow_up_settings (
    account_id BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- buyers are rated once the order is completed, so long after that
    rate BOOLEAN NOT NULL,
    -- JSON of texts, one of which is chosen
    rate_texts TEXT NOT NULL,
    rate_delay_m BIGINT NOT NULL,
    -- a red flower (小红花) is asked for once the order is completed
    flower BOOLEAN NOT NULL,
    -- buyers are asked to confirm that it came, so many days after it was shipped
    ask BOOLEAN NOT NULL,
    ask_after_d BIGINT NOT NULL,
    ask_text TEXT NOT NULL,
    -- what is not paid is closed so long after it was placed
    close BOOLEAN NOT NULL,
    close_after_m BIGINT NOT NULL,
    close_reason TEXT NOT NULL,
    -- an item is taken off the sale when an order takes its last piece in stock
    off_sale BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What is to be said or set: the rating, the reason, the price, the card that ran out; with it the action is done once.
ALTER TABLE order_actions ADD COLUMN wanted TEXT;
-- The name of the person who asked for it; NULL: what is set for the account.
ALTER TABLE order_actions ADD COLUMN asked_by TEXT;
