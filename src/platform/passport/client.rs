//! Speaks to the login service.

use std::{sync::Arc, time::Duration};

use awc::http::{
    Method, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, REFERER, USER_AGENT},
};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use super::{
    HAS_LOGIN, LOGIN_PAGE, LoginForm, PASSPORT_URL, QUERY, QrAnswer, QrCode, SETTINGS, Unread, has_login_form, success,
};
use crate::platform::{
    cookies::Cookies,
    mtop::{
        client::{GatewayError, cookie_header, merge},
        outcome::Outcome,
    },
};

/// The login page has some 100 KiB, answers a few hundred bytes.
const BODY_LIMIT: usize = 1 << 20;

/// Redirects that one request follows.
const REDIRECTS: usize = 3;

/// How a [`PassportClient`] asks.
#[derive(Debug, Clone)]
pub struct Config {
    /// Origin of the login service, `http://` or `https://`.
    pub url: String,
    /// A desktop browser's.
    pub user_agent: String,
    /// For one request from the look-up of the name to the last byte of the answer, redirects included.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: PASSPORT_URL.to_owned(), user_agent: String::new(), timeout: Duration::from_secs(20) }
    }
}

/// Asks for any account; a clone is cheap and stays on its thread.
#[derive(Clone)]
pub struct PassportClient {
    http: awc::Client,
    config: Arc<Config>,
}

/// Why there is no answer. Never carries cookies, forms or the answer's text.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassportError {
    /// No answer, or none that makes sense: it may be tried again.
    #[error("no answer from the login service: {0}")]
    Failed(#[from] GatewayError),
    #[error("the login service sent to another site, or too often from one place to the next")]
    Redirected,
    /// The platform wants a person. `url` opens the challenge and is a secret.
    #[error("the platform asks for a person")]
    Risk { url: Option<String> },
    #[error(transparent)]
    Unread(#[from] Unread),
}

/// Without the challenge's secret.
impl std::fmt::Debug for PassportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PassportError({self})")
    }
}

/// One request, and what came back.
struct Request {
    method: Method,
    url: Url,
    form: Option<String>,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Every call merges the cookies that come into the jar, whatever the answer and also where there is an error. None repeats anything.
impl PassportClient {
    pub fn new(http: awc::Client, config: Config) -> Self {
        Self { http, config: Arc::new(config) }
    }

    /// Opens the login page. The jar should be empty but for what a first call of the gateway brought.
    pub async fn begin(&self, jar: &mut Cookies) -> Result<LoginForm, PassportError> {
        let page = self.get(&format!("{LOGIN_PAGE}{}", rand::random::<f64>()), jar).await?;
        LoginForm::read(&String::from_utf8_lossy(&page)).map_err(|unread| not_read(&page, unread))
    }

    /// A code to scan. It holds some minutes.
    pub async fn code(&self, form: &LoginForm, jar: &mut Cookies) -> Result<QrCode, PassportError> {
        let answer = self.get(&form.generate(jar), jar).await?;
        QrCode::read(&answer).map_err(|unread| not_read(&answer, unread))
    }

    /// What became of the code. To be asked every second or two.
    pub async fn ask(&self, form: &LoginForm, code: &QrCode, jar: &mut Cookies) -> Result<QrAnswer, PassportError> {
        let answer = self.post(QUERY, form.query(code, jar), jar).await?;
        QrAnswer::read(&answer).map_err(|unread| not_read(&answer, unread))
    }

    /// Whether the jar's login runs; the jar should be stored either way. If it does, it runs for longer from now on, also where the gateway
    /// held it for over. If not, the seller must log in.
    pub async fn has_login(&self, jar: &mut Cookies) -> Result<bool, PassportError> {
        let answer = self.post(HAS_LOGIN, has_login_form(jar), jar).await?;
        success(&answer).ok_or_else(|| not_read(&answer, Unread::NotUnderstood))
    }

    /// Asks that a fresh login be kept for 30 days.
    pub async fn stay(&self, jar: &mut Cookies) -> Result<(), PassportError> {
        let answer = self.post(SETTINGS, "status=0".to_owned(), jar).await?;
        match success(&answer) {
            Some(true) => Ok(()),
            Some(false) => Err(Unread::Refused.into()),
            None => Err(not_read(&answer, Unread::NotUnderstood)),
        }
    }

    async fn get(&self, path: &str, jar: &mut Cookies) -> Result<Bytes, PassportError> {
        self.request(Request { method: Method::GET, url: self.url(path)?, form: None }, jar).await
    }

