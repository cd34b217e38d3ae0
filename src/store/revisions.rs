//! Counters by which one process notices what another one changed. A server looks once a second.

use diesel::prelude::*;

use super::{DbConn, schema::revisions};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Accounts came, went, were enabled or disabled, or got a new cookie.
    Accounts,
    Rules,
    /// The list of blocked buyers.
    Blocks,
    /// The stop switch of the whole system. An account's own counts as `Accounts`.
    Switches,
    /// A person paused or resumed a conversation.
    Pauses,
    /// Users, their sessions or their tokens.
    Users,
    /// What an administrator sets while the system runs.
    Settings,
    /// What people know of buyers: their tags.
    Buyers,
}

impl Topic {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Rules => "rules",
            Self::Blocks => "blocks",
            Self::Switches => "switches",
            Self::Pauses => "pauses",
            Self::Users => "users",
            Self::Settings => "settings",
            Self::Buyers => "buyers",
        }
    }
}

/// All counters at one moment. Compare with an earlier one, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revisions {
    pub accounts: i64,
    pub rules: i64,
    pub blocks: i64,
    pub switches: i64,
    pub pauses: i64,
    pub users: i64,
    pub settings: i64,
    pub buyers: i64,
}

/// Belongs into the transaction of the change.
pub fn bump(conn: &mut DbConn, topic: Topic) -> QueryResult<()> {
    diesel::update(revisions::table.find(topic.as_str()))
        .set(revisions::revision.eq(revisions::revision + 1))
        .execute(conn)
        .map(drop)
}

/// Waits for every other transaction that changes this, and makes the others wait until this one ends. On SQLite there is one writer anyway.
pub fn lock(conn: &mut DbConn, topic: Topic) -> QueryResult<()> {
    let same = revisions::revision.eq(revisions::revision);
    diesel::update(revisions::table.find(topic.as_str())).set(same).execute(conn).map(drop)
}

pub fn all(conn: &mut DbConn) -> QueryResult<Revisions> {
    let rows: Vec<(String, i64)> = revisions::table.load(conn)?;
    let of = |topic: Topic| rows.iter().find(|(name, _)| name == topic.as_str()).map_or(0, |(_, revision)| *revision);
    Ok(Revisions {
        accounts: of(Topic::Accounts),
        rules: of(Topic::Rules),
        blocks: of(Topic::Blocks),
        switches: of(Topic::Switches),
        pauses: of(Topic::Pauses),
        users: of(Topic::Users),
        settings: of(Topic::Settings),
        buyers: of(Topic::Buyers),
    })
}
