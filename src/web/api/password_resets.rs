//! `/api/v1/password-resets`: a new password for who forgot theirs and has a code from a letter. Nothing here tells whether an address is
//! known, and nobody is signed in by it.

use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult},
        gate::Visitor,
        input::{Body, Line, SecretText},
        name::Email,
        setup::check_password,
    },
    people::store_password,
    registrations::wrong_code,
};
use crate::{
    access::code::{LIFE, Purpose},
    ids::Timestamp,
    store::{
        DbConn, QueryResult,
        audit::Actor,
        email_codes::{self, Outcome},
        users::{self, Login},
    },
    telemetry::clock,
};

/// Who forgot their password, and the one to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "alice@example.com", "verification_code": "123456", "new_password": "another of her own"}))]
pub struct PasswordReset {
    email: Email,
    /// From the letter that was asked for with the purpose `reset`.
    verification_code: Line<6, 6>,
    /// At least 10 characters, and none of those that many people have.
    new_password: SecretText<1024>,
}

/// Replaces a forgotten password. Everywhere one is signed out, and signs in with the new one; a second factor is still asked for, and
/// tokens of one's programs stay.
#[utoipa::path(post, path = "/api/v1/password-resets", tag = "password resets", request_body = PasswordReset, responses((status = 204, description = "Replaced")))]
pub async fn create(visitor: Visitor, body: Body<PasswordReset>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    replace(&app, &visitor, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Puts the new password in the place of the forgotten one.
pub(in crate::web) async fn replace(app: &AppState, visitor: &Visitor, ask: PasswordReset) -> ApiResult<()> {
    let PasswordReset { email, verification_code, new_password } = ask;
    check(new_password.expose(), "", &email)?;
    app.door.attempt(&email, visitor.address)?;
    let wanted = email.to_string();
    let login = app.store.read(move |conn| users::find_login_by_email(conn, &wanted)).await?;
    let weak = login.and_then(|login| check(new_password.expose(), &login.user.name, &email).err());
    // Also where nobody has the address: the time of the answer must not tell.
    let hash = app.door.hash(new_password.into_secret()).await?;
    let email = email.into_string();
    let code = app.code_hash(&email, Purpose::Reset, &verification_code);
    let reset = Reset { email: email.clone(), code, hash, weak, now: clock::unix() };
    let (by, address) = (visitor.clone(), visitor.address);
    app.store.write(move |conn| reset.store(conn, &by)).await??;
    app.door.succeeded(&email, address);
    app.gate.forget_all();
    Ok(())
}

fn check(password: &str, name: &str, email: &str) -> ApiResult<()> {
    check_password(password, name, Some(email)).map_err(|refusal| refusal.at("new_password"))
}

/// A password that is to take the place of another, for who has this code.
struct Reset {
    email: String,
    code: Vec<u8>,
    hash: String,
    /// The password has the name of its user in it, or the like.
    weak: Option<ApiError>,
    now: Timestamp,
}

impl Reset {
    /// S36: that the password does not go with a name is told only to who has the letter. They keep their code and take another one.
    fn store(self, conn: &mut DbConn, visitor: &Visitor) -> QueryResult<ApiResult<()>> {
        let Self { email, code, hash, weak, now } = self;
        if email_codes::take_try(conn, &email, Purpose::Reset, &code, now)? != Outcome::Right {
            return Ok(Err(wrong_code()));
        }
        // S24: who is not active is told what everybody is told whose code is wrong.
        let login = users::find_login_by_email(conn, &email)?.filter(|login| login.user.active);
        let Some(Login { user, .. }) = login else { return Ok(Err(wrong_code())) };
        if let Some(refusal) = weak {
            email_codes::put(conn, &email, Purpose::Reset, &code, now, now + LIFE)?;
            return Ok(Err(refusal));
        }
        let actor = Actor { id: Some(user.id), ..visitor.actor(&user.name) };
        store_password(conn, &actor, &user, &hash, None, now).map(|_| Ok(()))
    }
}
