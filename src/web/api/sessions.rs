//! `/api/v1/sessions`: coming in and going out. Unknown names, wrong passwords, wrong codes and switched-off users are told the same,
//! after the same work; who keeps guessing waits longer and longer, by name and by address.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder,
    cookie::Cookie,
    http::header::USER_AGENT,
    web::{Data, Json, block},
};
use log::warn;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::{self, COOKIE, Caller, Gate, Visitor},
    hygiene::ByHttps,
    input::{Body, Line, Query, SecretText},
    name::Email,
    page::{Page, PageNumber, Paging, PerPage},
    strangers::network,
};
use crate::{
    access::{
        code::Purpose,
        jwt::Claims,
        lockout::{Lockout, Throttle, Wait},
        password,
        role::Role,
        token, totp,
    },
    ids::{Timestamp, UserId},
    store::{
        DbConn, QueryResult, Secret,
        audit::{self, Actor, Deed},
        email_codes::{self, Outcome},
        sessions::{self, Session},
        users::{self, Login, User},
    },
    telemetry::clock,
};

/// Letters to one address: three at once, then one a minute.
// Not zero.
const LETTERS_TO_ONE: (NonZeroUsize, NonZeroUsize) = (NonZeroUsize::MIN, NonZeroUsize::new(3).unwrap());
/// Letters that one address on the network asks for: ten at once, then five a minute.
// Not zero.
const LETTERS_FROM_ONE: (NonZeroUsize, NonZeroUsize) = (NonZeroUsize::new(5).unwrap(), NonZeroUsize::new(10).unwrap());

/// Wrong tries for one name, from all addresses together, that lock nothing yet. Of one address six are enough.
const FREE_FOR_A_NAME: u32 = 50;

/// Slows guessing down, and bounds how many passwords are hashed at once and how many letters are asked for.
pub struct DoorKeeper {
    /// Loose: whoever fails for a name on purpose keeps its person out, and must come from many addresses for it.
    names: Mutex<Lockout>,
    /// People who prove again who they are, by session. A try of somebody else elsewhere does not count here.
    sessions: Mutex<Lockout>,
    addresses: Mutex<Lockout>,
    letters_to: Mutex<Throttle>,
    letters_from: Mutex<Throttle>,
    hashing: Arc<Semaphore>,
}

impl Default for DoorKeeper {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let throttle = |(per_minute, burst)| Mutex::new(Throttle::new(per_minute, burst));
        Self {
            names: Mutex::new(Lockout::with_free(FREE_FOR_A_NAME)),
            sessions: Mutex::default(),
            addresses: Mutex::default(),
            letters_to: throttle(LETTERS_TO_ONE),
            letters_from: throttle(LETTERS_FROM_ONE),
            hashing: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl DoorKeeper {
    /// S8: counts a try for this name from this address, or says how long to wait before the next one. The address goes first: one
    /// that is locked cannot lock names.
    pub fn attempt(&self, name: &str, address: IpAddr) -> ApiResult<()> {
        self.attempt_from(address)?;
        count(&self.names, &name.to_lowercase()).map_err(|until| locked(until, "name", address))
    }

    /// As [`DoorKeeper::attempt`], where there is no name.
    pub fn attempt_from(&self, address: IpAddr) -> ApiResult<()> {
        count(&self.addresses, &network(address).to_string()).map_err(|until| locked(until, "address", address))
    }

    /// As [`DoorKeeper::attempt`], for somebody who is signed in and proves again who they are.
    pub fn attempt_again(&self, caller: &Caller) -> ApiResult<()> {
        self.attempt_from(caller.address)?;
        count(&self.sessions, &again(caller)).map_err(|until| locked(until, "session", caller.address))
    }

    /// As [`DoorKeeper::succeeded`], after [`DoorKeeper::attempt_again`].
    pub fn succeeded_again(&self, caller: &Caller) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).succeeded(&again(caller));
        self.forgive_address(caller.address);
    }

