DROP TABLE rule_days;
