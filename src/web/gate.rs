//! Who may come in. Every request to a route of the table passes here before its handler: it is found out who asks, and whether
//! that person, or that token, may do what the route does. Which rows they see is the [`Scope`]'s business.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    cookie::{Cookie, SameSite},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, ORIGIN},
    middleware::Next,
    web::Data,
};
use log::warn;
use lru::LruCache;
use tokio::sync::watch;

use super::{
    AppState, Route, cors,
    error::{ApiError, ApiResult, Code, Language, Said, language_of},
    hygiene::{ClientAddress, RequestId},
    nothing_here, pages, route_of,
};
use crate::{
    access::{
        jwt::Signer,
        role::Right,
        ticket::Tickets,
        token::{self, Access as TokenAccess},
    },
    ids::{Timestamp, TokenId},
    settings::Server,
    store::{
        Scope, Store, StoreError, api_tokens,
        audit::{Actor, Via},
        sessions,
        users::User,
    },
    telemetry::clock,
};

/// The cookie of the panel. It holds the same signed text as a bearer token.
pub const COOKIE: &str = "yutang_session";
/// Sent with every changing request that is signed in by cookie.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// A session that was not used for this long ends.
pub const IDLE: Duration = Duration::from_hours(24);
/// A session ends after this long, used or not.
pub const LONGEST: Duration = Duration::from_hours(24 * 30);
/// That a session is used is written down this often at most.
const TOUCH: Duration = Duration::from_mins(10);

/// Who a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, also before the system is set up. What must be kept from some has a token of its own.
    Open,
    /// Everybody who wants to come in, once the system is set up.
    Door,
    /// A person, about themselves. No token of a program reaches it.
    Person,
    /// A person who holds this right; a browser that is not signed in is led to the page where one signs in.
    Page(Right),
    /// Whoever holds this right.
    Right(Right),
    /// As [`Access::Right`], but no token of a program reaches it: what is done there outlives a token that is taken away.
    InPerson(Right),
    /// As [`Access::Right`], to stay and listen. Also by a ticket in the address, for who can send no header; by cookie only from a page of
    /// ours, because a browser lets every page open a WebSocket to anywhere, and sends the cookie along.
    Live(Right),
}

/// Who is asking.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user: User,
    /// What they see.
    pub scope: Scope,
    /// The session they came with, if it was one.
    pub session: Option<String>,
    pub address: IpAddr,
    /// In which they want to be answered.
    pub language: Language,
    request: String,
    credential: Credential,
}

/// How somebody stands who was let in earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub scope: Scope,
    /// See [`Caller::administers`].
    pub administers: bool,
    /// It is asked again then, if not sooner.
    pub ends_at: Timestamp,
}

impl Caller {
    /// For the audit.
    pub fn actor(&self) -> Actor {
        Actor {
            id: Some(self.user.id),
            name: self.user.name.clone(),
            via: if self.session.is_some() { Via::Session } else { Via::Token },
            address: Some(self.address.to_string()),
            request: Some(self.request.clone()),
        }
    }

    /// Tells the credentials of one person apart: all their sessions are one, each token is another.
    pub(super) fn credential_mark(&self) -> &[u8] {
        match &self.credential {
            Credential::Session(_) => b"session",
            Credential::Token(hash) => hash,
        }
    }

    /// What belongs to the tenant as a whole, and not to single accounts, is changed only by who sees all of it.
    pub fn whole(&self) -> ApiResult<Scope> {
        if self.scope.is_whole() { Ok(self.scope) } else { Err(Code::Forbidden.into()) }
    }

    /// Whether they may see what belongs to no tenant. No token of a program reaches so far.
    pub fn administers(&self) -> bool {
        self.session.is_some() && self.user.role.may(Right::Administer)
    }
}

/// In a request's extensions once it passed the gate.
#[derive(Debug, Clone)]
pub(super) struct SignedIn(pub Arc<Caller>);

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let signed_in = request.extensions().get::<SignedIn>().map(|signed_in| (*signed_in.0).clone());
        ready(signed_in.ok_or_else(|| Code::NotSignedIn.into()))
    }
}

/// Where somebody stands who is not signed in: at the door, with an address.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub address: IpAddr,
    request: String,
}