    /// The try was a good one. An address gets only this one back: who knows one good password must not guess others for ever.
    pub fn succeeded(&self, name: &str, address: IpAddr) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).succeeded(&name.to_lowercase());
        self.forgive_address(address);
    }

    /// The try was neither good nor bad: it does not count.
    pub fn forgive(&self, name: &str, address: IpAddr) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).forgive(&name.to_lowercase());
        self.forgive_address(address);
    }

    fn forgive_address(&self, address: IpAddr) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).forgive(&network(address).to_string());
    }

    /// S9: whether another letter may be asked for.
    pub fn letter(&self, email: &str, address: IpAddr) -> ApiResult<()> {
        let now = Instant::now();
        let take = |throttle: &Mutex<Throttle>, key: &str| {
            throttle.lock().unwrap_or_else(PoisonError::into_inner).take(key, now)
        };
        take(&self.letters_from, &network(address).to_string())
            .and_then(|()| take(&self.letters_to, email))
            .map_err(|wait| ApiError::from(Code::TooManyRequests).retry_after(wait.seconds()))
    }

    /// Off the arbiters, and never more at once than there are cores.
    pub async fn verify(&self, secret: Secret, hash: String) -> ApiResult<bool> {
        let _place = self.hashing.acquire().await.map_err(|_| Code::Internal)?;
        block(move || password::verify(secret.expose(), &hash)).await.map_err(|_| Code::Internal.into())
    }

    /// As [`DoorKeeper::verify`].
    pub async fn hash(&self, secret: Secret) -> ApiResult<String> {
        let _place = self.hashing.acquire().await.map_err(|_| Code::Internal)?;
        block(move || password::hash(secret.expose(), &rand::random())).await.map_err(|_| Code::Internal.into())
    }
}

fn count(lockout: &Mutex<Lockout>, key: &str) -> Result<(), Wait> {
    lockout.lock().unwrap_or_else(PoisonError::into_inner).attempt(key, Instant::now())
}

fn again(caller: &Caller) -> String {
    format!("{} {}", caller.user.id, caller.session.as_deref().unwrap_or_default())
}

/// Guessing leaves a sign. The name is not written down: people type passwords there.
fn locked(until: Wait, what: &'static str, address: IpAddr) -> ApiError {
    warn!(class = "auth", locked = what, address:% = address; "too many wrong tries: no more for a while");
    ApiError::from(Code::TooManyTries).retry_after(until.seconds())
}

/// A name or an e-mail address, and how one proves to be that person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "alice", "password": "a password of her own"}))]
pub struct SignIn {
    pub(in crate::web) username: Option<Line<1, 254>>,
    pub(in crate::web) email: Option<Email>,
    pub(in crate::web) password: Option<SecretText<1024>>,
    /// Sent by e-mail; in place of a password.
    pub(in crate::web) verification_code: Option<Line<6, 6>>,
    /// Of the second factor, where one is set.
    pub(in crate::web) totp: Option<Line<6, 6>>,
    /// For browsers: the session comes as a cookie that scripts cannot read, and `token` stays empty.
    #[serde(default)]
    pub(in crate::web) cookie: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SessionsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// A session that has just begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedInView {
    /// For `Authorization: Bearer`; `null` where the session came as a cookie.
    pub(in crate::web) token: Option<String>,
    /// Goes into `X-CSRF-Token` of every changing request that is signed in by cookie.
    pub(in crate::web) csrf_token: String,
    pub(in crate::web) session: SessionView,
    pub(in crate::web) user: Me,
}

/// Who is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Me {
    #[schema(value_type = i64)]
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub email: Option<String>,
    /// Whether a second factor is asked for.
    pub second_factor: bool,
    /// By whose clock the panel tells moments; a name of the IANA.
    #[schema(example = "Asia/Shanghai")]
    pub time_zone: String,
}

impl From<&User> for Me {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            name: user.name.clone(),
            role: user.role,
            email: user.email.clone(),
            second_factor: user.totp_confirmed,
            time_zone: user.time_zone.clone(),
        }
    }
}

/// One place where somebody is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionView {
    pub(in crate::web) id: String,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    /// Written down every ten minutes at most.
    #[schema(value_type = i64)]
    pub(in crate::web) seen_at: Timestamp,
    /// Moves on while the session is used.
    #[schema(value_type = i64)]
    pub(in crate::web) expires_at: Timestamp,
    /// It ends then at the latest.
    #[schema(value_type = i64)]
    pub(in crate::web) ends_at: Timestamp,
    pub(in crate::web) address: String,
    pub(in crate::web) agent: String,
    /// Whether it is the one this request came with.
    pub(in crate::web) current: bool,
}

impl SessionView {
    fn new(session: Session, current: Option<&str>) -> Self {
        Self {
            current: current == Some(&*session.id),
            id: session.id,
            created_at: session.created_at,
            seen_at: session.seen_at,
            expires_at: session.expires_at,
            ends_at: session.ends_at,
            address: session.address,
            agent: session.agent,
        }
    }
}

