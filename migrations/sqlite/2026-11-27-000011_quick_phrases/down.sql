DROP TABLE quick_phrases;
