//! Who is at the other end of a conversation, what it is about, and whether the seller has taken it over.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn, Page, Scope,
    accounts::{OWN, own},
    chat_messages,
    column::without_nul,
    connection::per_backend,
    handovers::{self, HandedTo},
    page::containing,
    revisions::{self, Topic},
    schema::conversations,
    unanswered::ANSWERED_BY_HAND,
};
use crate::ids::{AccountId, BuyerId, ConversationId, ItemId, Timestamp};

/// Which side of the trade is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Seller,
    Buyer,
    Unknown,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Buyer => "buyer",
            Self::Unknown => "unknown",
        }
    }
}

impl std::str::FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "seller" => Ok(Self::Seller),
            "buyer" => Ok(Self::Buyer),
            "unknown" => Ok(Self::Unknown),
            other => Err(format!("unknown side {other:?}")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub struct ConversationRow {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = peer_id)]
    pub peer: Option<BuyerId>,
    pub peer_name: Option<String>,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    pub item_title: Option<String>,
    pub side: Side,
    pub paused_until: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Which conversations a person wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    /// Only those where automatic answers pause.
    pub paused: bool,
    /// Only those whose newest message waits for a person.
    pub waiting: bool,
    /// Only those where the buyer has the last word.
    pub unanswered: bool,
    /// Occurs in the other's name or the item's title.
    pub text: Option<String>,
    /// Only with buyers who have it.
    pub tag: Option<String>,
    pub handed_to: Option<HandedTo>,
}

/// A conversation and its newest message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub conversation: ConversationRow,
    /// `None`: none is stored.
    pub last: Option<LastMessage>,
}

/// The newest message of a conversation. What the system sends is in the outbox, not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    pub text: String,
    pub sent_at: Timestamp,
    /// `own`: the seller typed it.
    pub decision: Option<String>,
    pub reason: Option<String>,
    pub waits_for_person: bool,
}

#[derive(QueryableByName)]
struct SummaryRow {
    #[diesel(sql_type = BigInt)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    conversation_id: ConversationId,
    #[diesel(sql_type = Nullable<Text>)]
    peer_id: Option<BuyerId>,
    #[diesel(sql_type = Nullable<Text>)]
    peer_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    item_id: Option<ItemId>,
    #[diesel(sql_type = Nullable<Text>)]
    item_title: Option<String>,
    #[diesel(sql_type = Text)]
    side: Side,
    #[diesel(sql_type = Nullable<BigInt>)]
    paused_until: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    created_at: Timestamp,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    sent_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Text>)]
    decision: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    needs_person: Option<bool>,
}

