//! Conversations in which the buyer's last message has no answer.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn, Page, Scope,
    accounts::OWN,
    connection::per_backend,
    handovers::{self, HandedTo},
};
use crate::ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, Timestamp};

/// Which ones a person wants to see; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub handed_to: Option<HandedTo>,
}

/// A buyer who waits.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Waiting {
    #[diesel(sql_type = BigInt, column_name = account_id)]
    pub account: AccountId,
    #[diesel(sql_type = Text, column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(sql_type = Nullable<Text>, column_name = peer_id)]
    pub peer: Option<BuyerId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub peer_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>, column_name = item_id)]
    pub item: Option<ItemId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub item_title: Option<String>,
    /// The last one.
    #[diesel(sql_type = Text, column_name = message_id)]
    pub message: MessageId,
    /// Its beginning.
    #[diesel(sql_type = Text)]
    pub text: String,
    #[diesel(sql_type = BigInt)]
    pub sent_at: Timestamp,
    /// What was decided about the turn; `None`: nothing yet.
    #[diesel(sql_type = Nullable<Text>)]
    pub decision: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    #[diesel(sql_type = Bool)]
    pub needs_person: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    waiting: Waiting,
    /// How many there are on all pages.
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// A person has written, or approved of an answer, in the conversation `c` since the message `m` came: a number in the outbox is never below
/// its time. What names what it answers is an automatic answer, and the message's decision tells of it.
pub(super) const ANSWERED_BY_HAND: &str = "EXISTS (SELECT 1 FROM outbox AS o WHERE o.account_id = c.account_id \
     AND o.conversation_id = c.conversation_id AND o.in_reply_to IS NULL AND o.id >= m.received_at \
     AND o.origin IN ('person', 'ai') AND o.state NOT IN ('rejected', 'expired'))";

/// The last thing a person said, `m`, and the message that holds the decision of its turn, `d`, where it is another one. `$4` the account, `$5` whom it is handed to.
/// A buyer who was erased waits for nothing. SQLite counts parameters in the order in which they first stand.
fn waiting() -> String {
    let handed = handovers::fitting("$5");
    format!(
        "FROM conversations AS c JOIN chat_messages AS m ON m.account_id = c.account_id AND m.message_id = \
         (SELECT l.message_id FROM chat_messages AS l WHERE l.account_id = c.account_id AND l.conversation_id = c.conversation_id \
         AND coalesce(l.reason, '') NOT IN ('group_chat', 'not_a_person', 'buyer_side', 'erased') \
         ORDER BY l.sent_at DESC, l.message_id DESC LIMIT 1) \
         LEFT JOIN chat_messages AS d ON d.account_id = m.account_id AND d.message_id = m.turn_id \
         WHERE c.account_id IN {OWN} AND ($4 IS NULL OR c.account_id = $4) AND {handed} \
         AND c.side <> 'buyer' AND coalesce(c.peer_id, '') NOT LIKE 'erased-%' \
         AND coalesce(d.decision, m.decision, '') NOT IN ('own', 'answer') \
         AND coalesce(d.reason, m.reason, '') <> 'seller_answered' \
         AND NOT {ANSWERED_BY_HAND}"
    )
}

/// A part of those that wait, the longest waiting first, and how many there are. Looks at the newest messages of each conversation: once,
/// 10,000 of them in a quarter of a second on a busy core.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Waiting>, i64)> {
    let rows = read(conn, scope, filter, page)?;
    // Behind the last one nobody tells how many there are.
    let first =
        if rows.is_empty() && page.offset > 0 { read(conn, scope, filter, Page::first(1))? } else { Vec::new() };
    let total = rows.first().or(first.first()).map_or(0, |row| row.total);
    Ok((rows.into_iter().map(|row| row.waiting).collect(), total))
}

fn read(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<Vec<Row>> {
    let select = format!(
        "SELECT c.account_id, c.conversation_id, c.peer_id, c.peer_name, c.item_id, c.item_title, m.message_id, \
         substr(m.text, 1, 200) AS text, m.sent_at, coalesce(d.decision, m.decision) AS decision, \
         coalesce(d.reason, m.reason) AS reason, (m.needs_person OR coalesce(d.needs_person, FALSE)) AS needs_person, \
         count(*) OVER () AS total {} ORDER BY m.sent_at, c.account_id, c.conversation_id LIMIT $6 OFFSET $7",
        waiting()
    );
    per_backend!(conn, conn => diesel::sql_query(&select)
        .bind::<BigInt, _>(scope.user())
        .bind::<BigInt, _>(scope.member_or_zero())
        .bind::<BigInt, _>(scope.token_or_zero())
        .bind::<Nullable<BigInt>, _>(filter.account)
        .bind::<Nullable<BigInt>, _>(filter.handed_to.map(HandedTo::code))
        .bind::<BigInt, _>(page.limit)
        .bind::<BigInt, _>(page.offset)
        .load(conn))
}
