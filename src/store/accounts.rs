//! Seller accounts: whose they are, how they log in, and what their owner decided about them.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use diesel::prelude::*;

use super::{
    DbConn, Keys, Page, Saved, Scope, Sealed, Secret, account_sessions,
    account_states::Row as StateRow,
    challenges,
    page::{containing, lower},
    revisions::{self, Topic},
    schema::{account_states, accounts},
};
use crate::{
    account::{
        login_session::ends_at,
        state::{State, Status},
    },
    ids::{AccountId, BuyerId, Timestamp, UserId},
    platform::cookies::Cookies,
};

/// An account without its cookie.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Account {
    pub id: AccountId,
    #[diesel(column_name = owner_id)]
    pub owner: UserId,
    pub name: String,
    /// The platform's id of the seller (`unb`).
    #[diesel(column_name = platform_uid)]
    pub uid: BuyerId,
    /// Grows with every new cookie.
    pub credentials_version: i64,
    pub enabled: bool,
    /// The account's stop switch: nothing automatic is written to the platform.
    pub stopped: bool,
    debounce_ms: Option<i64>,
    longest_wait_ms: Option<i64>,
    takeover_pause_ms: Option<i64>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Account {
    /// `None`: as the system's settings say.
    pub fn debounce(&self) -> Option<Duration> {
        self.debounce_ms.map(span)
    }

    /// `None`: as the system's settings say.
    pub fn longest_wait(&self) -> Option<Duration> {
        self.longest_wait_ms.map(span)
    }

    /// `None`: as the system's settings say. Zero: never paused.
    pub fn takeover_pause(&self) -> Option<Duration> {
        self.takeover_pause_ms.map(span)
    }
}

fn span(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// An account as a person gives it.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub name: String,
    pub uid: BuyerId,
    pub cookie: Secret,
    /// `None`: as it is; a new account is enabled.
    pub enabled: Option<bool>,
}

/// What a login needs. Open the cookie with [`cookie_place`].
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Credentials {
    #[diesel(column_name = platform_uid)]
    pub uid: BuyerId,
    pub cookie: Sealed,
    #[diesel(column_name = credentials_version)]
    pub version: i64,
    /// When this cookie was put here.
    #[diesel(column_name = credentials_set_at)]
    pub set_at: Timestamp,
    /// How the platform is reached, sealed for [`proxy_place`]; `None`: directly.
    pub proxy: Option<Sealed>,
}

/// Waits of one account that differ from the system's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waits {
    pub debounce: Option<Duration>,
    pub longest_wait: Option<Duration>,
    pub takeover_pause: Option<Duration>,
}

/// The positions of accounts whose platform uid belongs to another account, stored or at an earlier position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenUids(pub Vec<usize>);

/// Why an account is not added, or not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSaved {
    /// Also where it belongs to somebody else.
    #[error("there is no such account")]
    NotFound,
    /// Only who sees all accounts of an owner adds one.
    #[error("this needs the right to all accounts")]
    Forbidden,
    #[error("another account has this name already")]
    NameTaken,
    /// By an account of whoever it may be.
    #[error("this platform account (unb) is another account's already")]
    UidTaken,
    /// The cookie is of another seller than the account.
    #[error("the cookie belongs to another platform account (unb) than this one")]
    AnotherSeller,
}

/// Which accounts a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Occurs in the name or the platform's id.
    pub text: Option<String>,
    pub enabled: Option<bool>,
    pub state: Option<State>,
}

/// An account and what its connection is doing; `None`: it was never started.
pub type WithStatus = (Account, Option<Status>);

/// The place a cookie is sealed for.
pub fn cookie_place(uid: &BuyerId) -> String {
    format!("accounts.cookie:{uid}")
}

/// The place a proxy is sealed for.
pub fn proxy_place(id: AccountId) -> String {
    format!("accounts.proxy:{id}")
}

