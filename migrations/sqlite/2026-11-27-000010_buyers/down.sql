DELETE FROM sqlite_stat1 WHERE idx = 'conversations_by_peer';
DELETE FROM revisions WHERE topic = 'buyers';
DROP INDEX conversations_by_peer;
DROP TABLE buyer_notes;
DROP TABLE buyer_tags;
