//! What people often write, ready to be sent: a person's own, an account's, and those of all accounts of an owner.

use diesel::prelude::*;

use super::{
    DbConn, Page, Scope,
    accounts::{self, own},
    page::{containing, lower},
    schema::quick_phrases,
};
use crate::ids::{AccountId, Timestamp, UserId};

/// So many an owner may have, with all who work for them.
pub const MOST: i64 = 2000;

/// Whose a phrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One person's alone.
    Own(UserId),
    /// Of all who see this account.
    Account(AccountId),
    /// Of all who work for the owner.
    All,
}

/// A phrase to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPhrase {
    pub reach: Reach,
    pub title: String,
    pub text: String,
    /// Lower goes first.
    pub position: i64,
}

/// A phrase as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = quick_phrases)]
pub struct Phrase {
    pub id: i64,
    user_id: Option<UserId>,
    account_id: Option<AccountId>,
    pub title: String,
    pub text: String,
    pub position: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Phrase {
    pub fn reach(&self) -> Reach {
        match (self.user_id, self.account_id) {
            (Some(user), _) => Reach::Own(user),
            (None, Some(account)) => Reach::Account(account),
            (None, None) => Reach::All,
        }
    }
}

/// Who asks: what they see, and who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    pub scope: Scope,
    pub user: UserId,
}

/// Which phrases a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those that may be used in this account.
    pub account: Option<AccountId>,
    /// Occurs in the title or the text.
    pub text: Option<String>,
}

/// Why a phrase is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSaved {
    /// What is for all accounts is changed by who sees all accounts.
    Forbidden,
    TooMany,
}

/// What somebody sees. A macro, because only the compiler can write down its type.
macro_rules! visible {
    ($asker:expr) => {
        quick_phrases::owner_id.eq($asker.scope.user()).nullable().and(
            quick_phrases::user_id.eq($asker.user).or(quick_phrases::user_id.is_null().nullable().and(
                quick_phrases::account_id
                    .is_null()
                    .nullable()
                    .or(quick_phrases::account_id.eq_any(own!(&$asker.scope).nullable())),
            )),
        )
    };
}

/// A part of the phrases that fit, in their order, and how many fit.
pub fn page(conn: &mut DbConn, asker: &Asker, filter: &Filter, page: Page) -> QueryResult<(Vec<Phrase>, i64)> {
    let fitting = || {
        let mut query = quick_phrases::table.filter(visible!(asker)).into_boxed();
        if let Some(account) = filter.account {
            let everywhere = quick_phrases::account_id.is_null().nullable();
            query = query.filter(everywhere.or(quick_phrases::account_id.eq(account)));
        }
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            let in_title = lower(quick_phrases::title.nullable()).like(lower(pattern.clone())).escape('\\');
            query = query.filter(in_title.or(lower(quick_phrases::text.nullable()).like(lower(pattern)).escape('\\')));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order((quick_phrases::position, quick_phrases::id))
        .offset(page.offset)
        .limit(page.limit)
        .select(Phrase::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where it is somebody else's.
pub fn get(conn: &mut DbConn, asker: &Asker, id: i64) -> QueryResult<Phrase> {
    quick_phrases::table.find(id).filter(visible!(asker)).select(Phrase::as_select()).get_result(conn)
}

/// `NotFound` where it may not be used in this account.
pub fn get_for(conn: &mut DbConn, asker: &Asker, id: i64, account: AccountId) -> QueryResult<Phrase> {
    let phrase = get(conn, asker, id)?;
    match phrase.reach() {
        Reach::Account(other) if other != account => Err(diesel::result::Error::NotFound),
        Reach::Account(_) | Reach::Own(_) | Reach::All => Ok(phrase),
    }
}

/// `NotFound` where the account is not the asker's.
pub fn insert(
    conn: &mut DbConn,
    asker: &Asker,
    new: &NewPhrase,
    now: Timestamp,
) -> QueryResult<Result<Phrase, NotSaved>> {
    let (user, account) = match new.reach {
        Reach::Own(user) => (Some(user), None),
        Reach::Account(account) => (None, Some(accounts::get(conn, &asker.scope, account)?.id)),
        Reach::All => (None, None),
    };
    if !may_change(asker, new.reach) {
        return Ok(Err(NotSaved::Forbidden));
    }
    let owner = asker.scope.user();
    let present: i64 = quick_phrases::table.filter(quick_phrases::owner_id.eq(owner)).count().get_result(conn)?;
    if present >= MOST {
        return Ok(Err(NotSaved::TooMany));
    }
    let id: i64 = diesel::insert_into(quick_phrases::table)
        .values((
            quick_phrases::owner_id.eq(owner),
            quick_phrases::user_id.eq(user),
            quick_phrases::account_id.eq(account),
            quick_phrases::title.eq(&new.title),
            quick_phrases::text.eq(&new.text),
            quick_phrases::position.eq(new.position),
            quick_phrases::created_at.eq(now),
            quick_phrases::updated_at.eq(now),
        ))
        .returning(quick_phrases::id)
        .get_result(conn)?;
    get(conn, asker, id).map(Ok)
}

fn may_change(asker: &Asker, reach: Reach) -> bool {
    match reach {
        Reach::Own(_) | Reach::Account(_) => true,
        Reach::All => asker.scope.is_whole(),
    }
}

/// Whose it is stays. `NotFound` as for [`get`].
pub fn update(
    conn: &mut DbConn,
    asker: &Asker,
    phrase: &Phrase,
    now: Timestamp,
) -> QueryResult<Result<Phrase, NotSaved>> {
    let stored = get(conn, asker, phrase.id)?;
    if !may_change(asker, stored.reach()) {
        return Ok(Err(NotSaved::Forbidden));
    }
    diesel::update(quick_phrases::table.find(phrase.id))
        .set((
            quick_phrases::title.eq(&phrase.title),
            quick_phrases::text.eq(&phrase.text),
            quick_phrases::position.eq(phrase.position),
            quick_phrases::updated_at.eq(now),
        ))
        .execute(conn)?;
    get(conn, asker, phrase.id).map(Ok)
}

/// What was removed. `NotFound` as for [`get`].
pub fn delete(conn: &mut DbConn, asker: &Asker, id: i64) -> QueryResult<Result<Phrase, NotSaved>> {
    let phrase = get(conn, asker, id)?;
    if !may_change(asker, phrase.reach()) {
        return Ok(Err(NotSaved::Forbidden));
    }
    diesel::delete(quick_phrases::table.find(id)).execute(conn)?;
    Ok(Ok(phrase))
}