/// Stores accounts by `(owner, name)`; every column that a [`NewAccount`] does not name keeps its value. An equal cookie is left
/// alone, so that importing a file again disturbs no running account.
///
/// Where a platform uid belongs to another account nothing is written at all.
pub fn upsert_many(
    conn: &mut DbConn,
    keys: &Keys,
    owner: UserId,
    new: &[NewAccount],
    now: Timestamp,
) -> QueryResult<Result<Vec<(AccountId, Saved)>, TakenUids>> {
    let taken = list_taken(conn, owner, new)?;
    if !taken.is_empty() {
        return Ok(Err(TakenUids(taken)));
    }
    let mut saved = Vec::with_capacity(new.len());
    for account in new {
        saved.push(upsert_one(conn, keys, owner, account, now)?);
    }
    if saved.iter().any(|(_, saved)| *saved != Saved::Unchanged) {
        revisions::bump(conn, Topic::Accounts)?;
    }
    Ok(Ok(saved))
}

/// The positions whose platform uid belongs to another account, here or in the database.
pub fn list_taken(conn: &mut DbConn, owner: UserId, new: &[NewAccount]) -> QueryResult<Vec<usize>> {
    let mut holders: HashMap<BuyerId, (UserId, String)> = HashMap::new();
    for some in new.chunks(500) {
        let uids = some.iter().map(|account| &account.uid);
        let found: Vec<(BuyerId, UserId, String)> = accounts::table
            .filter(accounts::platform_uid.eq_any(uids))
            .select((accounts::platform_uid, accounts::owner_id, accounts::name))
            .load(conn)?;
        holders.extend(found.into_iter().map(|(uid, owner, name)| (uid, (owner, name))));
    }
    let mut taken = Vec::new();
    for (at, account) in new.iter().enumerate() {
        let wants = (owner, account.name.clone());
        if *holders.entry(account.uid.clone()).or_insert_with(|| wants.clone()) != wants {
            taken.push(at);
        }
    }
    Ok(taken)
}

type Existing = (AccountId, BuyerId, Sealed, bool);

fn upsert_one(
    conn: &mut DbConn,
    keys: &Keys,
    owner: UserId,
    new: &NewAccount,
    now: Timestamp,
) -> QueryResult<(AccountId, Saved)> {
    let existing: Option<Existing> = accounts::table
        .filter(accounts::owner_id.eq(owner).and(accounts::name.eq(&new.name)))
        .select((accounts::id, accounts::platform_uid, accounts::cookie, accounts::enabled))
        .get_result(conn)
        .optional()?;
    let Some((id, uid, cookie, enabled)) = existing else {
        return insert_one(conn, keys, owner, new, now).map(|id| (id, Saved::Added));
    };
    let is_same_login =
        uid == new.uid && keys.open(&cookie_place(&uid), &cookie).is_ok_and(|cookie| cookie == new.cookie);
    let enable = new.enabled.unwrap_or(enabled);
    if is_same_login && enable == enabled {
        return Ok((id, Saved::Unchanged));
    }
    if !is_same_login {
        put_login(conn, keys, id, (&new.uid, &new.cookie), now)?;
    }
    diesel::update(accounts::table.find(id))
        .set((accounts::enabled.eq(enable), accounts::updated_at.eq(now)))
        .execute(conn)?;
    Ok((id, Saved::Updated))
}

fn insert_one(
    conn: &mut DbConn,
    keys: &Keys,
    owner: UserId,
    new: &NewAccount,
    now: Timestamp,
) -> QueryResult<AccountId> {
    let id = diesel::insert_into(accounts::table)
        .values((
            accounts::owner_id.eq(owner),
            accounts::name.eq(&new.name),
            accounts::platform_uid.eq(&new.uid),
            accounts::cookie.eq(keys.seal(&cookie_place(&new.uid), new.cookie.expose())),
            accounts::credentials_version.eq(1),
            accounts::credentials_set_at.eq(now),
            accounts::enabled.eq(new.enabled.unwrap_or(true)),
            accounts::stopped.eq(false),
            accounts::created_at.eq(now),
            accounts::updated_at.eq(now),
        ))
        .returning(accounts::id)
        .get_result(conn)?;
    note_end(conn, id, &new.cookie, now)?;
    Ok(id)
}

