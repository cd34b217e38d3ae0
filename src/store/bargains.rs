//! How far bargaining went in a conversation.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::{
    DbConn, Scope,
    accounts::own,
    answer_settings,
    connection::per_backend,
    conversations,
    revisions::{self, Topic},
    schema::bargains,
};
use crate::{
    ai::record::Bargain,
    ids::{AccountId, ConversationId, ItemId, Timestamp},
};

/// Where a conversation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BargainRow {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub bargain: Bargain,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = bargains)]
struct Stored {
    account_id: AccountId,
    conversation_id: ConversationId,
    /// Empty: about no item.
    item_id: String,
    rounds: i64,
    updated_at: Timestamp,
}

impl From<Stored> for BargainRow {
    fn from(row: Stored) -> Self {
        let item = Some(row.item_id).filter(|item| !item.is_empty()).map(ItemId::from);
        let rounds = u32::try_from(row.rounds).unwrap_or(u32::MAX);
        Self {
            account: row.account_id,
            conversation: row.conversation_id,
            bargain: Bargain { item, rounds, last_at: row.updated_at },
        }
    }
}

/// For the engine: how it stands now.
pub fn put_many(conn: &mut DbConn, rows: &[BargainRow]) -> QueryResult<()> {
    let stored = rows.iter().map(|row| Stored {
        account_id: row.account,
        conversation_id: row.conversation.clone(),
        item_id: row.bargain.item.as_ref().map_or("", ItemId::as_str).to_owned(),
        rounds: i64::from(row.bargain.rounds),
        updated_at: row.bargain.last_at,
    });
    per_backend!(conn, conn => {
        for row in stored {
            diesel::insert_into(bargains::table)
                .values(&row)
                .on_conflict((bargains::account_id, bargains::conversation_id))
                .do_update()
                .set(&row)
                .execute(conn)?;
        }
    });
    Ok(())
}

/// For the engine: those of these conversations in which there was any.
pub fn list(conn: &mut DbConn, account: AccountId, conversations: &[ConversationId]) -> QueryResult<Vec<BargainRow>> {
    let mut found = Vec::new();
    for some in conversations.chunks(500) {
        let query = bargains::table
            .filter(bargains::account_id.eq(account).and(bargains::conversation_id.eq_any(some)))
            .select(Stored::as_select());
        found.extend(query.load::<Stored>(conn)?.into_iter().map(BargainRow::from));
    }
    Ok(found)
}

/// For the engine: those that changed since then, of all accounts.
pub fn changed_since(conn: &mut DbConn, since: Timestamp) -> QueryResult<Vec<BargainRow>> {
    let query = bargains::table.filter(bargains::updated_at.ge(since)).select(Stored::as_select());
    Ok(query.load::<Stored>(conn)?.into_iter().map(BargainRow::from).collect())
}

const COUNT_ROUND: &str = "INSERT INTO bargains (account_id, conversation_id, item_id, rounds, updated_at) \
     VALUES ($1, $2, $3, 1, $4) ON CONFLICT (account_id, conversation_id) DO UPDATE SET \
     rounds = CASE WHEN bargains.item_id = excluded.item_id AND bargains.updated_at >= $5 THEN bargains.rounds + 1 ELSE 1 END, \
     item_id = excluded.item_id, updated_at = excluded.updated_at";

/// One more answer about the price was approved of; a running server notices. With another item, or when nobody spoke of the price for
/// long, it is the first of another deal. `NotFound` where the account belongs to somebody else.
pub fn count_round(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    now: Timestamp,
) -> QueryResult<()> {
    let ends_after = answer_settings::deal_ends_after(conn, scope, account)?;
    let row = conversations::load_many(conn, account, std::slice::from_ref(conversation))?.pop();
    let item = row.and_then(|row| row.item);
    per_backend!(&mut *conn, conn => diesel::sql_query(COUNT_ROUND)
        .bind::<BigInt, _>(account)
        .bind::<Text, _>(conversation)
        .bind::<Text, _>(item.as_ref().map_or("", ItemId::as_str))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now - ends_after)
        .execute(conn))?;
    revisions::bump(conn, Topic::Pauses)
}

/// The answer was not sent after all; a running server notices.
pub fn uncount_round(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
) -> QueryResult<()> {
    let row = bargains::table
        .filter(bargains::account_id.eq(account).and(bargains::conversation_id.eq(conversation)))
        .filter(bargains::account_id.eq_any(own!(scope)).and(bargains::rounds.gt(0)));
    diesel::update(row).set(bargains::rounds.eq(bargains::rounds - 1)).execute(conn)?;
    revisions::bump(conn, Topic::Pauses)
}

/// How bargaining stands in one conversation; `None`: there was none.
pub fn find(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
) -> QueryResult<Option<Bargain>> {
    let row: Option<Stored> = bargains::table
        .find((account, conversation))
        .filter(bargains::account_id.eq_any(own!(scope)))
        .select(Stored::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(|row| BargainRow::from(row).bargain))
}

/// The deal is over: the next word about the price begins a new one. `false`: there was none.
pub fn end(conn: &mut DbConn, scope: &Scope, account: AccountId, conversation: &ConversationId) -> QueryResult<bool> {
    let row = bargains::table
        .filter(bargains::account_id.eq(account).and(bargains::conversation_id.eq(conversation)))
        .filter(bargains::account_id.eq_any(own!(scope)));
    Ok(diesel::delete(row).execute(conn)? > 0)
}

/// For the engine: nothing is kept of the bargaining in a conversation.
pub fn forget(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<()> {
    let rows = bargains::account_id.eq(account).and(bargains::conversation_id.eq(conversation));
    diesel::delete(bargains::table.filter(rows)).execute(conn).map(drop)
}
