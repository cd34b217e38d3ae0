//! People with a login: owners of accounts, and administrators. This table is the list of tenants itself, so it takes no scope.

use diesel::prelude::*;

use super::{DbConn, connection::per_backend, schema::users};
use crate::ids::{Timestamp, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub is_admin: bool,
    pub created_at: Timestamp,
}

/// A user to be. The hash is argon2's text, never a password.
#[derive(Insertable)]
#[diesel(table_name = users)]
pub struct NewUser {
    pub name: String,
    pub password_hash: String,
    pub is_admin: bool,
    pub created_at: Timestamp,
}

/// `None`: the name is taken.
pub fn insert(conn: &mut DbConn, user: &NewUser) -> QueryResult<Option<UserId>> {
    per_backend!(conn, conn => diesel::insert_into(users::table)
        .values(user)
        .on_conflict_do_nothing()
        .returning(users::id)
        .get_result(conn)
        .optional())
}

pub fn find_by_name(conn: &mut DbConn, name: &str) -> QueryResult<Option<User>> {
    users::table.filter(users::name.eq(name)).select(User::as_select()).first(conn).optional()
}

/// Everybody, in the order they were made.
pub fn list(conn: &mut DbConn) -> QueryResult<Vec<User>> {
    users::table.order(users::id).select(User::as_select()).load(conn)
}

pub fn count(conn: &mut DbConn) -> QueryResult<i64> {
    users::table.count().get_result(conn)
}

pub fn get_password_hash(conn: &mut DbConn, user: UserId) -> QueryResult<String> {
    users::table.find(user).select(users::password_hash).first(conn)
}

/// `false`: there is no such user.
pub fn set_password_hash(conn: &mut DbConn, user: UserId, hash: &str) -> QueryResult<bool> {
    let rows = diesel::update(users::table.find(user)).set(users::password_hash.eq(hash)).execute(conn)?;
    Ok(rows == 1)
}
