DROP INDEX review_items_of_order;
DROP INDEX review_items_waiting;
DROP INDEX order_actions_delivered;
