//! What an administrator does to everybody and an owner to the people who work for them: the same deeds, another [`Reach`]. Whoever is
//! out of reach does not exist.

use actix_web::{HttpRequest, HttpResponse, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Few, Line, SecretText, Whole, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        setup::check_password,
        tag,
    },
    accounts::notice,
};
use crate::{
    access::role::Role,
    account::registry::WithoutAccounts,
    ids::{AccountId, Timestamp, UserId},
    store::{
        DbConn, QueryResult, Scope, Secret, accounts, api_tokens,
        audit::{self, Actor, Deed},
        sessions,
        users::{self, Filter, NewUser, User, UserChange},
    },
    telemetry::clock,
};

/// Accounts that are chosen for one person or token, at most.
pub(super) const CHOSEN: usize = 1000;
/// An account's id in a body.
pub(super) type ChosenAccount = Whole<1, { i64::MAX }>;

/// Whom one may touch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    Everybody,
    /// An owner's own operators and viewers.
    Employees(Scope),
}

impl Reach {
    fn find(self, conn: &mut DbConn, id: UserId) -> QueryResult<Option<User>> {
        match self {
            Self::Everybody => users::find(conn, id),
            Self::Employees(scope) => users::find_employee(conn, &scope, id),
        }
    }

    fn filter(self) -> Filter {
        match self {
            Self::Everybody => Filter::default(),
            Self::Employees(scope) => Filter::employees(&scope),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PersonQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    role: Option<Role>,
    active: Option<bool>,
    /// Stands in the name or the e-mail address.
    #[param(inline)]
    q: Option<Line<1, 64>>,
}

/// Somebody with a login.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PersonView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: UserId,
    pub(in crate::web) name: String,
    pub(in crate::web) role: Role,
    pub(in crate::web) email: Option<String>,
    /// Somebody who is not active cannot come in, nor can who works for them. With the deactivation their sessions and tokens end and
    /// their accounts are disabled; an activation brings none of them back.
    pub(in crate::web) active: bool,
    /// On whose accounts an operator or a viewer works.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) employer_id: Option<UserId>,
    /// The chosen ones of an operator or a viewer; `null` for who owns accounts.
    #[schema(value_type = Option<Vec<i64>>)]
    pub(in crate::web) accounts: Option<Vec<AccountId>>,
    /// Whether a second factor is asked for.
    pub(in crate::web) second_factor: bool,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

impl PersonView {
    fn new(user: User, accounts: Option<Vec<AccountId>>) -> Self {
        Self {
            id: user.id,
            name: user.name,
            role: user.role,
            email: user.email,
            active: user.active,
            employer_id: user.employer,
            accounts,
            second_factor: user.totp_confirmed,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }

    fn read(conn: &mut DbConn, user: User) -> QueryResult<Self> {
        let accounts = match user.role.owns_accounts() {
            true => None,
            false => Some(users::accounts_of(conn, user.id)?),
        };
        Ok(Self::new(user, accounts))
    }
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "a password of their own"}))]
pub struct NewPassword {
    /// At least 10 characters, and none of those that many people have.
    pub(super) password: SecretText<1024>,
}

/// The accounts an operator or a viewer works on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"accounts": [1, 2]}))]
pub struct ChosenAccounts {
    pub(super) accounts: Few<ChosenAccount, { CHOSEN }>,
}

/// Somebody to be.
pub(super) struct NewPerson {
    pub(super) name: String,
    pub(super) password: Secret,
    pub(super) role: Role,
    pub(super) employer: Option<UserId>,
    pub(super) email: Option<String>,
    pub(super) accounts: Vec<AccountId>,
}

pub(super) fn account_ids(chosen: Few<ChosenAccount, { CHOSEN }>) -> Vec<AccountId> {
    chosen.into_vec().into_iter().map(|id| AccountId(id.get())).collect()
}

