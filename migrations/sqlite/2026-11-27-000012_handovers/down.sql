DELETE FROM notices WHERE event = 'handover';
DELETE FROM notify_subscriptions WHERE event = 'handover';
DROP TABLE handovers;
