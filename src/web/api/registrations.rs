//! `/api/v1/registrations` and `/api/v1/email-codes`: how strangers become users, where the administrator lets them, and how codes are sent
//! with which users come in or take a new password. Nothing here tells whether an address is known.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, ErrorBody, Language, Said, language_of},
        gate::Visitor,
        input::{Body, Line, SecretText},
        letters::{MailServer, Wanted},
        name::{Email, UserName},
        setup::check_password,
    },
    people::insert_named,
    sessions::Me,
};
use crate::{
    access::{
        code::{LIFE, Purpose},
        role::Role,
    },
    ids::Timestamp,
    store::{
        DbConn, QueryResult,
        audit::{self, Actor, Deed},
        email_codes::{self, Outcome},
        settings::Registration,
        users::{self, NewUser},
    },
    telemetry::{clock, modules::Module},
};

/// What a code is wanted for.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodeFor {
    Register,
    Login,
    /// For a new password, see `POST /api/v1/password-resets`.
    Reset,
}

impl From<CodeFor> for Purpose {
    fn from(wanted: CodeFor) -> Self {
        match wanted {
            CodeFor::Register => Self::Register,
            CodeFor::Login => Self::Login,
            CodeFor::Reset => Self::Reset,
        }
    }
}

/// To whom, and what for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "alice@example.com", "purpose": "login"}))]
pub struct CodeWanted {
    email: Email,
    purpose: CodeFor,
}

/// A stranger who wants to be a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "alice", "email": "alice@example.com", "password": "a password of her own", "verification_code": "123456"}))]
pub struct NewRegistration {
    username: UserName,
    email: Email,
    /// At least 10 characters, and none of those that many people have.
    password: SecretText<1024>,
    /// From the letter.
    verification_code: Line<6, 6>,
}

/// Sends a code by e-mail, if there is reason to. The answer is the same whether or not there is.
#[utoipa::path(post, path = "/api/v1/email-codes", tag = "registrations", request_body = CodeWanted, responses(
    (status = 202, description = "Whoever may have a code gets one, good for ten minutes"),
    (status = 403, body = ErrorBody, description = "Registration is closed"),
))]
pub async fn send_code(
    visitor: Visitor,
    request: HttpRequest,
    body: Body<CodeWanted>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    send(&app, &visitor, body.0, language_of(request.headers())).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// The same for a page, which knows in which language the letter is to be.
pub(in crate::web) async fn send(
    app: &AppState,
    visitor: &Visitor,
    ask: CodeWanted,
    language: Language,
) -> ApiResult<()> {
    let CodeWanted { email, purpose } = ask;
    app.door.letter(&email, visitor.address)?;
    let read = |conn: &mut DbConn| Ok((Registration::load(conn)?, MailServer::load(conn)?.is_some()));
    let (registration, has_mail) = app.store.read(read).await?;
    if matches!(purpose, CodeFor::Register) && !registration.enabled {
        return Err(Code::RegistrationClosed.into());
    }
    if !has_mail {
        return Err(ApiError::absent(Module::Mail));
    }
    app.letters.ask(Wanted { email, purpose: purpose.into(), language })
}

/// Makes oneself a user, with a code that was sent by e-mail.
#[utoipa::path(post, path = "/api/v1/registrations", tag = "registrations", request_body = NewRegistration, responses(
    (status = 201, body = Me),
    (status = 403, body = ErrorBody, description = "Registration is closed"),
))]
pub async fn create(visitor: Visitor, body: Body<NewRegistration>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let me = admit(&app, &visitor, body.0).await?;
    Ok(HttpResponse::Created().json(me))
}

/// Makes the stranger a user.
pub(in crate::web) async fn admit(app: &AppState, visitor: &Visitor, ask: NewRegistration) -> ApiResult<Me> {
    if !app.store.read(Registration::load).await?.enabled {
        return Err(Code::RegistrationClosed.into());
    }
    check_password(ask.password.expose(), &ask.username, Some(&ask.email))?;
    app.door.attempt(&ask.email, visitor.address)?;
    let password_hash = app.door.hash(ask.password.into_secret()).await?;
    let email = ask.email.into_string();
    let code = app.code_hash(&email, Purpose::Register, &ask.verification_code);
    let (actor, now) = (visitor.actor(&ask.username), clock::unix());
    let new = NewUser {
        name: ask.username.into_string(),
        password_hash,
        role: Role::Owner,
        employer: None,
        email: Some(email.clone()),
        created_at: now,
    };
    let me = app.store.write(move |conn| register(conn, &actor, &new, &code, now)).await??;
    app.door.succeeded(&email, visitor.address);
    Ok(me)
}

/// Said also where there never was one.
pub(super) fn wrong_code() -> ApiError {
    let said = Said::new("验证码不正确或已过期", "the code is wrong or has expired");
    ApiError::field("verification_code", said)
}

/// S36: that a name is taken is told only to who has the letter. They keep their code and take another name.
fn register(
    conn: &mut DbConn,
    actor: &Actor,
    new: &NewUser,
    code: &[u8],
    now: Timestamp,
) -> QueryResult<ApiResult<Me>> {
    let email = new.email.as_deref().unwrap_or_default();
    if email_codes::take_try(conn, email, Purpose::Register, code, now)? != Outcome::Right {
        return Ok(Err(wrong_code()));
    }
    let id = match insert_named(conn, new, "username")? {
        Ok(id) => id,
        Err(refusal) => {
            email_codes::put(conn, email, Purpose::Register, code, now, now + LIFE)?;
            return Ok(Err(refusal));
        }
    };
    let Some(user) = users::find(conn, id)? else { return Ok(Err(Code::Internal.into())) };
    let me = Me::from(&user);
    audit::record(conn, actor, &Deed::new("user.create", id).of(id).after(&me), now)?;
    Ok(Ok(me))
}
