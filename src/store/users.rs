//! People with a login. This table is the list of tenants itself: the functions that serve the administrator or a login take no scope
//! and say so; those for an owner's own people take one.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn, Page, Scope, Sealed,
    connection::per_backend,
    email_codes,
    page::{containing, lower},
    revisions::{self, Topic},
    schema::{user_accounts, users},
};
use crate::{
    access::role::Role,
    ids::{AccountId, Timestamp, UserId},
};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    /// Whose accounts an operator or a viewer works on.
    #[diesel(column_name = employer_id)]
    pub employer: Option<UserId>,
    pub email: Option<String>,
    pub active: bool,
    /// Whether a second factor is asked for.
    pub totp_confirmed: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// By whose clock they read moments; an IANA name.
    pub time_zone: String,
}

impl User {
    /// Whose rows this user works on: everything of one owner, or the chosen accounts.
    pub fn scope(&self) -> Scope {
        match self.employer {
            Some(employer) => Scope::member(employer, self.id),
            None => Scope::owner(self.id),
        }
    }
}

/// A user to be. The hash is argon2's text, never a password.
pub struct NewUser {
    pub name: String,
    pub password_hash: String,
    pub role: Role,
    pub employer: Option<UserId>,
    pub email: Option<String>,
    pub created_at: Timestamp,
}

/// What may change about a user; `None`: as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub email: Option<Option<String>>,
    pub active: Option<bool>,
    /// An IANA name.
    pub time_zone: Option<String>,
}

/// What a login is checked against.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct Login {
    #[diesel(embed)]
    pub user: User,
    pub password_hash: String,
    /// Sealed for [`totp_place`].
    pub totp_secret: Option<Sealed>,
    pub totp_step: Option<i64>,
}

impl Login {
    /// Whether what was proved by this still proves it. A password takes a while to check, and meanwhile somebody may have changed it,
    /// confirmed a second factor or shut the user out: asked in the transaction that lets them in.
    pub fn still_holds(&self, conn: &mut DbConn) -> QueryResult<bool> {
        Ok(find_login(conn, self.user.id)?.is_some_and(|now| {
            now.user.active
                && now.password_hash == self.password_hash
                && now.user.totp_confirmed == self.user.totp_confirmed
        }))
    }
}

pub fn totp_place(user: UserId) -> String {
    format!("users.totp_secret:{user}")
}

/// `None`: the name or the e-mail address is taken.
pub fn insert(conn: &mut DbConn, user: &NewUser) -> QueryResult<Option<UserId>> {
    let id = per_backend!(&mut *conn, conn => diesel::insert_into(users::table)
        .values((
            users::name.eq(&user.name),
            users::password_hash.eq(&user.password_hash),
            users::role.eq(user.role),
            users::employer_id.eq(user.employer),
            users::email.eq(&user.email),
            users::created_at.eq(user.created_at),
            users::updated_at.eq(user.created_at),
        ))
        .on_conflict_do_nothing()
        .returning(users::id)
        .get_result(conn)
        .optional())?;
    revisions::bump(conn, Topic::Users)?;
    Ok(id)
}

pub fn find(conn: &mut DbConn, id: UserId) -> QueryResult<Option<User>> {
    users::table.find(id).select(User::as_select()).get_result(conn).optional()
}

pub fn find_by_name(conn: &mut DbConn, name: &str) -> QueryResult<Option<User>> {
    users::table.filter(users::name.eq(name)).select(User::as_select()).get_result(conn).optional()
}

/// `email` in lower case, as all are stored.
pub fn find_by_email(conn: &mut DbConn, email: &str) -> QueryResult<Option<User>> {
    users::table.filter(users::email.eq(email)).select(User::as_select()).get_result(conn).optional()
}

/// One of an owner's own operators and viewers.
pub fn find_employee(conn: &mut DbConn, scope: &Scope, id: UserId) -> QueryResult<Option<User>> {
    let employees = users::table.filter(users::employer_id.eq(scope.user()));
    employees.filter(users::id.eq(id)).select(User::as_select()).get_result(conn).optional()
}

/// Whether this is the owner, or somebody who works for them, and may sign in.
pub fn is_of(conn: &mut DbConn, owner: UserId, user: UserId) -> QueryResult<bool> {
    let is_one = users::table
        .filter(users::id.eq(user).and(users::active))
        .filter(users::id.eq(owner).or(users::employer_id.eq(owner)));
    diesel::select(diesel::dsl::exists(is_one)).get_result(conn)
}