/// When the login of a cookie that was just given is thought to end.
fn note_end(conn: &mut DbConn, id: AccountId, cookie: &Secret, now: Timestamp) -> QueryResult<()> {
    account_sessions::note_end(conn, id, ends_at(&Cookies::parse(cookie.expose()), now))
}

fn put_login(
    conn: &mut DbConn,
    keys: &Keys,
    id: AccountId,
    (uid, cookie): (&BuyerId, &Secret),
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(accounts::table.find(id))
        .set((
            accounts::platform_uid.eq(uid),
            accounts::cookie.eq(keys.seal(&cookie_place(uid), cookie.expose())),
            accounts::credentials_version.eq(accounts::credentials_version + 1),
            accounts::credentials_set_at.eq(now),
        ))
        .execute(conn)?;
    challenges::end_of(conn, id, now)?;
    note_end(conn, id, cookie, now)
}

/// Which accounts a scope reaches. A macro, because only the compiler can write down its type. Nobody has the number 0: it stands
/// for "not restricted".
macro_rules! within {
    ($scope:expr) => {{
        use diesel::{IntoSql as _, sql_types::BigInt};

        use $crate::store::schema::{accounts, api_token_accounts, user_accounts};
        let scope: &$crate::store::Scope = $scope;
        let (member, token) = (scope.member_or_zero(), scope.token_or_zero());
        let for_member = user_accounts::table.filter(user_accounts::user_id.eq(member));
        let for_token = api_token_accounts::table.filter(api_token_accounts::token_id.eq(token));
        let any_member = member.into_sql::<BigInt>().eq(0);
        let any_token = token.into_sql::<BigInt>().eq(0);
        accounts::owner_id
            .eq(scope.user())
            .and(any_member.or(accounts::id.eq_any(for_member.select(user_accounts::account_id))))
            .and(any_token.or(accounts::id.eq_any(for_token.select(api_token_accounts::account_id))))
    }};
}
pub(super) use within;

/// The numbers of the accounts a scope reaches: for the `eq_any` of every table that belongs to accounts.
macro_rules! own {
    ($scope:expr) => {
        $crate::store::schema::accounts::table
            .filter($crate::store::accounts::within!($scope))
            .select($crate::store::schema::accounts::id)
    };
}
pub(super) use own;

/// [`own!`] for statements that are written by hand: `$1` is [`Scope::user`], `$2` the member and `$3` the token, each or zero.
pub(super) const OWN: &str = "(SELECT a.id FROM accounts AS a WHERE a.owner_id = $1 \
     AND ($2 = 0 OR a.id IN (SELECT account_id FROM user_accounts WHERE user_id = $2)) \
     AND ($3 = 0 OR a.id IN (SELECT account_id FROM api_token_accounts WHERE token_id = $3)))";

/// By name.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<Account>> {
    accounts::table.filter(within!(scope)).order(accounts::name).select(Account::as_select()).load(conn)
}

/// What an account is called.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Called {
    pub id: AccountId,
    pub name: String,
}

/// Of which accounts the names are wanted; `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameFilter {
    pub among: Option<Vec<AccountId>>,
    /// One of these is the whole name.
    pub called: Option<Vec<String>>,
    /// One of these stands in the name; none: any name.
    pub texts: Vec<String>,
    /// So many at most.
    pub most: Option<i64>,
}

