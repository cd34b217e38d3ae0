//! Who is logged in. A signed token names its row here and is worth nothing without it. These functions serve a login or a user's own
//! list: they take the user, no scope.

use diesel::prelude::*;

use super::{
    DbConn,
    revisions::{self, Topic},
    schema::{sessions, users},
    users::{User, with_employer},
};
use crate::ids::{Timestamp, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// From [`session_id`](crate::access::token::session_id).
    pub id: String,
    #[diesel(column_name = user_id)]
    pub user: UserId,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// Moves on while the session is used.
    pub expires_at: Timestamp,
    /// The end, however much it is used.
    pub ends_at: Timestamp,
    /// Where it was opened from.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

impl Session {
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.ends_at
    }
}

/// Nobody must notice: a session that another process does not know is looked up.
pub fn insert(conn: &mut DbConn, session: &Session) -> QueryResult<()> {
    diesel::insert_into(sessions::table).values(session).execute(conn).map(drop)
}

/// With whose it is. Says nothing about whether it [lives](Session::is_live) or the user is active: the caller looks, also later when
/// it has kept the answer. Nobody is active here whose employer is not.
pub fn find(conn: &mut DbConn, id: &str) -> QueryResult<Option<(Session, User)>> {
    let query = sessions::table.inner_join(users::table).filter(sessions::id.eq(id));
    let found: Option<(Session, User)> =
        query.select((Session::as_select(), User::as_select())).get_result(conn).optional()?;
    let Some((session, user)) = found else { return Ok(None) };
    Ok(Some((session, with_employer(conn, user)?)))
}

/// The session is used: it now expires at `expires_at`, but never after its end. `false`: it is over, nothing brings it back.
/// Bumps nothing: whoever remembers an earlier expiry looks again then.
pub fn touch(conn: &mut DbConn, id: &str, now: Timestamp, expires_at: Timestamp) -> QueryResult<bool> {
    let live = sessions::table.find(id).filter(sessions::expires_at.gt(now).and(sessions::ends_at.gt(now)));
    let Some(ends_at) = live.select(sessions::ends_at).get_result::<Timestamp>(conn).optional()? else {
        return Ok(false);
    };
    let rows = diesel::update(sessions::table.find(id))
        .set((sessions::seen_at.eq(now), sessions::expires_at.eq(expires_at.min(ends_at))))
        .execute(conn)?;
    Ok(rows == 1)
}

/// A user's sessions, the last used first; also those that have expired and wait for the clean-up.
pub fn list(conn: &mut DbConn, user: UserId) -> QueryResult<Vec<Session>> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user));
    of_user.order((sessions::seen_at.desc(), sessions::id)).select(Session::as_select()).load(conn)
}

/// `false`: this user has no such session.
pub fn delete(conn: &mut DbConn, user: UserId, id: &str) -> QueryResult<bool> {
    let rows = diesel::delete(sessions::table.find(id).filter(sessions::user_id.eq(user))).execute(conn)?;
    if rows == 1 {
        revisions::bump(conn, Topic::Users)?;
    }
    Ok(rows == 1)
}

/// S22: ends a user's sessions, but for the one at hand: on a new password, a deactivation. Returns how many.
pub fn delete_all(conn: &mut DbConn, user: UserId, except: Option<&str>) -> QueryResult<usize> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user));
    let rows = match except {
        Some(id) => diesel::delete(of_user.filter(sessions::id.ne(id))).execute(conn)?,
        None => diesel::delete(of_user).execute(conn)?,
    };
    revisions::bump(conn, Topic::Users)?;
    Ok(rows)
}

/// Ends a user's sessions that were used longest ago, until so many are left. `true`: some ended.
pub fn keep_newest(conn: &mut DbConn, user: UserId, count: usize) -> QueryResult<bool> {
    let surplus: Vec<String> = list(conn, user)?.into_iter().skip(count).map(|session| session.id).collect();
    for id in &surplus {
        delete(conn, user, id)?;
    }
    Ok(!surplus.is_empty())
}

/// Removes what has expired. Bumps nothing: nobody takes an expired session for a live one.
pub fn purge(conn: &mut DbConn, now: Timestamp) -> QueryResult<usize> {
    let over = sessions::table.filter(sessions::expires_at.le(now).or(sessions::ends_at.le(now)));
    diesel::delete(over).execute(conn)
}
