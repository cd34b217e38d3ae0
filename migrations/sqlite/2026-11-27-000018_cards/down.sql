DROP TABLE unit_events;
DROP TABLE units;
DROP TABLE card_parts;
DROP TABLE cards;