impl Visitor {
    /// For the audit; `name` is who they say they are, or turned out to be.
    pub fn actor(&self, name: &str) -> Actor {
        Actor {
            id: None,
            name: name.to_owned(),
            via: Via::Door,
            address: Some(self.address.to_string()),
            request: Some(self.request.clone()),
        }
    }
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (address, request) = origin(request);
        ready(Ok(Self { address, request }))
    }
}

fn origin(request: &HttpRequest) -> (IpAddr, String) {
    let extensions = request.extensions();
    let address = extensions.get::<ClientAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.0);
    (address, extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default())
}

/// What the gate knows besides the database: the keys, and who came in lately.
pub struct Gate {
    signer: Signer,
    csrf_key: [u8; 32],
    known: Mutex<LruCache<Credential, Arc<Known>>>,
    /// Grows with every revocation: what was read before one is not remembered after it.
    revocations: AtomicU64,
    /// Grows when who may see what may have changed: with every revocation, and when accounts come or go.
    changes: watch::Sender<u64>,
    tickets: Mutex<Tickets<Credential>>,
    set_up: AtomicBool,
}

/// What somebody shows at the gate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Credential {
    Session(String),
    /// The hash.
    Token(Vec<u8>),
}

/// Who showed it.
#[derive(Debug)]
struct Known {
    user: User,
    scope: Scope,
    holder: Holder,
}

#[derive(Debug)]
enum Holder {
    Session { expires_at: Timestamp, ends_at: Timestamp, seen_at: Timestamp },
    Token { id: TokenId, access: TokenAccess, expires_at: Option<Timestamp>, used_at: Timestamp },
}

/// How many are remembered.
// Not zero.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

impl Gate {
    /// `store` has the key from which the keys of the gate are derived.
    pub fn new(store: &Store) -> Self {
        Self {
            signer: Signer::new(store.keys().derive("jwt")),
            csrf_key: store.keys().derive("csrf"),
            known: Mutex::new(LruCache::new(REMEMBERED)),
            revocations: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            tickets: Mutex::default(),
            set_up: AtomicBool::new(false),
        }
    }

    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Users, sessions or tokens changed: everybody is looked up anew.
    pub fn forget_all(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.note_change();
    }

    /// Accounts came or went: whoever listens looks again what they may see.
    pub fn note_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Grows when who may see what may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A ticket that opens a connection once for this caller, and when it ends.
    pub fn issue_ticket(&self, caller: &Caller, now: Timestamp) -> (String, Timestamp) {
        let text = token::ticket(rand::random());
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let ends_at = tickets.issue(&text, caller.user.id, caller.credential.clone(), now);
        (text, ends_at)
    }

    /// Whether somebody who was let in would still be, and what they see by now. That it is asked does not count as a use: a page that
    /// was left open keeps no session alive.
    pub async fn standing(&self, store: &Store, caller: &Caller, now: Timestamp) -> ApiResult<Standing> {
        let known = self.valid(store, &caller.credential, now).await?;
        Ok(known.standing())
    }

    /// Whether somebody can administer the system.
    pub fn is_set_up(&self) -> bool {
        self.set_up.load(Ordering::Relaxed)
    }

    pub fn note_set_up(&self, set_up: bool) {
        self.set_up.store(set_up, Ordering::Relaxed);
    }

    /// The text that must come with changing requests of this session's cookie.
    pub fn csrf(&self, session: &str) -> String {
        token::csrf(&self.csrf_key, session)
    }