impl SummaryRow {
    fn into_summary(self) -> Summary {
        let last = self.text.zip(self.sent_at).map(|(text, sent_at)| LastMessage {
            text,
            sent_at,
            decision: self.decision,
            reason: self.reason,
            waits_for_person: self.needs_person.unwrap_or(false),
        });
        let conversation = ConversationRow {
            account: self.account_id,
            conversation: self.conversation_id,
            peer: self.peer_id,
            peer_name: self.peer_name,
            item: self.item_id,
            item_title: self.item_title,
            side: self.side,
            paused_until: self.paused_until,
            created_at: self.created_at,
        };
        Summary { conversation, last }
    }
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// `$4` the account, `$5` a moment for "paused now" or zero, `$8` a pattern, `$9` a tag, `$10` whom it is handed to; between them what is
/// asked of the newest message. SQLite counts parameters in the order in which they first stand.
fn fitting(join: &str, of_message: &str) -> String {
    let handed = handovers::fitting("$10");
    format!(
        "FROM conversations AS c {join} WHERE c.account_id IN {OWN} AND ($4 IS NULL OR c.account_id = $4) \
         AND ($5 = 0 OR c.paused_until > $5) AND {of_message} \
         AND ($8 IS NULL OR lower(c.peer_name) LIKE lower($8) ESCAPE '\\' OR lower(c.item_title) LIKE lower($8) ESCAPE '\\') \
         AND ($9 IS NULL OR c.peer_id IN (SELECT t.buyer_id FROM buyer_tags AS t WHERE t.owner_id = $1 AND t.tag = $9)) \
         AND {handed}"
    )
}

const NEWEST_MESSAGE: &str = "LEFT JOIN chat_messages AS m ON m.account_id = c.account_id AND m.message_id = \
     (SELECT l.message_id FROM chat_messages AS l WHERE l.account_id = c.account_id AND l.conversation_id = c.conversation_id \
     ORDER BY l.sent_at DESC, l.message_id DESC LIMIT 1)";

/// `$6` waiting, `$7` unanswered.
fn of_newest() -> String {
    format!(
        "($6 = 0 OR m.needs_person) AND ($7 = 0 OR (m.message_id IS NOT NULL AND coalesce(m.decision, '') NOT IN ('own', 'answer') \
         AND NOT {ANSWERED_BY_HAND}))"
    )
}

/// Nothing is asked of the newest message: it need not be looked for in each conversation.
const OF_NONE: &str = "$6 = 0 AND $7 = 0";

/// A part of the conversations that fit, the one with the newest message first, and how many fit.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    now: Timestamp,
) -> QueryResult<(Vec<Summary>, i64)> {
    let with_newest = fitting(NEWEST_MESSAGE, &of_newest());
    let counted = if filter.waiting || filter.unanswered { &with_newest } else { &fitting("", OF_NONE) };
    let count = format!("SELECT count(*) AS total {counted}");
    let select = format!(
        "SELECT c.account_id, c.conversation_id, c.peer_id, c.peer_name, c.item_id, c.item_title, c.side, c.paused_until, \
         c.created_at, m.text, m.sent_at, m.decision, m.reason, m.needs_person {with_newest} \
         ORDER BY coalesce(m.sent_at, c.created_at) DESC, c.account_id, c.conversation_id LIMIT $11 OFFSET $12"
    );
    let paused_at = if filter.paused { now.0 } else { 0 };
    let pattern = filter.text.as_deref().map(containing);
    macro_rules! bound {
        ($sql:expr) => {
            diesel::sql_query($sql)
                .bind::<BigInt, _>(scope.user())
                .bind::<BigInt, _>(scope.member_or_zero())
                .bind::<BigInt, _>(scope.token_or_zero())
                .bind::<Nullable<BigInt>, _>(filter.account)
                .bind::<BigInt, _>(paused_at)
                .bind::<BigInt, _>(i64::from(filter.waiting))
                .bind::<BigInt, _>(i64::from(filter.unanswered))
                .bind::<Nullable<Text>, _>(pattern.as_deref())
                .bind::<Nullable<Text>, _>(filter.tag.as_deref())
                .bind::<Nullable<BigInt>, _>(filter.handed_to.map(HandedTo::code))
        };
    }
    per_backend!(conn, conn => {
        let total: Total = bound!(&count).get_result(conn)?;
        let rows: Vec<SummaryRow> =
            bound!(&select).bind::<BigInt, _>(page.limit).bind::<BigInt, _>(page.offset).load(conn)?;
        Ok((rows.into_iter().map(SummaryRow::into_summary).collect(), total.total))
    })
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
) -> QueryResult<ConversationRow> {
    conversations::table
        .find((account, conversation))
        .filter(conversations::account_id.eq_any(own!(scope)))
        .select(ConversationRow::as_select())
        .get_result(conn)
}

/// For the engine: who is at the other end, by what is known of the conversation or by what was written in it. `None`: nobody wrote to us
/// there.
pub fn find_peer(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    own: &BuyerId,
) -> QueryResult<Option<BuyerId>> {
    let known: Option<Option<BuyerId>> = conversations::table
        .find((account, conversation))
        .select(conversations::peer_id)
        .get_result(conn)
        .optional()?;
    match known.flatten() {
        Some(peer) => Ok(Some(peer)),
        None => chat_messages::find_peer(conn, account, conversation, own),
    }
}

/// For the engine: those of these conversations that are known.
pub fn load_many(
    conn: &mut DbConn,
    account: AccountId,
    conversations: &[ConversationId],
) -> QueryResult<Vec<ConversationRow>> {
    let mut found = Vec::with_capacity(conversations.len());
    for some in conversations.chunks(500) {
        let query = conversations::table
            .filter(conversations::account_id.eq(account).and(conversations::conversation_id.eq_any(some)))
            .select(ConversationRow::as_select());
        found.extend(query.load::<ConversationRow>(conn)?);
    }
    Ok(found)
}

const UPSERT: &str = "INSERT INTO conversations \
     (account_id, conversation_id, peer_id, peer_name, item_id, item_title, side, paused_until, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, conversation_id) DO UPDATE SET \
     peer_id = coalesce(excluded.peer_id, conversations.peer_id), \
     peer_name = coalesce(excluded.peer_name, conversations.peer_name), \
     item_id = coalesce(excluded.item_id, conversations.item_id), \
     item_title = coalesce(excluded.item_title, conversations.item_title), \
     side = CASE WHEN excluded.side = 'unknown' THEN conversations.side ELSE excluded.side END";

