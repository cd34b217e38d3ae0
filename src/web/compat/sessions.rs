//! `/login`, `/logout`, `/verify` and `/change-admin-password`. Refusals have the shape of all refusals, and `success: false` beside it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    AppState,
    api::{
        me::change_password,
        sessions::{SignIn, begin, prove, sign_out},
    },
    error::{ApiResult, ErrorBody, language_of},
    gate::{Caller, Visitor},
    input::{Body, Line, NoBody, SecretText},
    name::Email,
};
use super::said;
use crate::{access::role::Role, ids::UserId, store::users::User};

/// Whose clients look at `success`.
const ANSWERS_WITH_SUCCESS: [&str; 4] = ["/login", "/logout", "/verify", "/change-admin-password"];

/// Whether refusals at this address say `success: false`.
pub(in crate::web) fn answers_with_success(path: &str) -> bool {
    ANSWERS_WITH_SUCCESS.contains(&path)
}

/// A name or an address with a password, or an address with a code from a letter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "alice", "password": "a password of her own"}))]
pub struct LoginBody {
    username: Option<Line<1, 254>>,
    email: Option<Email>,
    password: Option<SecretText<1024>>,
    verification_code: Option<Line<6, 6>>,
    /// Of the second factor, where one is set.
    totp: Option<Line<6, 6>>,
}

/// Somebody came in.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginView {
    #[schema(example = true)]
    success: bool,
    /// For `Authorization: Bearer`.
    token: String,
    message: &'static str,
    #[schema(value_type = i64)]
    user_id: UserId,
    username: String,
    is_admin: bool,
}

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoneView {
    #[schema(example = true)]
    success: bool,
    message: &'static str,
}

/// Whose token it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedView {
    #[schema(example = true)]
    authenticated: bool,
    #[schema(value_type = i64)]
    user_id: UserId,
    username: String,
    is_admin: bool,
}

/// The password that was, and the one to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current_password": "the password until now", "new_password": "another of their own"}))]
pub struct AdminPasswordBody {
    current_password: SecretText<1024>,
    new_password: SecretText<1024>,
}

impl From<LoginBody> for SignIn {
    fn from(body: LoginBody) -> Self {
        let LoginBody { username, email, password, verification_code, totp } = body;
        Self { username, email, password, verification_code, totp, cookie: false }
    }
}

fn is_admin(user: &User) -> bool {
    user.role == Role::Admin
}

/// Signs in.
#[utoipa::path(post, path = "/login", tag = "older clients", request_body = LoginBody, responses(
    (status = 200, body = LoginView),
    (status = 401, body = ErrorBody, description = "The name, the password or the code is wrong; or the second factor is missing"),
))]
pub async fn login(
    visitor: Visitor,
    request: HttpRequest,
    body: Body<LoginBody>,
    app: Data<AppState>,
) -> ApiResult<Json<LoginView>> {
    let login = prove(&app, &visitor, body.0.into()).await?;
    let began = begin(&app, &visitor, &request, login).await?;
    Ok(Json(LoginView {
        success: true,
        token: began.signed,
        message: said(language_of(request.headers()), "登录成功", "Signed in"),
        user_id: began.user.id,
        is_admin: is_admin(&began.user),
        username: began.user.name,
    }))
}

/// Signs out.
#[utoipa::path(post, path = "/logout", tag = "older clients", responses((status = 200, body = DoneView)))]
pub async fn logout(caller: Caller, request: HttpRequest, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let message = said(caller.language, "已退出登录", "Signed out");
    let mut response = sign_out(&app, &caller, &request, HttpResponse::Ok()).await?;
    Ok(response.json(DoneView { success: true, message }))
}

/// Whose token it is.
#[utoipa::path(get, path = "/verify", tag = "older clients", responses((status = 200, body = VerifiedView)))]
pub async fn verify(caller: Caller) -> Json<VerifiedView> {
    let user = caller.user;
    Json(VerifiedView { authenticated: true, user_id: user.id, is_admin: is_admin(&user), username: user.name })
}

/// Changes an administrator's own password. Everywhere else they are signed out.
#[utoipa::path(post, path = "/change-admin-password", tag = "older clients", request_body = AdminPasswordBody, responses((status = 200, body = DoneView)))]
pub async fn change_admin_password(
    caller: Caller,
    body: Body<AdminPasswordBody>,
    app: Data<AppState>,
) -> ApiResult<Json<DoneView>> {
    let AdminPasswordBody { current_password, new_password } = body.0;
    change_password(&app, &caller, "current_password", current_password.into_secret(), new_password.into_secret())
        .await?;
    Ok(Json(DoneView { success: true, message: said(caller.language, "密码已修改", "The password is changed") }))
}