/// Signs in by password, or by a code that was sent by e-mail.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = SignIn, responses(
    (status = 201, body = SignedInView),
    (status = 401, body = super::super::error::ErrorBody, description = "The name, the password or the code is wrong; or the second factor is missing"),
))]
pub async fn create(
    visitor: Visitor,
    request: HttpRequest,
    body: Body<SignIn>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let by_cookie = body.0.cookie;
    let began = sign_in(&app, &visitor, &request, body.0).await?;
    let mut response = HttpResponse::Created();
    if by_cookie {
        response.cookie(began.cookie(&app, &request));
    }
    Ok(response.json(SignedInView {
        token: (!by_cookie).then_some(began.signed),
        csrf_token: app.gate.csrf(&began.session.id),
        user: Me::from(&began.user),
        session: SessionView { current: true, ..SessionView::new(began.session, None) },
    }))
}

/// Finds out who it is and begins their session, or refuses.
pub(in crate::web) async fn sign_in(
    app: &AppState,
    visitor: &Visitor,
    request: &HttpRequest,
    ask: SignIn,
) -> ApiResult<Began> {
    let login = prove(app, visitor, ask).await?;
    begin(app, visitor, request, login).await
}

/// Whether the browser spoke HTTPS, as far as our own proxy tells, or because the address we are known by says so.
pub(in crate::web) fn came_by_https(app: &AppState, request: &HttpRequest) -> bool {
    app.settings.server.public_url.starts_with("https://")
        || request.extensions().get::<ByHttps>().is_some_and(|by_https| by_https.0)
}

/// Who somebody says they are.
enum Claim {
    /// A user name, or an e-mail address in its place.
    Name(String),
    Email(String),
}

/// How they prove it.
enum Proof {
    Password(Secret),
    Code { email: String, code: String },
}

impl Claim {
    fn text(&self) -> &str {
        let (Self::Name(text) | Self::Email(text)) = self;
        text
    }

    fn find(&self, conn: &mut DbConn) -> QueryResult<Option<Login>> {
        match self {
            Self::Name(name) => users::find_login_by_name(conn, name),
            Self::Email(email) => users::find_login_by_email(conn, email),
        }
    }
}

/// One name, one proof.
fn sort_out(ask: SignIn) -> ApiResult<(Claim, Proof, Option<String>)> {
    let claim = match (ask.username, ask.email) {
        (Some(name), None) => Claim::Name(name.into_string()),
        (None, Some(email)) => Claim::Email(email.into_string()),
        (None, None) | (Some(_), Some(_)) => {
            let said = Said::new("请填写用户名或邮箱其中之一", "give either a user name or an e-mail address");
            return Err(ApiError::field("username", said));
        }
    };
    let proof = match (ask.password, ask.verification_code, &claim) {
        (Some(password), None, _) => Proof::Password(password.into_secret()),
        (None, Some(code), Claim::Email(email)) => Proof::Code { email: email.clone(), code: code.into_string() },
        (None, Some(_), Claim::Name(_)) => {
            let said = Said::new("验证码须与邮箱一起使用", "a code goes with an e-mail address");
            return Err(ApiError::field("email", said));
        }
        (None, None, _) | (Some(_), Some(_), _) => {
            let said = Said::new("请填写密码或邮箱验证码其中之一", "give either a password or an e-mail code");
            return Err(ApiError::field("password", said));
        }
    };
    Ok((claim, proof, ask.totp.map(Line::into_string)))
}

/// Finds out who it is, or refuses: the same words after the same work, whatever was wrong.
pub(in crate::web) async fn prove(app: &AppState, visitor: &Visitor, ask: SignIn) -> ApiResult<Login> {
    let (claim, proof, totp) = sort_out(ask)?;
    let name = claim.text().to_owned();
    app.door.attempt(&name, visitor.address)?;
    let login = app.store.read(move |conn| claim.find(conn)).await?;
    let login = match proof {
        Proof::Password(password) => by_password(app, login, password).await?,
        Proof::Code { email, code } => by_code(app, login, email, &code, totp.is_some()).await?,
    };
    if let Err(refusal) = second_factor(app, &login, totp.as_deref()).await {
        if refusal.code() == Code::SecondFactorRequired {
            app.door.forgive(&name, visitor.address);
        }
        return Err(refusal);
    }
    app.door.succeeded(&name, visitor.address);
    Ok(login)
}

/// S24: who is not active is told what everybody is told whose password is wrong.
async fn by_password(app: &AppState, login: Option<Login>, password: Secret) -> ApiResult<Login> {
    let hash = login.as_ref().map_or_else(|| password::DUMMY.to_owned(), |login| login.password_hash.clone());
    let right = app.door.verify(password, hash).await?;
    login.filter(|login| right && login.user.active).ok_or_else(|| Code::WrongLogin.into())
}

/// How long a right code waits for the second factor that was not sent with it.
const SECOND_CHANCE: Duration = Duration::from_mins(2);