pub(super) async fn list(app: &AppState, reach: Reach, query: PersonQuery) -> ApiResult<Json<Page<PersonView>>> {
    let paging = Paging::new(query.page, query.per_page);
    let filter =
        Filter { role: query.role, active: query.active, text: query.q.map(Line::into_string), ..reach.filter() };
    let read = move |conn: &mut DbConn| -> QueryResult<(Vec<PersonView>, i64)> {
        let (users, total) = users::page(conn, &filter, paging.part())?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let mut chosen = users::accounts_of_each(conn, &ids)?;
        let view = |user: User| {
            let accounts = (!user.role.owns_accounts()).then(|| chosen.remove(&user.id).unwrap_or_default());
            PersonView::new(user, accounts)
        };
        Ok((users.into_iter().map(view).collect(), total))
    };
    let (items, total) = app.store.read(read).await?;
    Ok(Json(paging.answer(items, total)))
}

pub(super) async fn get(app: &AppState, reach: Reach, id: UserId) -> ApiResult<HttpResponse> {
    let read = move |conn: &mut DbConn| match reach.find(conn, id)? {
        Some(user) => PersonView::read(conn, user).map(Some),
        None => Ok(None),
    };
    let view = app.store.read(read).await?.ok_or(Code::NotFound)?;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

pub(super) async fn create(app: &AppState, caller: &Caller, new: NewPerson) -> ApiResult<HttpResponse> {
    check_password(new.password.expose(), &new.name, new.email.as_deref())?;
    let password_hash = app.door.hash(new.password).await?;
    let (actor, now) = (caller.actor(), clock::unix());
    let user = NewUser {
        name: new.name,
        password_hash,
        role: new.role,
        employer: new.employer,
        email: new.email,
        created_at: now,
    };
    let insert = move |conn: &mut DbConn| -> QueryResult<ApiResult<PersonView>> {
        if let Err(refusal) = check_employer(conn, &user)? {
            return Ok(Err(refusal));
        }
        let id = match insert_named(conn, &user, "name")? {
            Ok(id) => id,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(employer) = user.employer {
            users::set_accounts(conn, &Scope::owner(employer), id, &new.accounts)?;
        }
        let Some(user) = users::find(conn, id)? else { return Ok(Err(Code::Internal.into())) };
        let tenant = user.scope().user();
        let view = PersonView::read(conn, user)?;
        audit::record(conn, &actor, &Deed::new("user.create", id).of(tenant).after(&view), now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(insert).await.map_err(ApiError::missing("accounts"))??;
    app.gate.forget_all();
    Ok(tag::answer(HttpResponse::Created(), &view))
}

/// Who works on somebody's accounts has an employer who has some; nobody else has one.
fn check_employer(conn: &mut DbConn, user: &NewUser) -> QueryResult<ApiResult<()>> {
    let refused = |zh: &str, en: &str| Ok(Err(ApiError::field("employer_id", Said::new(zh, en))));
    match (user.role.owns_accounts(), user.employer) {
        (true, None) => Ok(Ok(())),
        (true, Some(_)) => refused("管理员和店主没有雇主", "an admin or an owner has no employer"),
        (false, None) => refused("操作员和观察员须有雇主", "an operator or a viewer needs an employer"),
        (false, Some(employer)) => match users::find(conn, employer)?.is_some_and(|user| user.role.owns_accounts()) {
            true => Ok(Ok(())),
            false => refused("须为管理员或店主", "must be an admin or an owner"),
        },
    }
}

/// Says which of the two is taken: the name, which came in the field of this name, or the address.
pub(super) fn insert_named(
    conn: &mut DbConn,
    user: &NewUser,
    name_field: &'static str,
) -> QueryResult<ApiResult<UserId>> {
    if users::find_by_name(conn, &user.name)?.is_some() {
        return Ok(Err(ApiError::from(Code::NameTaken).at(name_field)));
    }
    Ok(users::insert(conn, user)?.ok_or_else(|| ApiError::from(Code::EmailTaken).at("email")))
}

/// Changes somebody who is still as `If-Match` says.
pub(super) async fn change(
    app: &AppState,
    caller: &Caller,
    request: &HttpRequest,
    reach: Reach,
    id: UserId,
    change: UserChange,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let update = move |conn: &mut DbConn| -> QueryResult<ApiResult<PersonView>> {
        let Some(user) = reach.find(conn, id)? else { return Ok(Err(Code::NotFound.into())) };
        let before = PersonView::read(conn, user.clone())?;
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = check_change(conn, &user, &change)? {
            return Ok(Err(refusal));
        }
        users::update(conn, id, &change, now)?;
        if change.active == Some(false) {
            shut_out(conn, id)?;
            disable_accounts(conn, &actor, id, now)?;
        }
        let Some(changed) = users::find(conn, id)? else { return Ok(Err(Code::Internal.into())) };
        let after = PersonView::read(conn, changed)?;
        let deed = Deed::new("user.update", id).of(user.scope().user()).before(&before).after(&after);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(after))
    };
    let view = app.store.write(update).await??;
    app.gate.forget_all();
    notice(app);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Nothing that was opened for this user, or for who works for them, opens anything any more.
fn shut_out(conn: &mut DbConn, id: UserId) -> QueryResult<()> {
    let employees = users::list_employees(conn, id)?;
    for id in employees.into_iter().chain([id]) {
        sessions::delete_all(conn, id, None)?;
        api_tokens::delete_all(conn, id)?;
    }
    Ok(())
}

/// Nothing goes on in the name of an owner who is not active. They stay disabled until somebody enables them again.
fn disable_accounts(conn: &mut DbConn, actor: &Actor, owner: UserId, now: Timestamp) -> QueryResult<()> {
    let scope = Scope::owner(owner);
    for account in accounts::list(conn, &scope)?.into_iter().filter(|account| account.enabled) {
        accounts::set_enabled(conn, &scope, account.id, false, now)?;
        audit::record(conn, actor, &Deed::new("account.disable", account.id).of(owner), now)?;
    }
    Ok(())
}

fn check_change(conn: &mut DbConn, user: &User, change: &UserChange) -> QueryResult<ApiResult<()>> {
    let role = change.role.unwrap_or(user.role);
    if role.owns_accounts() != user.role.owns_accounts() {
        let said = Said::new(
            "只能在管理员与店主之间、操作员与观察员之间更改",
            "changes only between admin and owner, or between operator and viewer",
        );
        return Ok(Err(ApiError::field("role", said)));
    }
    let is_admin_afterwards = role == Role::Admin && change.active.unwrap_or(user.active);
    if !is_admin_afterwards && users::is_last_admin(conn, user.id)? {
        return Ok(Err(Code::LastAdmin.into()));
    }
    check_is_free(conn, user.id, change)
}

/// Nobody else has the name or the address.
pub(super) fn check_is_free(conn: &mut DbConn, id: UserId, change: &UserChange) -> QueryResult<ApiResult<()>> {
    if let Some(name) = &change.name
        && users::find_by_name(conn, name)?.is_some_and(|other| other.id != id)
    {
        return Ok(Err(ApiError::from(Code::NameTaken).at("name")));
    }
    if let Some(Some(email)) = &change.email
        && users::find_by_email(conn, email)?.is_some_and(|other| other.id != id)
    {
        return Ok(Err(ApiError::from(Code::EmailTaken).at("email")));
    }
    Ok(Ok(()))
}

/// S22: whoever was signed in as this user is not any more, and no token of theirs is worth anything.
pub(super) async fn set_password(
    app: &AppState,
    caller: &Caller,
    reach: Reach,
    id: UserId,
    password: Secret,
) -> ApiResult<HttpResponse> {
    let user = app.store.read(move |conn| reach.find(conn, id)).await?.ok_or(Code::NotFound)?;
    check_password(password.expose(), &user.name, user.email.as_deref())?;
    let hash = app.door.hash(password).await?;
    let (actor, now) = (caller.actor(), clock::unix());
    let store = move |conn: &mut DbConn| -> QueryResult<bool> {
        let Some(user) = reach.find(conn, id)? else { return Ok(false) };
        api_tokens::delete_all(conn, id)?;
        store_password(conn, &actor, &user, &hash, None, now)
    };
    if !app.store.write(store).await? {
        return Err(Code::NotFound.into());
    }
    app.gate.forget_all();
    Ok(HttpResponse::NoContent().finish())
}

/// S22: with a new password all sessions end, but for the one at hand. `false`: the user is gone.
pub(super) fn store_password(
    conn: &mut DbConn,
    actor: &Actor,
    user: &User,
    hash: &str,
    except: Option<&str>,
    now: Timestamp,
) -> QueryResult<bool> {
    if !users::set_password_hash(conn, user.id, hash)? {
        return Ok(false);
    }
    sessions::delete_all(conn, user.id, except)?;
    let deed = Deed::new("user.set_password", user.id).of(user.scope().user());
    audit::record(conn, actor, &deed, now).map(|()| true)
}

/// Chooses the accounts of somebody who is still as `If-Match` says.
pub(super) async fn set_accounts(
    app: &AppState,
    caller: &Caller,
    request: &HttpRequest,
    reach: Reach,
    id: UserId,
    chosen: Vec<AccountId>,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let choose = move |conn: &mut DbConn| -> QueryResult<ApiResult<PersonView>> {
        let Some(user) = reach.find(conn, id)? else { return Ok(Err(Code::NotFound.into())) };
        let Some(employer) = user.employer else { return Ok(Err(Code::WrongState.into())) };
        let before = PersonView::read(conn, user)?;
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        users::set_accounts(conn, &Scope::owner(employer), id, &chosen)?;
        users::update(conn, id, &UserChange::default(), now)?;
        let Some(changed) = users::find(conn, id)? else { return Ok(Err(Code::Internal.into())) };
        let after = PersonView::read(conn, changed)?;
        let deed = Deed::new("user.set_accounts", id).of(employer).before(&before).after(&after);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(after))
    };
    let view = app.store.write(choose).await.map_err(ApiError::missing("accounts"))??;
    app.gate.forget_all();
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Takes the second factor of somebody who lost it away.
pub(super) async fn remove_second_factor(
    app: &AppState,
    caller: &Caller,
    reach: Reach,
    id: UserId,
) -> ApiResult<HttpResponse> {
    let (actor, now) = (caller.actor(), clock::unix());
    let remove = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        let Some(user) = reach.find(conn, id)? else { return Ok(Err(Code::NotFound.into())) };
        users::set_totp(conn, id, None)?;
        audit::record(conn, &actor, &Deed::new("user.remove_second_factor", id).of(user.scope().user()), now)?;
        Ok(Ok(()))
    };
    app.store.write(remove).await??;
    app.gate.forget_all();
    Ok(HttpResponse::NoContent().finish())
}

/// T13: everything of the user goes in one transaction, while none of the accounts runs.
pub(super) async fn delete(app: &AppState, caller: &Caller, reach: Reach, id: UserId) -> ApiResult<HttpResponse> {
    let owned = move |conn: &mut DbConn| match reach.find(conn, id)? {
        Some(_) => accounts::list(conn, &Scope::owner(id)).map(Some),
        None => Ok(None),
    };
    let owned = app.store.read(owned).await?.ok_or(Code::NotFound)?;
    let (actor, now) = (caller.actor(), clock::unix());
    let delete = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        let Some(user) = reach.find(conn, id)? else { return Ok(Err(Code::NotFound.into())) };
        if users::is_last_admin(conn, id)? {
            return Ok(Err(Code::LastAdmin.into()));
        }
        let tenant = user.scope().user();
        let before = PersonView::read(conn, user)?;
        users::delete(conn, id)?;
        audit::record(conn, &actor, &Deed::new("user.delete", id).of(tenant).before(before), now)?;
        Ok(Ok(()))
    };
    without_accounts(app, owned.into_iter().map(|account| account.id).collect(), delete).await??;
    app.gate.forget_all();
    Ok(HttpResponse::NoContent().finish())
}

/// Runs the job while none of these accounts runs.
async fn without_accounts<T: Send + 'static>(
    app: &AppState,
    accounts: Vec<AccountId>,
    job: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
) -> ApiResult<T> {
    Ok(app.registry.get().send(WithoutAccounts { accounts, job: Box::new(job) }).await??)
}
