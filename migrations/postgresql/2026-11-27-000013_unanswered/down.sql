DROP INDEX outbox_by_hand;
