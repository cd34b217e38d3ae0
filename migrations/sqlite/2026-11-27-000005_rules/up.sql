-- Rules for several accounts and items, for events, under conditions; drafts of rules and versions of what was published.

DROP INDEX rules_identity;
ALTER TABLE rules RENAME COLUMN replies TO actions;
-- Ids joined by commas, sorted; empty: all. Accounts: of a rule that all accounts share, those it is for.
ALTER TABLE rules ADD COLUMN only_accounts TEXT NOT NULL DEFAULT '';
ALTER TABLE rules ADD COLUMN items TEXT NOT NULL DEFAULT '';
UPDATE rules SET items = item_id WHERE item_id IS NOT NULL;
ALTER TABLE rules DROP COLUMN item_id;
ALTER TABLE rules ADD COLUMN trigger_on TEXT NOT NULL DEFAULT 'message';
ALTER TABLE rules ADD COLUMN silent_minutes BIGINT NOT NULL DEFAULT 0;
-- JSON
ALTER TABLE rules ADD COLUMN conditions TEXT NOT NULL DEFAULT '{}';
ALTER TABLE rules ADD COLUMN delay_s BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rules ADD COLUMN per_day BIGINT;
-- FALSE: a draft of a new rule, which nothing answers with.
ALTER TABLE rules ADD COLUMN live BOOLEAN NOT NULL DEFAULT TRUE;
-- JSON of what the rule is to become; 'null': it is to go.
ALTER TABLE rules ADD COLUMN draft TEXT;
-- Only finds them: that no two are the same is checked by the writers, who wait for each other.
CREATE INDEX rules_identity ON rules (owner_id, account_id, matching, items);

-- What was published, one row a change of a set of rules. account_id NULL: the owner's shared set.
CREATE TABLE rule_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    -- counts up in each set
    number BIGINT NOT NULL,
    -- 'edit', 'import', 'publish' or 'roll_back'
    cause TEXT NOT NULL,
    note TEXT NOT NULL,
    actor_id BIGINT,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    -- JSON: [{"id":…,"before":{…} or null,"after":{…} or null},…]
    changes TEXT NOT NULL,
    made_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX rule_versions_by_set ON rule_versions (owner_id, coalesce(account_id, 0), number);
CREATE INDEX rule_versions_by_account ON rule_versions (account_id);

-- How often rules that are limited by the day answered a buyer. Days since 1970 at UTC+8.
CREATE TABLE rule_uses (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    buyer_id TEXT NOT NULL,
    rule_id BIGINT NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    PRIMARY KEY (account_id, buyer_id, rule_id)
) WITHOUT ROWID;
CREATE INDEX rule_uses_by_rule ON rule_uses (rule_id);