/// By name.
pub fn names(conn: &mut DbConn, scope: &Scope, filter: &NameFilter) -> QueryResult<Vec<Called>> {
    let mut query = accounts::table.into_boxed();
    // First: what follows holds for each of them.
    for pattern in filter.texts.iter().map(|text| containing(text)) {
        query = query.or_filter(lower(accounts::name.nullable()).like(lower(pattern)).escape('\\'));
    }
    query = query.filter(within!(scope));
    if let Some(ids) = &filter.among {
        query = query.filter(accounts::id.eq_any(ids.clone()));
    }
    if let Some(names) = &filter.called {
        query = query.filter(accounts::name.eq_any(names.clone()));
    }
    if let Some(most) = filter.most {
        query = query.limit(most);
    }
    query.order((accounts::name, accounts::id)).select(Called::as_select()).load(conn)
}

/// The numbers alone.
pub fn list_ids(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<AccountId>> {
    accounts::table.filter(within!(scope)).order(accounts::id).select(accounts::id).load(conn)
}

/// The highest number an account has, whoever owns it; 0 where there is none.
pub fn newest(conn: &mut DbConn) -> QueryResult<AccountId> {
    let newest: Option<AccountId> = accounts::table.select(diesel::dsl::max(accounts::id)).get_result(conn)?;
    Ok(newest.unwrap_or(AccountId(0)))
}

pub fn find(conn: &mut DbConn, scope: &Scope, name: &str) -> QueryResult<Option<Account>> {
    accounts::table
        .filter(within!(scope))
        .filter(accounts::name.eq(name))
        .select(Account::as_select())
        .get_result(conn)
        .optional()
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: AccountId) -> QueryResult<Account> {
    accounts::table.find(id).filter(within!(scope)).select(Account::as_select()).get_result(conn)
}

/// A part of the accounts that fit, by name, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<WithStatus>, i64)> {
    let fitting = || {
        let mut query = accounts::table.left_join(account_states::table).filter(within!(scope)).into_boxed();
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            let in_name = lower(accounts::name.nullable()).like(lower(pattern.clone())).escape('\\');
            query = query.filter(in_name.or(accounts::platform_uid.nullable().like(pattern).escape('\\')));
        }
        if let Some(enabled) = filter.enabled {
            query = query.filter(accounts::enabled.eq(enabled));
        }
        query = match filter.state {
            None => query,
            Some(State::Disconnected) => query
                .filter(account_states::state.nullable().is_null().or(account_states::state.eq(State::Disconnected))),
            Some(state) => query.filter(account_states::state.eq(state)),
        };
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows: Vec<(Account, Option<StateRow>)> = fitting()
        .order((accounts::name, accounts::id))
        .offset(page.offset)
        .limit(page.limit)
        .select((Account::as_select(), Option::<StateRow>::as_select()))
        .load(conn)?;
    let shown = rows.into_iter().map(|(account, row)| (account, row.map(|row| row.into_status().1)));
    Ok((shown.collect(), total))
}

/// A new account of the scope's owner.
pub fn insert(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    new: &NewAccount,
    now: Timestamp,
) -> QueryResult<Result<AccountId, NotSaved>> {
    if !scope.is_whole() {
        return Ok(Err(NotSaved::Forbidden));
    }
    if find(conn, scope, &new.name)?.is_some() {
        return Ok(Err(NotSaved::NameTaken));
    }
    if is_uid_taken(conn, &new.uid)? {
        return Ok(Err(NotSaved::UidTaken));
    }
    let id = insert_one(conn, keys, scope.user(), new, now)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(Ok(id))
}

fn is_uid_taken(conn: &mut DbConn, uid: &BuyerId) -> QueryResult<bool> {
    find_seller(conn, uid).map(|found| found.is_some())
}

/// The account of a seller on the platform, whoever owns it: who asks may see it only within their scope.
pub fn find_seller(conn: &mut DbConn, uid: &BuyerId) -> QueryResult<Option<AccountId>> {
    accounts::table.filter(accounts::platform_uid.eq(uid)).select(accounts::id).get_result(conn).optional()
}

