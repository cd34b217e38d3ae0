DELETE FROM sqlite_stat1 WHERE idx = 'chat_messages_for_a_person_by_time';
DROP INDEX chat_messages_for_a_person_by_time;
DROP TABLE notify_deliveries;
DROP TABLE notices;
DROP TABLE notify_subscriptions;
DROP TABLE notify_channels;
