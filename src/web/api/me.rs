//! `/api/v1/me`: what a person does about themselves: address, password, second factor.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Change, Line, SecretText, given},
        name::Email,
        setup::check_password,
        time_zone::{self, LONGEST_NAME},
    },
    people::{check_is_free, store_password},
    sessions::{Me, prove_again, write_proved},
};
use crate::{
    access::totp,
    ids::UserId,
    store::{
        DbConn, QueryResult, Secret,
        audit::{self, Deed},
        users::{self, UserChange},
    },
    telemetry::clock,
};

/// What phones show beside a code.
const ISSUER: &str = "Yutang";

/// What changes about oneself; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "alice@example.com", "password": "the password", "time_zone": "Asia/Shanghai"}))]
pub struct MePatch {
    #[serde(default)]
    email: Change<Email>,
    /// The present one, once more, where `email` changes: codes that open the door go to the address.
    password: Option<SecretText<1024>>,
    /// By whose clock the panel tells moments and days: a name of the IANA, `Asia/Shanghai` until one is chosen. What the platform or an
    /// account does at certain hours stays on the platform's time (UTC+8), and so do figures that are kept by the day.
    #[serde(default, deserialize_with = "given")]
    #[schema(inline)]
    time_zone: Option<Line<1, { LONGEST_NAME }>>,
}

/// The password that was, and the one to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"old_password": "the password until now", "new_password": "another of her own"}))]
pub struct PasswordChange {
    old_password: SecretText<1024>,
    /// At least 10 characters, and none of those that many people have.
    new_password: SecretText<1024>,
}

/// A code from the phone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub struct FactorCode {
    code: Line<6, 6>,
}

/// The password, once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "the password"}))]
pub struct PasswordAgain {
    password: SecretText<1024>,
}

/// A second factor to be. It is shown this once; it counts when a code of it was confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub struct FactorView {
    /// To type into a phone.
    pub(in crate::web) secret: String,
    /// What the picture says.
    pub(in crate::web) otpauth_url: String,
    /// The picture, as SVG.
    pub(in crate::web) qr_svg: String,
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Me)))]
pub async fn get(caller: Caller) -> Json<Me> {
    Json(Me::from(&caller.user))
}

/// Changes one's e-mail address, or the clock one reads. For the address the password is asked for again: who found a session must not
/// make it theirs for ever.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = MePatch, responses((status = 200, body = Me)))]
pub async fn update(caller: Caller, body: Body<MePatch>, app: Data<AppState>) -> ApiResult<Json<Me>> {
    let MePatch { email, password, time_zone } = body.0;
    let time_zone = time_zone.map(|name| known_zone(&name)).transpose()?;
    let proved = match password {
        Some(password) => Some(prove_again(&app, &caller, "password", password.into_secret()).await?),
        None if email == Change::Keep => None,
        None => return Err(ApiError::field("password", Said::new("缺少必填字段", "missing field"))),
    };
    let change = UserChange { email: email.map(Email::into_string).into_option(), time_zone, ..UserChange::default() };
    let update = move |conn: &mut DbConn| change_me(conn, caller, &change);
    let me = match proved {
        Some(proved) => write_proved(&app, proved, update).await?,
        None => app.store.write(update).await??,
    };
    app.gate.forget_all();
    Ok(Json(me))
}

/// As it is spelt.
fn known_zone(name: &str) -> ApiResult<String> {
    let said = || Said::new("没有这个时区", "is no time zone that the IANA knows");
    let zone = time_zone::find(name).ok_or_else(|| ApiError::field("time_zone", said()))?;
    Ok(zone.iana_name().unwrap_or(name).to_owned())
}

fn change_me(conn: &mut DbConn, caller: Caller, change: &UserChange) -> QueryResult<ApiResult<Me>> {
    let (id, actor, now) = (caller.user.id, caller.actor(), clock::unix());
    if let Err(refusal) = check_is_free(conn, id, change)? {
        return Ok(Err(refusal));
    }
    let before = caller.user;
    users::update(conn, id, change, now)?;
    let Some(user) = users::find(conn, id)? else { return Ok(Err(Code::NotSignedIn.into())) };
    let after = Me::from(&user);
    let deed = Deed::new("user.update", id).of(user.scope().user()).before(Me::from(&before)).after(&after);
    audit::record(conn, &actor, &deed, now)?;
    Ok(Ok(after))
}