    /// The panel's cookie for a signed session; `secure` where the person came by HTTPS.
    pub fn cookie(signed: String, secure: bool) -> Cookie<'static> {
        Cookie::build(COOKIE, signed)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(secure)
            .max_age(actix_web::cookie::time::Duration::days(30))
            .finish()
    }

    /// Who it is, where the credential still holds.
    async fn valid(&self, store: &Store, credential: &Credential, now: Timestamp) -> ApiResult<Arc<Known>> {
        let remembered = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(credential).cloned();
        let known = match remembered {
            Some(known) => known,
            None => self.look_up(store, credential).await?,
        };
        if !known.is_valid(now) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).pop(credential);
            return Err(Code::NotSignedIn.into());
        }
        Ok(known)
    }

    async fn who(&self, store: &Store, credential: Credential, now: Timestamp) -> ApiResult<Arc<Known>> {
        let known = self.valid(store, &credential, now).await?;
        if known.is_to_be_touched(now) { self.touch(store, credential, known, now).await } else { Ok(known) }
    }

    async fn look_up(&self, store: &Store, credential: &Credential) -> ApiResult<Arc<Known>> {
        let before = self.revocations.load(Ordering::SeqCst);
        let wanted = credential.clone();
        let found = match wanted {
            Credential::Session(id) => store.read(move |conn| sessions::find(conn, &id)).await?.map(Known::by_session),
            Credential::Token(hash) => {
                store.read(move |conn| api_tokens::find_by_hash(conn, &hash)).await?.map(Known::by_token)
            }
        };
        let known = Arc::new(found.ok_or(Code::NotSignedIn)?);
        self.remember(before, credential.clone(), &known);
        Ok(known)
    }

    fn remember(&self, before: u64, credential: Credential, known: &Arc<Known>) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.revocations.load(Ordering::SeqCst) == before {
            all.put(credential, Arc::clone(known));
        }
    }

    /// A full disk keeps nobody out who only reads: they are let in, and it is written down another time.
    fn untouched(known: Arc<Known>, error: &StoreError) -> Arc<Known> {
        warn!(class = "database"; "that a session or a token is used could not be written down: {error}");
        known
    }

    /// Writes down that it is used: a session lives on from now.
    async fn touch(
        &self,
        store: &Store,
        credential: Credential,
        known: Arc<Known>,
        now: Timestamp,
    ) -> ApiResult<Arc<Known>> {
        let before = self.revocations.load(Ordering::SeqCst);
        let holder = match known.holder {
            Holder::Session { ends_at, .. } => {
                Holder::Session { expires_at: (now + IDLE).min(ends_at), ends_at, seen_at: now }
            }
            Holder::Token { id, access, expires_at, .. } => Holder::Token { id, access, expires_at, used_at: now },
        };
        match (&holder, credential.clone()) {
            (Holder::Session { expires_at, .. }, Credential::Session(id)) => {
                let expires_at = *expires_at;
                match store.write(move |conn| sessions::touch(conn, &id, now, expires_at)).await {
                    Ok(true) => {}
                    Ok(false) => return Err(Code::NotSignedIn.into()),
                    Err(error) => return Ok(Self::untouched(known, &error)),
                }
            }
            (Holder::Token { id, .. }, _) => {
                let id = *id;
                if let Err(error) = store.write(move |conn| api_tokens::mark_used(conn, id, now)).await {
                    return Ok(Self::untouched(known, &error));
                }
            }
            (Holder::Session { .. }, Credential::Token(_)) => {}
        }
        let known = Arc::new(Known { user: known.user.clone(), scope: known.scope, holder });
        self.remember(before, credential, &known);
        Ok(known)
    }
}

impl Known {
    fn by_session((session, user): (sessions::Session, User)) -> Self {
        let holder =
            Holder::Session { expires_at: session.expires_at, ends_at: session.ends_at, seen_at: session.seen_at };
        Self { scope: user.scope(), user, holder }
    }

    fn by_token((token, user): (api_tokens::ApiToken, User)) -> Self {
        let scope = if token.all_accounts { user.scope() } else { user.scope().through(token.id) };
        let holder = Holder::Token {
            id: token.id,
            access: token.access,
            expires_at: token.expires_at,
            used_at: token.used_at.unwrap_or(Timestamp(0)),
        };
        Self { scope, user, holder }
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        now < self.ends_at() && self.user.active
    }

    fn ends_at(&self) -> Timestamp {
        match &self.holder {
            Holder::Session { expires_at, ends_at, .. } => *expires_at.min(ends_at),
            Holder::Token { expires_at, .. } => expires_at.unwrap_or(Timestamp::NEVER),
        }
    }

    fn standing(&self) -> Standing {
        let by_session = matches!(self.holder, Holder::Session { .. });
        let administers = by_session && self.user.role.may(Right::Administer);
        Standing { scope: self.scope, administers, ends_at: self.ends_at() }
    }

    fn is_to_be_touched(&self, now: Timestamp) -> bool {
        match &self.holder {
            Holder::Session { seen_at: last, .. } | Holder::Token { used_at: last, .. } => now.since(*last) >= TOUCH,
        }
    }

