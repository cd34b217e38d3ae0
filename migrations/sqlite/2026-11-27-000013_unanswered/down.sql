DELETE FROM sqlite_stat1 WHERE idx = 'outbox_by_hand';
DROP INDEX outbox_by_hand;
