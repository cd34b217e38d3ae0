DROP TABLE rule_events;
DROP TABLE rule_uses;
DROP TABLE rule_versions;
DROP INDEX rules_identity;
-- Drafts of new rules never were rules.
DELETE FROM rules WHERE NOT live;
ALTER TABLE rules DROP COLUMN draft;
ALTER TABLE rules DROP COLUMN live;
ALTER TABLE rules DROP COLUMN per_day;
ALTER TABLE rules DROP COLUMN delay_s;
ALTER TABLE rules DROP COLUMN conditions;
ALTER TABLE rules DROP COLUMN silent_minutes;
ALTER TABLE rules DROP COLUMN trigger_on;
ALTER TABLE rules ADD COLUMN item_id TEXT;
UPDATE rules SET item_id = items WHERE items <> '';
ALTER TABLE rules DROP COLUMN items;
ALTER TABLE rules DROP COLUMN only_accounts;
ALTER TABLE rules RENAME COLUMN actions TO replies;
CREATE INDEX rules_identity ON rules (owner_id, coalesce(account_id, 0), coalesce(item_id, ''), matching, keyword);