    fn may(&self, access: Access) -> bool {
        match (access, &self.holder) {
            (Access::Open | Access::Door, _) | (Access::Person, Holder::Session { .. }) => true,
            (Access::Person | Access::Page(_) | Access::InPerson(_), Holder::Token { .. }) => false,
            (Access::Live(right), _) => self.may(Access::Right(right)),
            (Access::Right(right) | Access::InPerson(right) | Access::Page(right), Holder::Session { .. }) => {
                self.user.role.may(right)
            }
            (Access::Right(right), Holder::Token { access, .. }) => {
                let reach = match right {
                    Right::Read => true,
                    Right::Answer | Right::Manage => *access == TokenAccess::Write,
                    Right::Administer => false,
                };
                reach && self.user.role.may(right)
            }
        }
    }
}

/// Lets in who may, and refuses everybody else: 503 until the system is set up and while the database is down, 401 without a valid credential, 403 without the right.
pub(super) async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    // Whatever has no line in the table has no access either, and reaches no handler.
    let Some(route) = route_of(request.request()) else {
        let nothing = nothing_here(request.request().clone()).await;
        return Ok(request.into_response(nothing).map_into_right_body());
    };
    match admit(&request, route).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(SignedIn(Arc::new(caller)));
            }
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(refusal) => {
            let led = pages::is_page(route).then(|| lead(request.request(), refusal.code())).flatten();
            let response = led.unwrap_or_else(|| HttpResponse::from_error(refusal));
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

/// Whether a page is wanted, and not what a program reads.
pub(super) fn is_browser(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|kinds| kinds.to_str().ok());
    accepted.is_some_and(|kinds| kinds.contains("text/html"))
}

/// Where a browser is led that asked for a page too early.
fn lead(request: &HttpRequest, code: Code) -> Option<HttpResponse> {
    if !is_browser(request) {
        return None;
    }
    match code {
        Code::NotSignedIn => Some(pages::lead_to_sign_in(request.uri().path_and_query()?.as_str())),
        Code::SetupRequired => Some(pages::lead_to(pages::SETUP)),
        _ => None,
    }
}

async fn admit(request: &ServiceRequest, route: &Route) -> ApiResult<Option<Caller>> {
    let app = request.app_data::<Data<AppState>>().cloned().ok_or(Code::Internal)?;
    match route.access {
        Access::Open => return Ok(None),
        // At once: those who wait in vain would take the places of those who need no database.
        _ if app.health.is_database_down() => return Err(Code::DatabaseUnavailable.into()),
        _ if !app.gate.is_set_up() => return Err(ApiError::from(Code::SetupRequired).retry_after(10)),
        Access::Door => return Ok(None),
        Access::Person | Access::Page(_) | Access::Right(_) | Access::InPerson(_) | Access::Live(_) => {}
    }
    let now = clock::unix();
    let shown = shown(request.request(), &app.gate, route.access, now)?;
    check_page(request, &app, route.access, &shown)
        .inspect_err(|refusal| tell_refused(request.request(), refusal.code()))?;
    let session = match &shown.credential {
        Credential::Session(id) => Some(id.clone()),
        Credential::Token(_) => None,
    };
    let known = app.gate.who(&app.store, shown.credential.clone(), now).await?;
    if !known.may(route.access) {
        return Err(Code::Forbidden.into());
    }
    let (address, number) = origin(request.request());
    let (user, scope, credential) = (known.user.clone(), known.scope, shown.credential);
    let language = language_of(request.headers());
    Ok(Some(Caller { user, scope, session, address, language, request: number, credential }))
}

/// The session whose cookie a browser sends, by its signature alone: whether it still holds is asked elsewhere.
pub(super) fn session_of_cookie(request: &HttpRequest, gate: &Gate) -> Option<String> {
    match credential(request.cookie(COOKIE)?.value(), gate, clock::unix()).ok()? {
        Credential::Session(id) => Some(id),
        Credential::Token(_) => None,
    }
}

/// By which way a credential came.
enum Door {
    Header,
    Cookie,
    Ticket,
}

struct Shown {
    credential: Credential,
    door: Door,
}