/// A new cookie of the same seller. Answers with the version it has now; an equal cookie is left alone and keeps its version.
pub fn replace_credentials(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    id: AccountId,
    (uid, cookie): (&BuyerId, &Secret),
    now: Timestamp,
) -> QueryResult<Result<i64, NotSaved>> {
    let Some(account) = get(conn, scope, id).optional()? else { return Ok(Err(NotSaved::NotFound)) };
    if account.uid != *uid {
        let taken = is_uid_taken(conn, uid)?;
        return Ok(Err(if taken { NotSaved::UidTaken } else { NotSaved::AnotherSeller }));
    }
    let stored: Sealed = accounts::table.find(id).select(accounts::cookie).get_result(conn)?;
    if keys.open(&cookie_place(uid), &stored).is_ok_and(|stored| stored == *cookie) {
        return Ok(Ok(account.credentials_version));
    }
    put_login(conn, keys, id, (uid, cookie), now)?;
    diesel::update(accounts::table.find(id)).set(accounts::updated_at.eq(now)).execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(Ok(account.credentials_version + 1))
}

/// Another name.
pub fn rename(
    conn: &mut DbConn,
    scope: &Scope,
    id: AccountId,
    name: &str,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    let Some(account) = get(conn, scope, id).optional()? else { return Ok(Err(NotSaved::NotFound)) };
    // Asked of the whole owner: a member may not see who has the name.
    let holder = find(conn, &Scope::owner(account.owner), name)?;
    if holder.is_some_and(|holder| holder.id != id) {
        return Ok(Err(NotSaved::NameTaken));
    }
    diesel::update(accounts::table.find(id))
        .set((accounts::name.eq(name), accounts::updated_at.eq(now)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(Ok(()))
}

/// `false`: there is no such account.
pub fn set_enabled(conn: &mut DbConn, scope: &Scope, id: AccountId, on: bool, now: Timestamp) -> QueryResult<bool> {
    let rows = diesel::update(accounts::table.find(id))
        .filter(within!(scope))
        .set((accounts::enabled.eq(on), accounts::updated_at.eq(now)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(rows == 1)
}

/// A person says that the login is in order again (a verification passed): everything that was held against it is void.
/// `false`: there is no such account.
pub fn renew(conn: &mut DbConn, scope: &Scope, id: AccountId, now: Timestamp) -> QueryResult<bool> {
    let rows = diesel::update(accounts::table.find(id))
        .filter(within!(scope))
        .set((accounts::credentials_version.eq(accounts::credentials_version + 1), accounts::updated_at.eq(now)))
        .execute(conn)?;
    if rows == 1 {
        challenges::end_of(conn, id, now)?;
    }
    revisions::bump(conn, Topic::Accounts)?;
    Ok(rows == 1)
}

/// For the engine: a stop switch is on, the account's or the system's; also where there is no such account.
pub fn is_stopped(conn: &mut DbConn, id: AccountId) -> QueryResult<bool> {
    let stopped: Option<bool> = accounts::table.find(id).select(accounts::stopped).get_result(conn).optional()?;
    Ok(stopped.unwrap_or(true) || super::facts::stop_switch(conn)?)
}

/// The account's stop switch. `false`: there is no such account.
pub fn set_stopped(conn: &mut DbConn, scope: &Scope, id: AccountId, on: bool, now: Timestamp) -> QueryResult<bool> {
    let rows = diesel::update(accounts::table.find(id))
        .filter(within!(scope))
        .set((accounts::stopped.eq(on), accounts::updated_at.eq(now)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(rows == 1)
}

/// The stop switches of all that `scope` reaches; says how many were otherwise.
pub fn set_all_stopped(conn: &mut DbConn, scope: &Scope, on: bool, now: Timestamp) -> QueryResult<usize> {
    let rows = diesel::update(accounts::table)
        .filter(within!(scope))
        .filter(accounts::stopped.ne(on))
        .set((accounts::stopped.eq(on), accounts::updated_at.eq(now)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(rows)
}

/// How many there are of those that `scope` reaches, and how many of them are stopped.
pub fn count_stopped(conn: &mut DbConn, scope: &Scope) -> QueryResult<(i64, i64)> {
    let all = accounts::table.filter(within!(scope)).count().get_result(conn)?;
    let stopped = accounts::table.filter(within!(scope)).filter(accounts::stopped).count().get_result(conn)?;
    Ok((all, stopped))
}

/// `false`: there is no such account.
pub fn set_waits(conn: &mut DbConn, scope: &Scope, id: AccountId, waits: Waits, now: Timestamp) -> QueryResult<bool> {
    let ms = |wait: Option<Duration>| wait.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    let rows = diesel::update(accounts::table.find(id))
        .filter(within!(scope))
        .set((
            accounts::debounce_ms.eq(ms(waits.debounce)),
            accounts::longest_wait_ms.eq(ms(waits.longest_wait)),
            accounts::takeover_pause_ms.eq(ms(waits.takeover_pause)),
            accounts::updated_at.eq(now),
        ))
        .execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    Ok(rows == 1)
}

/// Takes everything stored for the account with it. `false`: there is no such account.
pub fn delete(conn: &mut DbConn, scope: &Scope, id: AccountId) -> QueryResult<bool> {
    let rows = diesel::delete(accounts::table.find(id)).filter(within!(scope)).execute(conn)?;
    revisions::bump(conn, Topic::Accounts)?;
    revisions::bump(conn, Topic::Rules)?;
    revisions::bump(conn, Topic::Blocks)?;
    Ok(rows == 1)
}

/// For the engine: all accounts of all owners, also the disabled.
pub fn list_for_engine(conn: &mut DbConn) -> QueryResult<Vec<Account>> {
    accounts::table.order(accounts::id).select(Account::as_select()).load(conn)
}

/// For the engine: those of these accounts that still exist.
pub fn existing(conn: &mut DbConn, ids: impl IntoIterator<Item = AccountId>) -> QueryResult<HashSet<AccountId>> {
    let ids: Vec<AccountId> = ids.into_iter().collect();
    let mut found = HashSet::with_capacity(ids.len());
    for some in ids.chunks(500) {
        let query = accounts::table.filter(accounts::id.eq_any(some)).select(accounts::id);
        found.extend(query.load::<AccountId>(conn)?);
    }
    Ok(found)
}

/// For the engine.
pub fn load_credentials(conn: &mut DbConn, id: AccountId) -> QueryResult<Option<Credentials>> {
    accounts::table.find(id).select(Credentials::as_select()).get_result(conn).optional()
}

/// For the engine: keeps what the platform changed in the cookie. `ends_at`: when its login is thought to end, where that is another moment
/// now. `false`, and nothing changed, where a person has given a newer cookie than `version`.
pub fn refresh_cookie(
    conn: &mut DbConn,
    id: AccountId,
    version: i64,
    cookie: &Sealed,
    ends_at: Option<Timestamp>,
    now: Timestamp,
) -> QueryResult<bool> {
    let rows = diesel::update(accounts::table.find(id))
        .filter(accounts::credentials_version.eq(version))
        .set((accounts::cookie.eq(cookie), accounts::updated_at.eq(now)))
        .execute(conn)?;
    if let (1, Some(at)) = (rows, ends_at) {
        account_sessions::note_end(conn, id, at)?;
    }
    Ok(rows == 1)
}

/// How the account reaches the platform from its next connection on; `None`: directly. `NotFound` also where the account belongs to
/// somebody else.
pub fn set_proxy(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    id: AccountId,
    proxy: Option<&Secret>,
    now: Timestamp,
) -> QueryResult<()> {
    get(conn, scope, id)?;
    let sealed = proxy.map(|proxy| keys.seal(&proxy_place(id), proxy.expose()));
    diesel::update(accounts::table.find(id))
        .set((accounts::proxy.eq(sealed), accounts::updated_at.eq(now)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Accounts)
}