/// For the engine: fills in what is known now. `None` and `Side::Unknown` never replace what was known, and the pause of a
/// conversation that exists stays as it is.
pub fn upsert_many(conn: &mut DbConn, rows: &[ConversationRow]) -> QueryResult<()> {
    per_backend!(conn, conn => rows.iter().try_for_each(|row| {
        diesel::sql_query(UPSERT)
            .bind::<BigInt, _>(row.account)
            .bind::<Text, _>(&row.conversation)
            .bind::<Nullable<Text>, _>(row.peer.as_ref())
            .bind::<Nullable<Text>, _>(row.peer_name.as_deref().map(without_nul))
            .bind::<Nullable<Text>, _>(row.item.as_ref())
            .bind::<Nullable<Text>, _>(row.item_title.as_deref().map(without_nul))
            .bind::<Text, _>(row.side)
            .bind::<Nullable<BigInt>, _>(row.paused_until)
            .bind::<BigInt, _>(row.created_at)
            .execute(conn)
            .map(drop)
    }))
}

/// For the engine: pauses until then, or resumes (`None`). Makes the conversation where it is not known.
pub fn set_pause(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    until: Option<Timestamp>,
    now: Timestamp,
) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(conversations::table)
        .values((
            conversations::account_id.eq(account),
            conversations::conversation_id.eq(conversation),
            conversations::side.eq(Side::Unknown),
            conversations::paused_until.eq(until),
            conversations::created_at.eq(now),
        ))
        .on_conflict((conversations::account_id, conversations::conversation_id))
        .do_update()
        .set(conversations::paused_until.eq(until))
        .execute(conn))
    .map(drop)
}

/// For a person; a running server notices. Who resumes takes over from whom it was handed to. `false`: no such account or conversation.
pub fn set_pause_for_person(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    until: Option<Timestamp>,
    now: Timestamp,
) -> QueryResult<bool> {
    let own = own!(scope);
    let rows = diesel::update(conversations::table.find((account, conversation)))
        .filter(conversations::account_id.eq_any(own))
        .set(conversations::paused_until.eq(until))
        .execute(conn)?;
    if rows == 1 && until.is_none() {
        handovers::end(conn, scope.user(), account, conversation, now)?;
    }
    revisions::bump(conn, Topic::Pauses)?;
    Ok(rows == 1)
}

/// For the engine: what is paused at `now`, and until when.
pub fn list_paused(
    conn: &mut DbConn,
    account: AccountId,
    now: Timestamp,
) -> QueryResult<Vec<(ConversationId, Timestamp)>> {
    conversations::table
        .filter(conversations::account_id.eq(account).and(conversations::paused_until.gt(now)))
        .select((conversations::conversation_id, conversations::paused_until.assume_not_null()))
        .load(conn)
}

/// For a person: what is paused at `now` in all accounts.
pub fn list_paused_for_person(conn: &mut DbConn, scope: &Scope, now: Timestamp) -> QueryResult<Vec<ConversationRow>> {
    let own = own!(scope);
    conversations::table
        .filter(conversations::account_id.eq_any(own).and(conversations::paused_until.gt(now)))
        .order((conversations::account_id, conversations::paused_until))
        .select(ConversationRow::as_select())
        .load(conn)
}

/// SQLite counts parameters in the order in which they first stand.
const TAKE_OVER: [&str; 2] = [
    "UPDATE conversations SET paused_until = max(coalesce(paused_until, 0), $1) WHERE account_id = $2 AND conversation_id = $3",
    "UPDATE conversations SET paused_until = greatest(coalesce(paused_until, 0), $1) WHERE account_id = $2 AND conversation_id = $3",
];

/// For the engine: the seller typed elsewhere. Never shortens a pause.
pub fn take_over(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    until: Timestamp,
    now: Timestamp,
) -> QueryResult<()> {
    let statement = TAKE_OVER[usize::from(matches!(conn, DbConn::Pg(_)))];
    let extended = per_backend!(&mut *conn, conn => diesel::sql_query(statement)
        .bind::<BigInt, _>(until)
        .bind::<BigInt, _>(account)
        .bind::<Text, _>(conversation)
        .execute(conn))?;
    if extended > 0 { Ok(()) } else { set_pause(conn, account, conversation, Some(until), now) }
}

/// For the engine: what is paused at `now` in all accounts, and until when.
pub fn list_all_paused(conn: &mut DbConn, now: Timestamp) -> QueryResult<Vec<(AccountId, ConversationId, Timestamp)>> {
    conversations::table
        .filter(conversations::paused_until.gt(now))
        .select((
            conversations::account_id,
            conversations::conversation_id,
            conversations::paused_until.assume_not_null(),
        ))
        .load(conn)
}
