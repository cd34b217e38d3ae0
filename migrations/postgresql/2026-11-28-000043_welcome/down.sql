DROP TABLE welcome_steps;
