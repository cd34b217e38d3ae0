//! Words by which people and rules tell buyers apart. They are the owner's: all the owner's accounts share them.

use std::collections::HashMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::{
    DbConn, Page, Scope,
    accounts::OWN,
    buyers,
    connection::per_backend,
    revisions::{self, Topic},
    schema::buyer_tags,
};
use crate::ids::{BuyerId, Timestamp, UserId};

/// So many tags a buyer may have.
pub const MOST: usize = 20;

/// For the engine: the tags of one buyer, in the order of their letters.
pub fn of(conn: &mut DbConn, owner: UserId, buyer: &BuyerId) -> QueryResult<Vec<String>> {
    buyer_tags::table
        .filter(buyer_tags::owner_id.eq(owner).and(buyer_tags::buyer_id.eq(buyer)))
        .order(buyer_tags::tag)
        .select(buyer_tags::tag)
        .load(conn)
}

/// For the engine: the tags of those of these buyers who have any.
pub fn of_many(conn: &mut DbConn, owner: UserId, buyers: &[BuyerId]) -> QueryResult<HashMap<BuyerId, Vec<String>>> {
    let mut found: HashMap<BuyerId, Vec<String>> = HashMap::new();
    for some in buyers.chunks(500) {
        let rows: Vec<(BuyerId, String)> = buyer_tags::table
            .filter(buyer_tags::owner_id.eq(owner).and(buyer_tags::buyer_id.eq_any(some)))
            .order(buyer_tags::tag)
            .select((buyer_tags::buyer_id, buyer_tags::tag))
            .load(conn)?;
        for (buyer, tag) in rows {
            found.entry(buyer).or_default().push(tag);
        }
    }
    Ok(found)
}

/// For the engine, which knows what it does: `Topic::Buyers` is not told. `false`: the buyer has it already, or [`MOST`] others.
pub fn add(conn: &mut DbConn, owner: UserId, buyer: &BuyerId, tag: &str, now: Timestamp) -> QueryResult<bool> {
    if of(conn, owner, buyer)?.len() >= MOST {
        return Ok(false);
    }
    let rows = per_backend!(conn, conn => diesel::insert_into(buyer_tags::table)
        .values((
            buyer_tags::owner_id.eq(owner),
            buyer_tags::buyer_id.eq(buyer),
            buyer_tags::tag.eq(tag),
            buyer_tags::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(rows == 1)
}

/// As [`add`]. `false`: the buyer does not have it.
pub fn remove(conn: &mut DbConn, owner: UserId, buyer: &BuyerId, tag: &str) -> QueryResult<bool> {
    Ok(diesel::delete(buyer_tags::table.find((owner, buyer, tag))).execute(conn)? == 1)
}

/// The tags of a buyer whom the scope knows; `NotFound` else.
pub fn list(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId) -> QueryResult<Vec<String>> {
    buyers::check_known(conn, scope, buyer)?;
    of(conn, scope.user(), buyer)
}

/// Replaces the tags of a buyer by at most [`MOST`] others; a running server notices. `NotFound` as for [`list`].
pub fn set(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId, tags: &[String], now: Timestamp) -> QueryResult<()> {
    buyers::check_known(conn, scope, buyer)?;
    let owner = scope.user();
    diesel::delete(buyer_tags::table)
        .filter(buyer_tags::owner_id.eq(owner).and(buyer_tags::buyer_id.eq(buyer)))
        .filter(buyer_tags::tag.ne_all(tags))
        .execute(conn)?;
    for tag in tags {
        add(conn, owner, buyer, tag, now)?;
    }
    revisions::bump(conn, Topic::Buyers)
}

/// A tag that is in use.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Used {
    #[diesel(sql_type = Text)]
    pub tag: String,
    /// How many buyers have it.
    #[diesel(sql_type = BigInt)]
    pub buyers: i64,
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// A part of the tags that buyers have whom the scope sees, the most used first, and how many there are.
pub fn page(conn: &mut DbConn, scope: &Scope, page: Page) -> QueryResult<(Vec<Used>, i64)> {
    let seen = format!(
        "FROM buyer_tags AS t WHERE t.owner_id = $1 AND (($2 = 0 AND $3 = 0) OR EXISTS \
         (SELECT 1 FROM conversations AS c WHERE c.peer_id = t.buyer_id AND c.account_id IN {OWN}))"
    );
    let count = format!("SELECT count(DISTINCT t.tag) AS total {seen}");
    let select = format!(
        "SELECT t.tag, count(*) AS buyers {seen} GROUP BY t.tag ORDER BY buyers DESC, t.tag LIMIT $4 OFFSET $5"
    );
    macro_rules! bound {
        ($sql:expr) => {
            diesel::sql_query($sql)
                .bind::<BigInt, _>(scope.user())
                .bind::<BigInt, _>(scope.member_or_zero())
                .bind::<BigInt, _>(scope.token_or_zero())
        };
    }
    per_backend!(conn, conn => {
        let total: Total = bound!(&count).get_result(conn)?;
        let rows = bound!(&select).bind::<BigInt, _>(page.limit).bind::<BigInt, _>(page.offset).load(conn)?;
        Ok((rows, total.total))
    })
}