/// The owner and who works for them, by name; without those who may not sign in.
pub fn names(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<(UserId, String)>> {
    let theirs = users::id.eq(owner).or(users::employer_id.eq(owner));
    users::table.filter(users::active.and(theirs)).order(users::id).select((users::id, users::name)).load(conn)
}

/// For who comes in: whoever works for somebody that is not active is not active either.
pub(super) fn with_employer(conn: &mut DbConn, user: User) -> QueryResult<User> {
    let active = match user.employer {
        Some(employer) => user.active && find(conn, employer)?.is_some_and(|employer| employer.active),
        None => user.active,
    };
    Ok(User { active, ..user })
}

fn login_with_employer(conn: &mut DbConn, login: Option<Login>) -> QueryResult<Option<Login>> {
    let Some(login) = login else { return Ok(None) };
    Ok(Some(Login { user: with_employer(conn, login.user)?, ..login }))
}

/// For a login. Nobody is active here whose employer is not.
pub fn find_login(conn: &mut DbConn, id: UserId) -> QueryResult<Option<Login>> {
    let login = users::table.find(id).select(Login::as_select()).get_result(conn).optional()?;
    login_with_employer(conn, login)
}

/// For a login: by name, else by e-mail address.
pub fn find_login_by_name(conn: &mut DbConn, name_or_email: &str) -> QueryResult<Option<Login>> {
    let by_name =
        users::table.filter(users::name.eq(name_or_email)).select(Login::as_select()).get_result(conn).optional()?;
    match by_name {
        Some(login) => login_with_employer(conn, Some(login)),
        None => find_login_by_email(conn, name_or_email),
    }
}

/// For a login: by nothing but the e-mail address.
pub fn find_login_by_email(conn: &mut DbConn, email: &str) -> QueryResult<Option<Login>> {
    let login = users::table.filter(users::email.eq(email)).select(Login::as_select()).get_result(conn).optional()?;
    login_with_employer(conn, login)
}

/// Who works for this owner.
pub fn list_employees(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<UserId>> {
    users::table.filter(users::employer_id.eq(owner)).select(users::id).load(conn)
}

/// Everybody, in the order they were made.
pub fn list(conn: &mut DbConn) -> QueryResult<Vec<User>> {
    users::table.order(users::id).select(User::as_select()).load(conn)
}

/// Which users are wanted; `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only who works on this user's accounts.
    pub employer: Option<UserId>,
    pub role: Option<Role>,
    pub active: Option<bool>,
    /// Stands in the name or the e-mail address.
    pub text: Option<String>,
}

impl Filter {
    /// The operators and viewers of an owner.
    pub fn employees(scope: &Scope) -> Self {
        Self { employer: Some(scope.user()), ..Self::default() }
    }
}

/// In the order they were made, and how many there are.
pub fn page(conn: &mut DbConn, filter: &Filter, page: Page) -> QueryResult<(Vec<User>, i64)> {
    let fitting = || {
        let mut query = users::table.into_boxed();
        if let Some(employer) = filter.employer {
            query = query.filter(users::employer_id.eq(employer));
        }
        if let Some(role) = filter.role {
            query = query.filter(users::role.eq(role));
        }
        if let Some(active) = filter.active {
            query = query.filter(users::active.eq(active));
        }
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            let in_name = lower(users::name.nullable()).like(lower(pattern.clone())).escape('\\');
            query = query.filter(in_name.or(lower(users::email).like(lower(pattern)).escape('\\')));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting().order(users::id).offset(page.offset).limit(page.limit).select(User::as_select()).load(conn)?;
    Ok((rows, total))
}

pub fn count(conn: &mut DbConn) -> QueryResult<i64> {
    users::table.count().get_result(conn)
}

/// Whether somebody can administer the system.
pub fn has_admin(conn: &mut DbConn) -> QueryResult<bool> {
    let admins = users::table.filter(users::role.eq(Role::Admin).and(users::active.eq(true)));
    admins.count().get_result::<i64>(conn).map(|count| count > 0)
}

/// Whether nobody could administer the system without this user.
pub fn is_last_admin(conn: &mut DbConn, id: UserId) -> QueryResult<bool> {
    let admins = users::table.filter(users::role.eq(Role::Admin).and(users::active.eq(true)));
    let admins: Vec<UserId> = admins.select(users::id).limit(2).load(conn)?;
    Ok(admins == [id])
}

/// `false`: there is no such user. Ends no session: see [`super::sessions::delete_all`].
pub fn set_password_hash(conn: &mut DbConn, user: UserId, hash: &str) -> QueryResult<bool> {
    let rows = diesel::update(users::table.find(user)).set(users::password_hash.eq(hash)).execute(conn)?;
    revisions::bump(conn, Topic::Users)?;
    Ok(rows == 1)
}

/// `false`: there is no such user. A name or an address that is taken is a `Conflict`.
pub fn update(conn: &mut DbConn, id: UserId, change: &UserChange, now: Timestamp) -> QueryResult<bool> {
    let target = || diesel::update(users::table.find(id));
    let rows = target().set(users::updated_at.eq(now)).execute(conn)?;
    if let Some(name) = &change.name {
        target().set(users::name.eq(name)).execute(conn)?;
    }
    if let Some(role) = change.role {
        target().set(users::role.eq(role)).execute(conn)?;
    }
    if let Some(email) = &change.email {
        target().set(users::email.eq(email)).execute(conn)?;
    }
    if let Some(active) = change.active {
        target().set(users::active.eq(active)).execute(conn)?;
    }
    if let Some(time_zone) = &change.time_zone {
        target().set(users::time_zone.eq(time_zone)).execute(conn)?;
    }
    revisions::bump(conn, Topic::Users)?;
    Ok(rows == 1)
}

/// Stores a second factor's secret that is not confirmed yet, or removes it.
pub fn set_totp(conn: &mut DbConn, id: UserId, secret: Option<&Sealed>) -> QueryResult<()> {
    diesel::update(users::table.find(id))
        .set((users::totp_secret.eq(secret), users::totp_confirmed.eq(false), users::totp_step.eq(None::<i64>)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Users)
}

/// A code of this step was taken. `false`: it was taken before; a code is good once.
pub fn use_totp_step(conn: &mut DbConn, id: UserId, step: i64) -> QueryResult<bool> {
    let fresh = users::totp_step.is_null().or(users::totp_step.lt(step));
    let rows = diesel::update(users::table.find(id))
        .filter(fresh)
        .set((users::totp_step.eq(step), users::totp_confirmed.eq(true)))
        .execute(conn)?;
    Ok(rows == 1)
}

/// From now on the second factor is asked for. `false`: the code of this step was taken before.
pub fn confirm_totp(conn: &mut DbConn, id: UserId, step: i64) -> QueryResult<bool> {
    let fresh = use_totp_step(conn, id, step)?;
    revisions::bump(conn, Topic::Users)?;
    Ok(fresh)
}

/// Takes everything of the user along: accounts with all that is stored for them, rules, employees, sessions, tokens, codes on
/// their way. `false`: there is no such user.
pub fn delete(conn: &mut DbConn, id: UserId) -> QueryResult<bool> {
    let of_user = users::table.filter(users::id.eq(id).or(users::employer_id.eq(id)));
    let addresses: Vec<Option<String>> = of_user.select(users::email).load(conn)?;
    for email in addresses.into_iter().flatten() {
        email_codes::delete_all(conn, &email)?;
    }
    let rows = diesel::delete(users::table.find(id)).execute(conn)?;
    for topic in [Topic::Users, Topic::Accounts, Topic::Rules, Topic::Blocks] {
        revisions::bump(conn, topic)?;
    }
    Ok(rows == 1)
}

/// The accounts an operator or a viewer was given.
pub fn accounts_of(conn: &mut DbConn, id: UserId) -> QueryResult<Vec<AccountId>> {
    user_accounts::table
        .filter(user_accounts::user_id.eq(id))
        .order(user_accounts::account_id)
        .select(user_accounts::account_id)
        .load(conn)
}

/// As [`accounts_of`], for several at once.
pub fn accounts_of_each(conn: &mut DbConn, ids: &[UserId]) -> QueryResult<HashMap<UserId, Vec<AccountId>>> {
    let theirs = user_accounts::table.filter(user_accounts::user_id.eq_any(ids));
    let rows: Vec<(UserId, AccountId)> = theirs.order(user_accounts::account_id).load(conn)?;
    let mut chosen: HashMap<UserId, Vec<AccountId>> = HashMap::new();
    for (user, account) in rows {
        chosen.entry(user).or_default().push(account);
    }
    Ok(chosen)
}

/// Replaces the accounts an operator or a viewer may see. `NotFound` where one is not the owner's.
pub fn set_accounts(conn: &mut DbConn, scope: &Scope, id: UserId, chosen: &[AccountId]) -> QueryResult<()> {
    for account in chosen {
        super::accounts::get(conn, scope, *account)?;
    }
    diesel::delete(user_accounts::table.filter(user_accounts::user_id.eq(id))).execute(conn)?;
    for account in chosen {
        per_backend!(&mut *conn, conn => diesel::insert_into(user_accounts::table)
            .values((user_accounts::user_id.eq(id), user_accounts::account_id.eq(*account)))
            .on_conflict_do_nothing()
            .execute(conn))?;
    }
    revisions::bump(conn, Topic::Users)
}
