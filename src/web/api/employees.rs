//! `/api/v1/employees`: an owner's own operators and viewers. Other owners' people do not exist here, and nobody is made an admin or an
//! owner.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiResult, ErrorBody},
        gate::Caller,
        input::{Body, Change, Few, Id, Query, SecretText, given},
        name::{Email, UserName},
        page::Page,
    },
    people::{
        self, CHOSEN, ChosenAccount, ChosenAccounts, NewPassword, NewPerson, PersonQuery, PersonView, Reach,
        account_ids,
    },
};
use crate::{access::role::Role, ids::UserId, store::users::UserChange};

/// What an employee may be.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Post {
    Operator,
    Viewer,
}

impl From<Post> for Role {
    fn from(post: Post) -> Self {
        match post {
            Post::Operator => Self::Operator,
            Post::Viewer => Self::Viewer,
        }
    }
}

/// Somebody to work on one's accounts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "alice", "password": "a password of her own", "role": "operator", "email": "alice@example.com"}))]
pub struct NewEmployee {
    name: UserName,
    /// At least 10 characters, and none of those that many people have.
    password: SecretText<1024>,
    role: Post,
    email: Option<Email>,
    /// Of one's own accounts those that they see.
    #[serde(default)]
    accounts: Few<ChosenAccount, { CHOSEN }>,
}

/// What changes about somebody; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"active": false}))]
pub struct EmployeePatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<UserName>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    role: Option<Post>,
    #[serde(default)]
    email: Change<Email>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    active: Option<bool>,
}

/// Who works for you, in the order they were made.
#[utoipa::path(get, path = "/api/v1/employees", tag = "employees", params(PersonQuery), responses((status = 200, body = Page<PersonView>)))]
pub async fn list(caller: Caller, query: Query<PersonQuery>, app: Data<AppState>) -> ApiResult<Json<Page<PersonView>>> {
    people::list(&app, Reach::Employees(caller.whole()?), query.0).await
}

/// Makes somebody who works for you.
#[utoipa::path(post, path = "/api/v1/employees", tag = "employees", request_body = NewEmployee, responses(
    (status = 201, body = PersonView),
    (status = 404, body = ErrorBody, description = "A chosen account is not yours"),
))]
pub async fn create(caller: Caller, body: Body<NewEmployee>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let ask = body.0;
    let new = NewPerson {
        name: ask.name.into_string(),
        password: ask.password.into_secret(),
        role: ask.role.into(),
        employer: Some(caller.whole()?.user()),
        email: ask.email.map(Email::into_string),
        accounts: account_ids(ask.accounts),
    };
    people::create(&app, &caller, new).await
}

/// One of those who work for you.
#[utoipa::path(get, path = "/api/v1/employees/{id}", tag = "employees", params(("id" = i64, Path)), responses((status = 200, body = PersonView)))]
pub async fn get(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    people::get(&app, Reach::Employees(caller.whole()?), UserId(id.0)).await
}

/// Changes somebody who works for you. Who is deactivated is signed out everywhere, and their tokens are removed.
#[utoipa::path(patch, path = "/api/v1/employees/{id}", tag = "employees", request_body = EmployeePatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses(
        (status = 200, body = PersonView),
        (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile"),
    ))]
pub async fn update(
    caller: Caller,
    request: HttpRequest,
    id: Id<i64>,
    body: Body<EmployeePatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let EmployeePatch { name, role, email, active } = body.0;
    let change = UserChange {
        name: name.map(UserName::into_string),
        role: role.map(Role::from),
        email: email.map(Email::into_string).into_option(),
        active,
        ..UserChange::default()
    };
    people::change(&app, &caller, &request, Reach::Employees(caller.whole()?), UserId(id.0), change).await
}

/// Removes somebody who worked for you.
#[utoipa::path(delete, path = "/api/v1/employees/{id}", tag = "employees", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    people::delete(&app, &caller, Reach::Employees(caller.whole()?), UserId(id.0)).await
}

/// Gives somebody who works for you a new password, signs them out everywhere and removes their tokens.
#[utoipa::path(put, path = "/api/v1/employees/{id}/password", tag = "employees", request_body = NewPassword, params(("id" = i64, Path)), responses((status = 204, description = "Changed")))]
pub async fn set_password(
    caller: Caller,
    id: Id<i64>,
    body: Body<NewPassword>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    people::set_password(&app, &caller, Reach::Employees(caller.whole()?), UserId(id.0), body.0.password.into_secret())
        .await
}

/// Chooses the accounts that an operator or a viewer works on.
#[utoipa::path(put, path = "/api/v1/employees/{id}/accounts", tag = "employees", request_body = ChosenAccounts,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses(
        (status = 200, body = PersonView),
        (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile"),
    ))]
pub async fn set_accounts(
    caller: Caller,
    request: HttpRequest,
    id: Id<i64>,
    body: Body<ChosenAccounts>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let reach = Reach::Employees(caller.whole()?);
    people::set_accounts(&app, &caller, &request, reach, UserId(id.0), account_ids(body.0.accounts)).await
}

/// Takes the second factor of somebody away who lost it.
#[utoipa::path(delete, path = "/api/v1/employees/{id}/second-factor", tag = "employees", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn remove_second_factor(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    people::remove_second_factor(&app, &caller, Reach::Employees(caller.whole()?), UserId(id.0)).await
}