/// Changes one's password. Everywhere else one is signed out; tokens of one's programs stay.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "me", request_body = PasswordChange, responses((status = 204, description = "Changed")))]
pub async fn set_password(caller: Caller, body: Body<PasswordChange>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let PasswordChange { old_password, new_password } = body.0;
    change_password(&app, &caller, "old_password", old_password.into_secret(), new_password.into_secret()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `old` came in the field of this name.
pub(in crate::web) async fn change_password(
    app: &AppState,
    caller: &Caller,
    old_field: &'static str,
    old: Secret,
    new: Secret,
) -> ApiResult<()> {
    let user = caller.user.clone();
    check_password(new.expose(), &user.name, user.email.as_deref()).map_err(|refusal| refusal.at("new_password"))?;
    let proved = prove_again(app, caller, old_field, old).await?;
    let hash = app.door.hash(new).await?;
    let (actor, session, now) = (caller.actor(), caller.session.clone(), clock::unix());
    let store = move |conn: &mut DbConn| store_password(conn, &actor, &user, &hash, session.as_deref(), now).map(Ok);
    if !write_proved(app, proved, store).await? {
        return Err(Code::NotSignedIn.into());
    }
    app.gate.forget_all();
    Ok(())
}

/// Makes a second factor. It counts once a code of it is confirmed. The password is asked for again: who found a session must not lock
/// its person out.
#[utoipa::path(post, path = "/api/v1/me/second-factor", tag = "me", request_body = PasswordAgain, responses((status = 201, body = FactorView)))]
pub async fn make_second_factor(
    caller: Caller,
    body: Body<PasswordAgain>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let proved = prove_again(&app, &caller, "password", body.0.password.into_secret()).await?;
    let id = caller.user.id;
    let secret = totp::secret(rand::random());
    let sealed = app.store.keys().seal(&users::totp_place(id), &secret);
    let (actor, tenant, now) = (caller.actor(), caller.scope.user(), clock::unix());
    let put = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        if users::find(conn, id)?.is_none_or(|user| user.totp_confirmed) {
            return Ok(Err(Code::WrongState.into()));
        }
        users::set_totp(conn, id, Some(&sealed))?;
        audit::record(conn, &actor, &Deed::new("user.make_second_factor", id).of(tenant), now).map(Ok)
    };
    write_proved(&app, proved, put).await?;
    let otpauth_url = totp::otpauth_url(ISSUER, &caller.user.name, &secret);
    Ok(HttpResponse::Created().json(FactorView { qr_svg: picture(&otpauth_url)?, otpauth_url, secret }))
}

fn picture(text: &str) -> ApiResult<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| Code::Internal)?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(200, 200).build())
}

/// Shows that the phone has the second factor: from now on it is asked for.
#[utoipa::path(post, path = "/api/v1/me/second-factor/confirm", tag = "me", request_body = FactorCode, responses((status = 204, description = "Confirmed")))]
pub async fn confirm_second_factor(
    caller: Caller,
    body: Body<FactorCode>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    app.door.attempt_again(&caller)?;
    let (id, actor, now) = (caller.user.id, caller.actor(), clock::unix());
    let step = fitting_step(&app, id, &body.0.code).await?;
    let confirm = move |conn: &mut DbConn| -> QueryResult<bool> {
        if !users::confirm_totp(conn, id, step)? {
            return Ok(false);
        }
        let deed = Deed::new("user.confirm_second_factor", id).of(caller.scope.user());
        audit::record(conn, &actor, &deed, now).map(|()| true)
    };
    if !app.store.write(confirm).await? {
        return Err(wrong_code());
    }
    app.door.succeeded_again(&caller);
    app.gate.forget_all();
    Ok(HttpResponse::NoContent().finish())
}

/// The step whose code this is, of the factor that waits to be confirmed.
async fn fitting_step(app: &AppState, id: UserId, code: &str) -> ApiResult<i64> {
    let login = app.store.read(move |conn| users::find_login(conn, id)).await?.ok_or(Code::NotSignedIn)?;
    let (false, Some(sealed)) = (login.user.totp_confirmed, &login.totp_secret) else {
        return Err(Code::WrongState.into());
    };
    let secret = app.store.keys().open(&users::totp_place(id), sealed).map_err(|_| Code::Internal)?;
    totp::verify(secret.expose(), code, clock::unix(), login.totp_step).ok_or_else(wrong_code)
}

fn wrong_code() -> ApiError {
    ApiError::field("code", Said::new("验证码不正确", "the code is wrong"))
}

/// Takes one's second factor away.
#[utoipa::path(delete, path = "/api/v1/me/second-factor", tag = "me", request_body = PasswordAgain, responses((status = 204, description = "Removed")))]
pub async fn remove_second_factor(
    caller: Caller,
    body: Body<PasswordAgain>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let proved = prove_again(&app, &caller, "password", body.0.password.into_secret()).await?;
    let (id, actor, now) = (caller.user.id, caller.actor(), clock::unix());
    let remove = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        users::set_totp(conn, id, None)?;
        let deed = Deed::new("user.remove_second_factor", id).of(caller.scope.user());
        audit::record(conn, &actor, &deed, now).map(Ok)
    };
    write_proved(&app, proved, remove).await?;
    app.gate.forget_all();
    Ok(HttpResponse::NoContent().finish())
}