    async fn post(&self, path: &str, form: String, jar: &mut Cookies) -> Result<Bytes, PassportError> {
        self.request(Request { method: Method::POST, url: self.url(path)?, form: Some(form) }, jar).await
    }

    fn url(&self, path: &str) -> Result<Url, GatewayError> {
        let url = format!("{}{path}", self.config.url.trim_end_matches('/'));
        Url::parse(&url).map_err(|error| GatewayError::Network(error.to_string()))
    }

    async fn request(&self, request: Request, jar: &mut Cookies) -> Result<Bytes, PassportError> {
        match tokio::time::timeout(self.config.timeout, self.follow(request, jar)).await {
            Ok(answer) => answer,
            Err(_) => Err(GatewayError::Timeout.into()),
        }
    }

    /// Sends a request, and again to where it is sent. A page that makes sense counts under any status.
    async fn follow(&self, mut request: Request, jar: &mut Cookies) -> Result<Bytes, PassportError> {
        for _ in 0..=REDIRECTS {
            let reply = self.send(&request, jar).await?;
            if !reply.status.is_redirection() {
                let understood = reply.status.is_success() || risk(&reply.body).is_some();
                return if understood { Ok(reply.body) } else { Err(GatewayError::Http(reply.status.as_u16()).into()) };
            }
            request = request.redirected(&reply)?;
        }
        Err(PassportError::Redirected)
    }

    async fn send(&self, request: &Request, jar: &mut Cookies) -> Result<Reply, PassportError> {
        let uri = Uri::try_from(request.url.as_str()).map_err(|error| GatewayError::Network(error.to_string()))?;
        let mut sent = self
            .http
            .request(request.method.clone(), uri)
            // The client's own may be shorter.
            .timeout(self.config.timeout)
            .insert_header((REFERER, "https://www.goofish.com/"))
            .insert_header((ACCEPT, "text/html,application/json"))
            .insert_header((USER_AGENT, self.config.user_agent.as_str()));
        if !jar.header().is_empty() {
            let jar = cookie_header(jar.header()).map_err(|error| GatewayError::Network(error.to_string()))?;
            sent = sent.insert_header((COOKIE, jar));
        }
        let sending = match &request.form {
            Some(form) => sent
                .insert_header((ORIGIN, request.url.origin().ascii_serialization()))
                .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
                .send_body(form.clone()),
            None => sent.send(),
        };
        let mut response = sending.await.map_err(GatewayError::sending)?;
        merge(jar, response.headers());
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match response.body().limit(BODY_LIMIT).await {
            Ok(body) => body,
            Err(_) if !status.is_success() => Bytes::new(),
            Err(error) => return Err(GatewayError::reading(&error).into()),
        };
        Ok(Reply { status, headers, body })
    }
}

impl Request {
    /// Where a reply sends it, within its own origin: a jar goes nowhere else. As browsers do, only 307 and 308 keep method and form.
    fn redirected(self, reply: &Reply) -> Result<Self, PassportError> {
        let to = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| self.url.join(to).ok()).filter(|to| to.origin() == self.url.origin());
        let url = to.ok_or(PassportError::Redirected)?;
        match reply.status {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => Ok(Self { url, ..self }),
            _ => Ok(Self { method: Method::GET, url, form: None }),
        }
    }
}

/// A challenge that came instead of an answer: as the gateway has it, or an object with its `url` alone.
fn risk(body: &[u8]) -> Option<PassportError> {
    if let Outcome::Risk { url } = Outcome::read(body) {
        return Some(PassportError::Risk { url });
    }
    let answer: Value = serde_json::from_slice(body).ok()?;
    let url = answer["url"].as_str()?;
    matches!(Outcome::read(url.as_bytes()), Outcome::Risk { .. })
        .then(|| PassportError::Risk { url: Some(url.to_owned()) })
}

