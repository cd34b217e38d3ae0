DROP TABLE rule_cases;
