-- What whoever decided wrote about it.
ALTER TABLE review_items ADD COLUMN note TEXT;