fn not_read(body: &[u8], unread: Unread) -> PassportError {
    risk(body).unwrap_or(PassportError::Unread(unread))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{super::QrState, *};
    use crate::{
        platform::mtop::{
            api,
            client::{self, GatewayClient, http_client},
        },
        sim::{self, Account, Interest, Passport, Sim, SimEvent},
    };

    struct World {
        sim: Sim,
        account: Arc<Account>,
        passport: PassportClient,
        gateway: GatewayClient,
    }

    impl World {
        fn new() -> Self {
            Self::with(Duration::from_secs(20))
        }

        fn with(timeout: Duration) -> Self {
            let sim = Sim::start(([127, 0, 0, 1], 0).into(), sim::Config::default()).unwrap();
            let account = sim.platform().add_account("shop");
            let config = Config { url: sim.gateway_url(), timeout, ..Config::default() };
            let passport = PassportClient::new(http_client(Duration::from_secs(20)), config);
            let config = client::Config { url: sim.gateway_url(), ..client::Config::default() };
            let gateway = GatewayClient::new(http_client(config.timeout), config);
            Self { sim, account, passport, gateway }
        }

        fn jar(&self) -> Cookies {
            Cookies::parse(&self.sim.platform().cookies(&self.account))
        }

        async fn outcome(&self, jar: &mut Cookies) -> Outcome {
            self.gateway.call(&api::login_user(), jar).await.outcome.unwrap()
        }

        /// An empty jar, the form and a code.
        async fn code(&self) -> (Cookies, LoginForm, QrCode) {
            let mut jar = Cookies::parse("");
            assert_eq!(self.outcome(&mut jar).await, Outcome::Session);
            let form = self.passport.begin(&mut jar).await.unwrap();
            let code = self.passport.code(&form, &mut jar).await.unwrap();
            (jar, form, code)
        }

        fn fault(&self, passport: Passport) {
            self.sim.platform().change_faults(|faults| faults.passport = passport);
        }
    }

    #[actix_web::test]
    async fn a_phone_turns_an_empty_jar_into_a_login() {
        let world = World::new();
        let platform = world.sim.platform();
        let (mut jar, form, code) = world.code().await;
        assert_eq!(code.t.len(), 20);
        let ask = async |jar: &mut Cookies| world.passport.ask(&form, &code, jar).await.unwrap();
        assert_eq!(ask(&mut jar).await.state, QrState::New);
        platform.scan(&code.content, &world.account).unwrap();
        assert_eq!(ask(&mut jar).await.state, QrState::Scanned);
        platform.confirm(&code.content, &world.account).unwrap();
        assert_eq!(ask(&mut jar).await, QrAnswer { state: QrState::Confirmed, check: None });
        assert_eq!(jar.seller().as_ref(), Ok(&world.account.uid));
        assert!(matches!(world.outcome(&mut jar).await, Outcome::Success(_)));
        world.passport.stay(&mut jar).await.unwrap();
        assert!(jar.get("havana_lgc2_77").is_some());
        assert_eq!(world.passport.has_login(&mut jar).await, Ok(true));
    }

    #[actix_web::test]
    async fn a_check_comes_before_the_login() {
        let world = World::new();
        let platform = world.sim.platform();
        let (mut jar, form, code) = world.code().await;
        platform.scan(&code.content, &world.account).unwrap();
        platform.demand_check(&code.content).unwrap();
        platform.confirm(&code.content, &world.account).unwrap();
        let answer = world.passport.ask(&form, &code, &mut jar).await.unwrap();
        assert!(answer.check.unwrap().starts_with(&world.sim.gateway_url()));
        assert_eq!(jar.unb(), None);
        platform.phone(sim::PhoneAction::PassCheck, &code.content, &world.account).unwrap();
        let answer = world.passport.ask(&form, &code, &mut jar).await.unwrap();
        assert_eq!((answer, jar.unb().is_some()), (QrAnswer { state: QrState::Confirmed, check: None }, true));
    }

    #[actix_web::test]
    async fn a_code_that_comes_to_nothing_says_why() {
        let world = World::new();
        let platform = world.sim.platform();
        let (mut jar, form, code) = world.code().await;
        platform.scan(&code.content, &world.account).unwrap();
        platform.decline(&code.content, &world.account).unwrap();
        assert_eq!(world.passport.ask(&form, &code, &mut jar).await.unwrap().state, QrState::Canceled);
        platform.expire_code(&code.content).unwrap();
        assert_eq!(world.passport.ask(&form, &code, &mut jar).await.unwrap().state, QrState::Expired);
        platform.phone(sim::PhoneAction::Break, &code.content, &world.account).unwrap();
        assert_eq!(world.passport.ask(&form, &code, &mut jar).await.unwrap().state, QrState::Error);
        let next = world.passport.code(&form, &mut jar).await.unwrap();
        assert_eq!(world.passport.ask(&form, &next, &mut jar).await.unwrap().state, QrState::New);
        let (_, other, _) = world.code().await;
        assert_eq!(world.passport.ask(&other, &code, &mut jar).await, Err(Unread::Refused.into()));
    }

    #[actix_web::test]
    async fn a_lapsed_login_is_healed_with_new_cookies_and_a_dead_one_is_not() {
        let world = World::new();
        let mut jar = world.jar();
        world.account.lapse_login();
        assert_eq!(world.outcome(&mut jar).await, Outcome::Session);
        let before = jar.get("cookie2").map(str::to_owned);
        assert_eq!(world.passport.has_login(&mut jar).await, Ok(true));
        assert_ne!(jar.get("cookie2").map(str::to_owned), before);
        assert!(matches!(world.outcome(&mut jar).await, Outcome::Success(_)));
        world.account.expire_login();
        assert_eq!(world.passport.has_login(&mut jar).await, Ok(false));
        assert_eq!(world.passport.stay(&mut jar).await, Err(Unread::Refused.into()));
        assert_eq!(world.account.has_login_requests(), 2);
    }

    #[actix_web::test]
    async fn what_is_no_answer_says_what_it_is() {
        let world = World::with(Duration::from_millis(300));
        let (mut jar, form, code) = world.code().await;
        for (fault, expected) in [
            (Passport::Refused, PassportError::Unread(Unread::Refused)),
            (Passport::Garbage, PassportError::Unread(Unread::NotUnderstood)),
            (Passport::Status(502), GatewayError::Http(502).into()),
            (Passport::Elsewhere, PassportError::Redirected),
            (Passport::Redirects(4), PassportError::Redirected),
            (Passport::Hang, GatewayError::Timeout.into()),
        ] {
            world.fault(fault);
            assert_eq!(world.passport.ask(&form, &code, &mut jar).await, Err(expected.clone()), "{fault:?}");
            assert_eq!(world.passport.code(&form, &mut jar).await, Err(expected.clone()), "{fault:?}");
            let begun = world.passport.begin(&mut jar).await;
            match expected {
                PassportError::Unread(_) => assert_eq!(begun, Err(Unread::NoForm.into()), "{fault:?}"),
                other => assert_eq!(begun, Err(other), "{fault:?}"),
            }
        }
        world.fault(Passport::Punish);
        assert_eq!(world.passport.begin(&mut jar).await, Err(PassportError::Risk { url: None }));
        let risk = world.passport.has_login(&mut world.jar()).await;
        let Err(PassportError::Risk { url: Some(url) }) = risk else { panic!("{risk:?}") };
        assert!(url.starts_with(&world.sim.gateway_url()) && url.contains("x5secdata="));
        world.fault(Passport::Refused);
        assert_eq!(world.passport.has_login(&mut world.jar()).await, Ok(false));
    }

    #[actix_web::test]
    async fn cookies_of_every_redirect_are_kept_and_the_form_arrives() {
        let world = World::new();
        let (mut jar, form, code) = world.code().await;
        let mut events = world.sim.platform().events(Interest::Outcomes);
        world.fault(Passport::Redirects(3));
        assert_eq!(world.passport.ask(&form, &code, &mut jar).await.unwrap().state, QrState::New);
        assert_eq!(["hop1", "hop2", "hop3"].map(|name| jar.get(name)), [Some("1"); 3]);
        let unreadable = |event: SimEvent| matches!(event, SimEvent::Unreadable { .. });
        assert!(!events.try_recv().is_ok_and(unreadable));
        world.fault(Passport::Redirects(200));
        let mut jar = world.jar();
        assert_eq!(world.passport.has_login(&mut jar).await, Err(PassportError::Redirected));
        assert!(jar.get("hop4").is_some() && jar.get("hop5").is_none(), "cookies count also where there is no answer");
    }

    #[test]
    fn only_a_redirect_that_says_so_keeps_the_form() {
        let redirected = |status: u16, to: &str| {
            let url = Url::parse("https://x.example.invalid/a?b").unwrap();
            let request = Request { method: Method::POST, url, form: Some("f".into()) };
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, to.parse().unwrap());
            let reply = Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() };
            request.redirected(&reply).map(|request| (request.method, request.url.to_string(), request.form.is_some()))
        };
        let to = "https://x.example.invalid/c".to_owned();
        assert_eq!(redirected(302, "/c"), Ok((Method::GET, to.clone(), false)));
        assert_eq!(redirected(307, "c"), Ok((Method::POST, to.clone(), true)));
        assert_eq!(redirected(308, "//x.example.invalid/c"), Ok((Method::POST, to, true)));
        for away in ["https://y.example.invalid/c", "//y.example.invalid", "http://x.example.invalid/c", "data:x"] {
            assert_eq!(redirected(307, away), Err(PassportError::Redirected), "{away}");
        }
    }

    #[test]
    fn a_challenge_never_shows_in_debug_output() {
        let risk = PassportError::Risk { url: Some("https://x/punish?topsecret".into()) };
        assert!(!format!("{risk:?} {risk}").contains("topsecret"));
    }
}
