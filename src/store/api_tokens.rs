//! Tokens of programs: only the hash is kept, and a beginning to recognise one by. A user's own, or looked up by who bears one: these
//! functions take the user or the hash, and a scope where accounts are chosen.

use std::{collections::HashMap, time::Duration};

use diesel::prelude::*;

use super::{
    DbConn, Scope, accounts,
    connection::per_backend,
    revisions::{self, Topic},
    schema::{api_token_accounts, api_tokens, users},
    users::{User, with_employer},
};
use crate::{
    access::token::Access,
    ids::{AccountId, Timestamp, TokenId, UserId},
};

/// A busy program would otherwise cause a write with every request.
const USE_IS_NOTED_EVERY: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = api_tokens)]
pub struct ApiToken {
    pub id: TokenId,
    #[diesel(column_name = user_id)]
    pub user: UserId,
    pub name: String,
    pub prefix: String,
    pub access: Access,
    /// `false`: the chosen accounts, see [`Scope::through`].
    pub all_accounts: bool,
    pub created_at: Timestamp,
    /// `None`: it does not expire.
    pub expires_at: Option<Timestamp>,
    /// To the minute.
    pub used_at: Option<Timestamp>,
}

impl ApiToken {
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// The user's rows that this token reaches.
    pub fn scope(&self, user: &User) -> Scope {
        if self.all_accounts { user.scope() } else { user.scope().through(self.id) }
    }
}

/// A token to be; hash and prefix are those of [`mint`](crate::access::token::mint).
#[derive(Debug, Clone)]
pub struct NewToken {
    pub user: UserId,
    pub name: String,
    pub prefix: String,
    pub hash: Vec<u8>,
    pub access: Access,
    /// `None`: all, those to come included.
    pub accounts: Option<Vec<AccountId>>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// `NotFound` where a chosen account is not within `scope`, which is the user's.
pub fn insert(conn: &mut DbConn, scope: &Scope, token: &NewToken) -> QueryResult<TokenId> {
    let chosen = token.accounts.as_deref().unwrap_or_default();
    for account in chosen {
        accounts::get(conn, scope, *account)?;
    }
    let id: TokenId = per_backend!(&mut *conn, conn => diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::user_id.eq(token.user),
            api_tokens::name.eq(&token.name),
            api_tokens::prefix.eq(&token.prefix),
            api_tokens::hash.eq(&token.hash),
            api_tokens::access.eq(token.access),
            api_tokens::all_accounts.eq(token.accounts.is_none()),
            api_tokens::created_at.eq(token.created_at),
            api_tokens::expires_at.eq(token.expires_at),
        ))
        .returning(api_tokens::id)
        .get_result(conn))?;
    for account in chosen {
        per_backend!(&mut *conn, conn => diesel::insert_into(api_token_accounts::table)
            .values((api_token_accounts::token_id.eq(id), api_token_accounts::account_id.eq(*account)))
            .on_conflict_do_nothing()
            .execute(conn))?;
    }
    revisions::bump(conn, Topic::Users)?;
    Ok(id)
}

/// With whose it is. Says nothing about whether it [lives](ApiToken::is_live) or the user is active; nobody is active here whose
/// employer is not.
pub fn find_by_hash(conn: &mut DbConn, hash: &[u8]) -> QueryResult<Option<(ApiToken, User)>> {
    let query = api_tokens::table.inner_join(users::table).filter(api_tokens::hash.eq(hash));
    let found: Option<(ApiToken, User)> =
        query.select((ApiToken::as_select(), User::as_select())).get_result(conn).optional()?;
    let Some((token, user)) = found else { return Ok(None) };
    Ok(Some((token, with_employer(conn, user)?)))
}

/// A user's tokens, in the order they were made, each with the accounts that were chosen for it.
pub fn list(conn: &mut DbConn, user: UserId) -> QueryResult<Vec<(ApiToken, Vec<AccountId>)>> {
    let of_user = api_tokens::table.filter(api_tokens::user_id.eq(user));
    let tokens = of_user.order(api_tokens::id).select(ApiToken::as_select()).load(conn)?;
    let rows: Vec<(TokenId, AccountId)> = api_token_accounts::table
        .inner_join(api_tokens::table)
        .filter(api_tokens::user_id.eq(user))
        .order(api_token_accounts::account_id)
        .select((api_token_accounts::token_id, api_token_accounts::account_id))
        .load(conn)?;
    let mut chosen: HashMap<TokenId, Vec<AccountId>> = HashMap::new();
    for (token, account) in rows {
        chosen.entry(token).or_default().push(account);
    }
    let with_accounts = |token: ApiToken| {
        let accounts = chosen.remove(&token.id).unwrap_or_default();
        (token, accounts)
    };
    Ok(tokens.into_iter().map(with_accounts).collect())
}

pub fn count(conn: &mut DbConn, user: UserId) -> QueryResult<i64> {
    api_tokens::table.filter(api_tokens::user_id.eq(user)).count().get_result(conn)
}

/// `false`: this user has no such token.
pub fn delete(conn: &mut DbConn, user: UserId, id: TokenId) -> QueryResult<bool> {
    let rows = diesel::delete(api_tokens::table.find(id).filter(api_tokens::user_id.eq(user))).execute(conn)?;
    if rows == 1 {
        revisions::bump(conn, Topic::Users)?;
    }
    Ok(rows == 1)
}

/// Ends all tokens of a user. Returns how many.
pub fn delete_all(conn: &mut DbConn, user: UserId) -> QueryResult<usize> {
    let rows = diesel::delete(api_tokens::table.filter(api_tokens::user_id.eq(user))).execute(conn)?;
    revisions::bump(conn, Topic::Users)?;
    Ok(rows)
}

/// Notes that a token is in use, at most once a minute. `false`: it was noted a moment ago.
pub fn mark_used(conn: &mut DbConn, id: TokenId, now: Timestamp) -> QueryResult<bool> {
    let is_due = api_tokens::used_at.is_null().or(api_tokens::used_at.le(now - USE_IS_NOTED_EVERY));
    let rows =
        diesel::update(api_tokens::table.find(id)).filter(is_due).set(api_tokens::used_at.eq(now)).execute(conn)?;
    Ok(rows == 1)
}
