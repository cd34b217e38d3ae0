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

-- What rules for events are to do, and did. Done rows stay for as long as messages do.
CREATE TABLE rule_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    rule_id BIGINT NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL,
    buyer_id TEXT NOT NULL,
    item_id TEXT,
    order_id TEXT,
    -- 'order:' and the number of what happened, or 'silent:' and the message after which it is silent
    cause TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    done_at BIGINT,
    -- as in chat_messages
    reason TEXT,
    trail TEXT
);
CREATE UNIQUE INDEX rule_events_by_cause ON rule_events (account_id, conversation_id, rule_id, cause);
CREATE INDEX rule_events_by_rule ON rule_events (rule_id);
CREATE INDEX rule_events_due ON rule_events (account_id, due_at) WHERE done_at IS NULL;
CREATE INDEX rule_events_by_time ON rule_events (made_at);
