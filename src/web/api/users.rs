//! `/api/v1/users`: everybody with a login, for the administrator.

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
        input::{Body, Change, Few, Id, Query, SecretText, Whole, given},
        name::{Email, UserName},
        page::Page,
    },
    people::{
        self, CHOSEN, ChosenAccount, ChosenAccounts, NewPassword, NewPerson, PersonQuery, PersonView, Reach,
        account_ids,
    },
};
use crate::{access::role::Role, ids::UserId, store::users::UserChange};

/// Somebody to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "alice", "password": "a password of her own", "role": "owner", "email": "alice@example.com"}))]
pub struct NewUserBody {
    name: UserName,
    /// At least 10 characters, and none of those that many people have.
    password: SecretText<1024>,
    role: Role,
    /// For operators and viewers: whose accounts they work on.
    employer_id: Option<Whole<1, { i64::MAX }>>,
    email: Option<Email>,
    /// For operators and viewers: the accounts of the employer that they see.
    #[serde(default)]
    accounts: Few<ChosenAccount, { CHOSEN }>,
}

/// What changes about somebody; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"active": false}))]
pub struct UserPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<UserName>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    role: Option<Role>,
    #[serde(default)]
    email: Change<Email>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    active: Option<bool>,
}

/// Everybody with a login, in the order they were made.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PersonQuery), responses((status = 200, body = Page<PersonView>)))]
pub async fn list(query: Query<PersonQuery>, app: Data<AppState>) -> ApiResult<Json<Page<PersonView>>> {
    people::list(&app, Reach::Everybody, query.0).await
}

/// Makes a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUserBody, responses(
    (status = 201, body = PersonView),
    (status = 404, body = ErrorBody, description = "A chosen account is not the employer's"),
))]
pub async fn create(caller: Caller, body: Body<NewUserBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let ask = body.0;
    let new = NewPerson {
        name: ask.name.into_string(),
        password: ask.password.into_secret(),
        role: ask.role,
        employer: ask.employer_id.map(|id| UserId(id.get())),
        email: ask.email.map(Email::into_string),
        accounts: account_ids(ask.accounts),
    };
    people::create(&app, &caller, new).await
}

/// One user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = i64, Path)), responses((status = 200, body = PersonView)))]
pub async fn get(id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    people::get(&app, Reach::Everybody, UserId(id.0)).await
}

/// Changes a user. Who is deactivated is signed out everywhere; their tokens are removed and their accounts disabled, and an activation
/// brings neither back.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", request_body = UserPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses(
        (status = 200, body = PersonView),
        (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile"),
    ))]
pub async fn update(
    caller: Caller,
    request: HttpRequest,
    id: Id<i64>,
    body: Body<UserPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let UserPatch { name, role, email, active } = body.0;
    let change = UserChange {
        name: name.map(UserName::into_string),
        role,
        email: email.map(Email::into_string).into_option(),
        active,
        ..UserChange::default()
    };
    people::change(&app, &caller, &request, Reach::Everybody, UserId(id.0), change).await
}

/// Removes a user with everything that is theirs: accounts, conversations, rules, the people who work for them.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    people::delete(&app, &caller, Reach::Everybody, UserId(id.0)).await
}

/// Gives a user a new password, signs them out everywhere and removes their tokens.
#[utoipa::path(put, path = "/api/v1/users/{id}/password", tag = "users", request_body = NewPassword, params(("id" = i64, Path)), responses((status = 204, description = "Changed")))]
pub async fn set_password(
    caller: Caller,
    id: Id<i64>,
    body: Body<NewPassword>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    people::set_password(&app, &caller, Reach::Everybody, UserId(id.0), body.0.password.into_secret()).await
}

/// Chooses the accounts that an operator or a viewer works on.
#[utoipa::path(put, path = "/api/v1/users/{id}/accounts", tag = "users", request_body = ChosenAccounts,
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
    people::set_accounts(&app, &caller, &request, Reach::Everybody, UserId(id.0), account_ids(body.0.accounts)).await
}

/// Takes the second factor of a user away, who lost it.
#[utoipa::path(delete, path = "/api/v1/users/{id}/second-factor", tag = "users", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn remove_second_factor(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    people::remove_second_factor(&app, &caller, Reach::Everybody, UserId(id.0)).await
}