/// A header wins over a ticket and a ticket over a cookie: a program says what it means.
fn shown(request: &HttpRequest, gate: &Gate, access: Access, now: Timestamp) -> ApiResult<Shown> {
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let text = value.to_str().ok().and_then(bearer).ok_or(Code::NotSignedIn)?;
        return Ok(Shown { credential: credential(text, gate, now)?, door: Door::Header });
    }
    if let (Access::Live(_), Some(ticket)) = (access, ticket(request.query_string())) {
        let opens = gate.tickets.lock().unwrap_or_else(PoisonError::into_inner).redeem(&ticket, now);
        return Ok(Shown { credential: opens.ok_or(Code::NotSignedIn)?, door: Door::Ticket });
    }
    let cookie = request.cookie(COOKIE).ok_or(Code::NotSignedIn)?;
    match credential(cookie.value(), gate, now)? {
        // A token of a program has no business in a browser's cookie.
        Credential::Token(_) => Err(Code::NotSignedIn.into()),
        credential @ Credential::Session(_) => Ok(Shown { credential, door: Door::Cookie }),
    }
}

fn ticket(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ticket").map(|(_, text)| text.into_owned())
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim()).filter(|text| !text.is_empty())
}

fn credential(text: &str, gate: &Gate, now: Timestamp) -> ApiResult<Credential> {
    if text.starts_with(token::MARK) {
        return Ok(Credential::Token(token::hash(text)));
    }
    let claims = gate.signer.verify(text, now).map_err(|_| ApiError::from(Code::NotSignedIn))?;
    Ok(Credential::Session(claims.sid))
}

/// S28: what a browser sends by itself counts only where it comes from a page of ours. Pages of listed origins use tickets, as they use
/// tokens elsewhere: cookies never go with what they ask.
fn check_page(request: &ServiceRequest, app: &AppState, access: Access, shown: &Shown) -> ApiResult<()> {
    let (headers, server) = (request.headers(), &app.settings.server);
    let is_ours = || is_from_our_page(headers, server);
    match (&shown.door, access, &shown.credential) {
        (Door::Cookie, Access::Live(_), _) if !is_ours() => Err(ApiError::from(Code::OriginRefused).at("Origin")),
        (Door::Ticket, _, _) if headers.contains_key(ORIGIN) && !is_ours() && !cors::is_listed(headers, server) => {
            Err(ApiError::from(Code::OriginRefused).at("Origin"))
        }
        (Door::Cookie, _, Credential::Session(session)) if !request.method().is_safe() => {
            check_csrf(&app.gate, headers, session)
        }
        (Door::Header | Door::Cookie | Door::Ticket, ..) => Ok(()),
    }
}

/// What browsers say of every request: whether the page that makes it is one of the server that is asked. No page can have it said otherwise.
const FETCH_SITE: &str = "sec-fetch-site";

/// S28: a form at the door is one of our own pages. A page elsewhere that has somebody signed in, as somebody else, is refused; so is
/// what does not say where it comes from.
pub(super) fn check_form(request: &HttpRequest, server: &Server) -> ApiResult<()> {
    let headers = request.headers();
    let is_ours = match headers.get(FETCH_SITE) {
        Some(site) => site == "same-origin",
        // Over plain HTTP they say it only to this machine itself.
        None => is_from_our_page(headers, server),
    };
    if is_ours {
        return Ok(());
    }
    tell_refused(request, Code::OriginRefused);
    let said = Said::new(
        "表单须从本站的页面提交；浏览器过旧请先更新，经代理访问请设置 server.public_url",
        "a form must be sent from a page of this server: update a browser that is too old, and set server.public_url behind a proxy",
    );
    Err(ApiError::from(Code::OriginRefused).at("Origin").because(said))
}

/// Whether a browser says that the page it shows came from here: from the host that it asks now, or from the address we are known by.
fn is_from_our_page(headers: &HeaderMap, server: &Server) -> bool {
    let Some(origin) = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_asked_now = origin.split_once("://").is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https") && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    });
    let name = server.public_url.trim_end_matches('/');
    is_asked_now || (!name.is_empty() && origin == name)
}

/// A browser that another site makes send something leaves a sign.
fn tell_refused(request: &HttpRequest, code: Code) {
    let address = origin(request).0;
    warn!(class = "auth", code = code.as_str(), address:% = address; "a request of a foreign page was refused");
}

fn check_csrf(gate: &Gate, headers: &HeaderMap, session: &str) -> ApiResult<()> {
    let given = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if token::same(given.as_bytes(), gate.csrf(session).as_bytes()) {
        return Ok(());
    }
    Err(ApiError::from(Code::CsrfFailed).at("X-CSRF-Token"))
}
