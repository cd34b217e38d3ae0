//! The first start: nobody can come in yet, so the server prints a link that can be used once, and whoever opens it becomes the first
//! administrator. Until then nothing else answers but whether the server is well.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AppState,
    api::sessions::{Began, Me, begin},
    error::{ApiError, ApiResult, Code, Language, Said},
    gate::Visitor,
    input::{Body, Line, SecretText},
    name::UserName,
};
use crate::{
    access::{
        password::{self, PasswordFault},
        role::Role,
        token,
    },
    store::{
        DbConn, QueryResult, Secret,
        audit::{self, Actor, Deed},
        users::{self, Login, NewUser},
    },
    telemetry::clock,
};

/// The token of the link, while there is one. It lives in memory: every start prints a new one.
#[derive(Default)]
pub struct Setup(Mutex<Option<String>>);

impl Setup {
    /// Makes the link's token. A former one is void.
    pub fn open(&self) -> String {
        let token = token::ticket(rand::random());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        token
    }

    /// Nobody may use it any more.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether this is the token of the present link.
    pub fn fits(&self, given: &str) -> bool {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().is_some_and(|token| token::same(token.as_bytes(), given.as_bytes()))
    }
}

/// The first administrator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "of the link that the server printed", "username": "admin", "password": "a password of their own"}))]
pub struct SetUp {
    /// From the link that the server printed.
    token: Line<1, 128>,
    username: UserName,
    password: SecretText<1024>,
}

/// The first administrator, signed in by cookie.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetUpView {
    csrf_token: String,
    user: Me,
}

/// Makes the first administrator and signs it in. Works once, with the token of the printed link.
#[utoipa::path(post, path = "/api/v1/setup", tag = "setup", request_body = SetUp, responses(
    (status = 201, body = SetUpView),
    (status = 404, body = super::error::ErrorBody, description = "The link is void, or was used already"),
))]
pub async fn set_up(
    visitor: Visitor,
    request: HttpRequest,
    body: Body<SetUp>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let began = begin_system(&app, &visitor, &request, body.0).await?;
    let csrf_token = app.gate.csrf(&began.session.id);
    let mut response = HttpResponse::Created();
    response.cookie(began.cookie(&app, &request));
    Ok(response.json(SetUpView { csrf_token, user: Me::from(&began.user) }))
}

/// Makes the first administrator, whose session begins with it.
pub(super) async fn begin_system(
    app: &AppState,
    visitor: &Visitor,
    request: &HttpRequest,
    ask: SetUp,
) -> ApiResult<Began> {
    if app.gate.is_set_up() || !app.setup.fits(&ask.token) {
        app.door.attempt_from(visitor.address)?;
        return Err(Code::SetupDone.into());
    }
    // At once, as the gate does it for the others.
    if app.health.is_database_down() {
        return Err(Code::DatabaseUnavailable.into());
    }
    check_password(ask.password.expose(), &ask.username, None)?;
    let hash = app.door.hash(ask.password.into_secret()).await?;
    let actor = visitor.actor(&ask.username);
    let login = make_admin(app, actor, ask.username.into_string(), hash).await?;
    app.setup.close();
    app.gate.note_set_up(true);
    begin(app, visitor, request, login).await
}

/// At the start: looks for an administrator; where there is none, makes one from the password file, or prints the link.
pub async fn prepare(app: &AppState, address: SocketAddr) -> anyhow::Result<()> {
    let has_admin = app.store.read(users::has_admin).await?;
    let file = &app.settings.setup.admin_password_file;
    if !has_admin && !file.as_os_str().is_empty() {
        let name = UserName::parse(&app.settings.setup.admin_name)
            .map_err(|said| anyhow!("setup.admin_name {}", said.in_language(Language::English)))?;
        make_from_file(app, name, file).await.with_context(|| format!("cannot use {}", file.display()))?;
    } else if !has_admin {
        let token = app.setup.open();
        // Not a log line: whoever reads logs must not become administrator.
        let base = app.settings.public_url(address);
        let _ = writeln!(std::io::stderr(), "\nSet-up link, good once: {base}/setup?token={token}\n");
        return Ok(());
    }
    app.gate.note_set_up(true);
    Ok(())
}

async fn make_from_file(app: &AppState, name: UserName, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
    password::check(secret.expose(), &name, None)?;
    let hash = app.door.hash(secret).await.map_err(|_| anyhow!("the password could not be hashed"))?;
    make_admin(app, Actor::system(), name.into_string(), hash).await.map_err(|error| anyhow!("{error}"))?;
    Ok(())
}

/// Refuses a password that the policy refuses, by its field.
pub(in crate::web) fn check_password(text: &str, name: &str, email: Option<&str>) -> ApiResult<()> {
    password::check(text, name, email).map_err(|fault| {
        ApiError::field("password", Said::new(weakness(fault), fault.to_string())).with("reason", fault.code())
    })
}

fn weakness(fault: PasswordFault) -> &'static str {
    match fault {
        PasswordFault::TooShort => "密码太短：至少 10 个字符",
        PasswordFault::TooLong => "密码太长：最多 1024 字节",
        PasswordFault::Common => "密码过于常见，很容易被猜中",
        PasswordFault::Repeated => "密码只是重复相同的字符",
        PasswordFault::Sequence => "密码是键盘或字母表上的连续字符",
        PasswordFault::DigitsOnly => "密码不能只有数字",
        PasswordFault::ContainsName => "密码不能包含用户名或邮箱",
    }
}

/// Two who open the link at the same time: one of them is the first.
async fn make_admin(app: &AppState, actor: Actor, name: String, password_hash: String) -> ApiResult<Login> {
    let now = clock::unix();
    let new = NewUser { name, password_hash, role: Role::Admin, employer: None, email: None, created_at: now };
    let make = move |conn: &mut DbConn| -> QueryResult<ApiResult<Login>> {
        if users::has_admin(conn)? {
            return Ok(Err(Code::SetupDone.into()));
        }
        let Some(id) = users::insert(conn, &new)? else {
            return Ok(Err(ApiError::from(Code::NameTaken).at("username")));
        };
        let Some(login) = users::find_login(conn, id)? else { return Ok(Err(Code::Internal.into())) };
        audit::record(conn, &actor, &Deed::new("user.create", id).after(Me::from(&login.user)), now)?;
        Ok(Ok(login))
    };
    app.store.write(make).await?
}
