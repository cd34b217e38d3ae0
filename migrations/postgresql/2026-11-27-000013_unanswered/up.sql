-- What people sent by hand, or approved of, by conversation. Automatic answers, which are most, name what they answer and are not in it.
CREATE INDEX outbox_by_hand ON outbox (account_id, conversation_id, id) WHERE in_reply_to IS NULL;