/// S7: a code is good once, for five tries, and never for who is not active.
async fn by_code(
    app: &AppState,
    login: Option<Login>,
    email: String,
    code: &str,
    has_second_factor: bool,
) -> ApiResult<Login> {
    let (hash, now) = (app.code_hash(&email, Purpose::Login, code), clock::unix());
    let waits = !has_second_factor && login.as_ref().is_some_and(|login| login.user.totp_confirmed);
    let take = move |conn: &mut DbConn| -> QueryResult<Outcome> {
        let outcome = email_codes::take_try(conn, &email, Purpose::Login, &hash, now)?;
        if outcome == Outcome::Right && waits {
            email_codes::put(conn, &email, Purpose::Login, &hash, now, now + SECOND_CHANCE)?;
        }
        Ok(outcome)
    };
    let right = app.store.write(take).await? == Outcome::Right;
    login.filter(|login| right && login.user.active).ok_or_else(|| Code::WrongLogin.into())
}

/// Somebody who is signed in proves again who they are. A wrong password counts as a try at the door, and `field` is named. What follows is
/// done by [`write_proved`].
pub(in crate::web) async fn prove_again(
    app: &AppState,
    caller: &Caller,
    field: &'static str,
    password: Secret,
) -> ApiResult<Login> {
    app.door.attempt_again(caller)?;
    let id = caller.user.id;
    let login = app.store.read(move |conn| users::find_login(conn, id)).await?.ok_or(Code::NotSignedIn)?;
    if !app.door.verify(password, login.password_hash.clone()).await? {
        return Err(ApiError::field(field, Said::new("密码不正确", "the password is wrong")));
    }
    app.door.succeeded_again(caller);
    Ok(login)
}

/// Writes what somebody wants who proved again who they are, unless the proof is worth nothing any more.
pub(in crate::web) async fn write_proved<T, F>(app: &AppState, proved: Login, work: F) -> ApiResult<T>
where
    T: Send + 'static,
    F: FnOnce(&mut DbConn) -> QueryResult<ApiResult<T>> + Send + 'static,
{
    let job = move |conn: &mut DbConn| match proved.still_holds(conn)? {
        true => work(conn),
        false => Ok(Err(Code::NotSignedIn.into())),
    };
    app.store.write(job).await?
}

async fn second_factor(app: &AppState, login: &Login, code: Option<&str>) -> ApiResult<()> {
    let (true, Some(sealed)) = (login.user.totp_confirmed, &login.totp_secret) else { return Ok(()) };
    let Some(code) = code else { return Err(Code::SecondFactorRequired.into()) };
    let id = login.user.id;
    let secret = app.store.keys().open(&users::totp_place(id), sealed).map_err(|_| Code::Internal)?;
    let step = totp::verify(secret.expose(), code, clock::unix(), login.totp_step).ok_or(Code::WrongLogin)?;
    let fresh = app.store.write(move |conn| users::use_totp_step(conn, id, step)).await?;
    if fresh { Ok(()) } else { Err(Code::WrongLogin.into()) }
}

/// A session in the database, and the text that names it.
pub(in crate::web) struct Began {
    pub(in crate::web) signed: String,
    pub(in crate::web) session: Session,
    pub(in crate::web) user: User,
}

impl Began {
    /// With which a browser comes back.
    pub(in crate::web) fn cookie(&self, app: &AppState, request: &HttpRequest) -> Cookie<'static> {
        Gate::cookie(self.signed.clone(), came_by_https(app, request))
    }
}

/// Places where one person may be signed in. Where there is one more, the one that was used longest ago ends.
const SESSIONS: usize = 50;

/// Begins a session for somebody who proved to be this user, as long as the proof holds. Its id is always new: nobody can have prepared it.
pub(in crate::web) async fn begin(
    app: &AppState,
    visitor: &Visitor,
    request: &HttpRequest,
    proved: Login,
) -> ApiResult<Began> {
    let (now, user) = (clock::unix(), proved.user.clone());
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let session = Session {
        id: token::session_id(rand::random()),
        user: user.id,
        created_at: now,
        seen_at: now,
        expires_at: now + gate::IDLE,
        ends_at: now + gate::LONGEST,
        address: visitor.address.to_string(),
        agent: agent.chars().take(200).collect(),
    };
    let (row, actor) = (session.clone(), Actor { id: Some(user.id), ..visitor.actor(&user.name) });
    let deed = Deed::new("session.create", &session.id).of(user.scope().user()).after(Me::from(&user));
    let insert = move |conn: &mut DbConn| -> QueryResult<ApiResult<bool>> {
        if !proved.still_holds(conn)? {
            return Ok(Err(Code::WrongLogin.into()));
        }
        sessions::insert(conn, &row)?;
        audit::record(conn, &actor, &deed, now)?;
        sessions::keep_newest(conn, row.user, SESSIONS).map(Ok)
    };
    if app.store.write(insert).await?? {
        app.gate.forget_all();
    }
    let claims = Claims { sub: user.id, sid: session.id.clone(), iat: now, exp: session.ends_at };
    Ok(Began { signed: app.gate.signer().sign(&claims), session, user })
}

