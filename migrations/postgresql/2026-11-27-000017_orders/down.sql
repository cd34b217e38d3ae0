DROP TABLE order_syncs;
DROP TABLE order_changes;
DROP TABLE orders;
