//! Who is at the other end of a conversation, what it is about, and whether the seller has taken it over.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use super::{
    DbConn, Scope,
    accounts::own,
    column::without_nul,
    connection::per_backend,
    revisions::{self, Topic},
    schema::conversations,
};
use crate::ids::{AccountId, BuyerId, ConversationId, ItemId, Timestamp};

/// Which side of the trade is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// For a person; a running server notices. `false`: no such account or conversation.
pub fn set_pause_for_person(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    until: Option<Timestamp>,
) -> QueryResult<bool> {
    let own = own!(scope);
    let rows = diesel::update(conversations::table.find((account, conversation)))
        .filter(conversations::account_id.eq_any(own))
        .set(conversations::paused_until.eq(until))
        .execute(conn)?;
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

const TAKE_OVER: [&str; 2] = [
    "UPDATE conversations SET paused_until = max(coalesce(paused_until, 0), $3) WHERE account_id = $1 AND conversation_id = $2",
    "UPDATE conversations SET paused_until = greatest(coalesce(paused_until, 0), $3) WHERE account_id = $1 AND conversation_id = $2",
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
        .bind::<BigInt, _>(account)
        .bind::<Text, _>(conversation)
        .bind::<BigInt, _>(until)
        .execute(conn))?;
    if extended > 0 { Ok(()) } else { set_pause(conn, account, conversation, Some(until), now) }
}

/// For the engine: what is paused at `now` in all accounts::own, and until when.
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