/// Everywhere this user is signed in.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(SessionsQuery), responses((status = 200, body = Page<SessionView>)))]
pub async fn list(
    caller: Caller,
    query: Query<SessionsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<SessionView>>> {
    let user = caller.user.id;
    let rows = app.store.read(move |conn| sessions::list(conn, user)).await?;
    let views = rows.into_iter().map(|row| SessionView::new(row, caller.session.as_deref())).collect();
    Ok(Json(Paging::new(query.0.page, query.0.per_page).cut(views)))
}

/// Who is asking, and the text a page needs for changing requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrentView {
    pub(in crate::web) csrf_token: String,
    pub(in crate::web) user: Me,
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/sessions/current", tag = "sessions", responses((status = 200, body = CurrentView)))]
pub async fn current(caller: Caller, app: Data<AppState>) -> ApiResult<Json<CurrentView>> {
    let session = caller.session.as_deref().ok_or(Code::Forbidden)?;
    Ok(Json(CurrentView { csrf_token: app.gate.csrf(session), user: Me::from(&caller.user) }))
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "sessions", responses((status = 204, description = "Signed out")))]
pub async fn end_current(caller: Caller, request: HttpRequest, app: Data<AppState>) -> ApiResult<HttpResponse> {
    sign_out(&app, &caller, &request, HttpResponse::NoContent()).await.map(|mut response| response.finish())
}

/// Ends the session at hand and takes its cookie away.
pub(in crate::web) async fn sign_out(
    app: &AppState,
    caller: &Caller,
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
) -> ApiResult<HttpResponseBuilder> {
    let session = caller.session.clone().ok_or(Code::Forbidden)?;
    revoke(app, caller, session).await?;
    let mut gone = Gate::cookie(String::new(), came_by_https(app, request));
    gone.make_removal();
    debug_assert_eq!(gone.name(), COOKIE);
    response.cookie(gone);
    Ok(response)
}

/// Ends one session of this user, wherever it is.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "Of a session in the list")),
    responses((status = 204, description = "Ended")))]
pub async fn end(caller: Caller, id: actix_web::web::Path<String>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let id = id.into_inner();
    // Nobody made such an id; and PostgreSQL takes no NUL in a text.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err(Code::NotFound.into());
    }
    revoke(&app, &caller, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn revoke(app: &AppState, caller: &Caller, session: String) -> ApiResult<()> {
    let (user, actor, now) = (caller.user.id, caller.actor(), clock::unix());
    let deed = Deed::new("session.delete", &session).of(caller.scope.user());
    let ended = app.store.write(move |conn| match sessions::delete(conn, user, &session)? {
        true => audit::record(conn, &actor, &deed, now).map(|()| true),
        false => Ok(false),
    });
    if !ended.await? {
        return Err(Code::NotFound.into());
    }
    app.gate.forget_all();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]))
    }

    /// S8: of IPv6 everybody has more addresses than there are tries; the network counts.
    #[test]
    fn s8_all_addresses_of_one_network_are_one_guesser() {
        let door = DoorKeeper::default();
        let tries =
            (0..20).map(|number| door.attempt(&format!("name-{number}"), address(&format!("2001:db8::{number}"))));
        assert_eq!(tries.filter(Result::is_ok).count(), 6);
        assert!(door.attempt("alice", address("2001:db8:0:1::1")).is_ok(), "another network");
        assert_eq!(network(address("::ffff:10.0.0.1")), network(address("10.0.0.1")));
    }

    /// S8: a name is locked too, but not by a few tries.
    #[test]
    fn s8_a_name_is_locked_by_many_tries_from_many_addresses() {
        let door = DoorKeeper::default();
        let tries = (0..60).map(|number| door.attempt("Alice", address(&format!("10.0.0.{number}"))));
        assert_eq!(tries.filter(Result::is_ok).count(), 51);
        assert!(door.attempt("alice", address("10.1.1.1")).is_err());
        door.succeeded("ALICE", address("10.2.2.2"));
        assert!(door.attempt("alice", address("10.2.2.2")).is_ok());
    }
}
