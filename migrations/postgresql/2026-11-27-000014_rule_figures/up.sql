-- How often rules were used, and what came of it, by the day of the use: days since 1970 at UTC+8.
CREATE TABLE rule_days (
    rule_id BIGINT NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    last_hit_at BIGINT NOT NULL,
    -- hits whose first send the platform confirmed, and how long that took, all together
    answered BIGINT NOT NULL,
    answer_ms BIGINT NOT NULL,
    -- orders that were paid after a hit of this day
    orders BIGINT NOT NULL,
    last_order_at BIGINT,
    PRIMARY KEY (rule_id, day)
);
CREATE INDEX rule_days_by_day ON rule_days (day);
