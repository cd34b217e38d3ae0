//! Speaks to the gateway: signs, sends, takes over cookies, signs again when the token was stale.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_service::{Service, fn_service};
use actix_tls::connect::{ConnectError as TcpError, ConnectInfo, Connection, Connector as TcpConnector};
use awc::{
    error::{ConnectError, PayloadError, SendRequestError},
    http::{
        StatusCode, Uri,
        header::{
            ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, InvalidHeaderValue, ORIGIN, REFERER, SET_COOKIE,
            USER_AGENT,
        },
    },
};
use bytes::Bytes;
use tokio::net::TcpStream;

use super::{call::Call, outcome::Outcome};
use crate::{
    ids::Timestamp,
    platform::{cookies::Cookies, tls},
};

/// The real gateway's origin.
pub const GATEWAY_URL: &str = "https://h5api.m.goofish.com";

/// Requests of one call at the most: it is signed anew twice before its token error stands. Once is enough on a healthy platform.
pub const MOST_REQUESTS: u32 = 3;

/// Answers are a few KiB; lists reach some hundred.
const BODY_LIMIT: usize = 2 << 20;

/// How a [`GatewayClient`] calls.
#[derive(Debug, Clone)]
pub struct Config {
    /// Origin of the gateway, `http://` or `https://`.
    pub url: String,
    /// A desktop browser's.
    pub user_agent: String,
    /// For one request from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let user_agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36";
        Self { url: GATEWAY_URL.to_owned(), user_agent: user_agent.to_owned(), timeout: Duration::from_secs(20) }
    }
}

/// Calls the gateway for any account; a clone is cheap and stays on its thread.
#[derive(Clone)]
pub struct GatewayClient {
    http: awc::Client,
    config: Arc<Config>,
}

/// What came of a call and what it cost. Also a failed call may have cost requests and brought cookies.
#[derive(Debug, PartialEq)]
pub struct CallReport {
    /// The gateway's answer, or why there is none.
    pub outcome: Result<Outcome, GatewayError>,
    /// HTTP requests sent: what a budget counts.
    pub requests: u32,
    /// Whether the jar has something new that should be stored.
    pub cookies_changed: bool,
}

/// Why there is no answer. Never carries cookies, arguments or the answer's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    #[error("cannot reach the gateway: {0}")]
    Network(String),
    #[error("no answer from the gateway in time")]
    Timeout,
    #[error("the gateway answered HTTP {0}")]
    Http(u16),
    #[error("the gateway's answer is larger than {BODY_LIMIT} bytes")]
    TooLarge,
}

impl GatewayClient {
    pub fn new(http: awc::Client, config: Config) -> Self {
        Self { http, config: Arc::new(config) }
    }

    /// Makes the call, signs it again at most twice when the token was refused, and merges every cookie that comes, whatever the answer.
    ///
    /// Never repeats anything else: what an error means is the caller's business. Each request has its own deadline.
    pub async fn call(&self, call: &Call, cookies: &mut Cookies) -> CallReport {
        self.call_within(call, cookies, MOST_REQUESTS).await
    }

    /// The same with at most so many requests, of which at least one is made.
    pub async fn call_within(&self, call: &Call, cookies: &mut Cookies, most: u32) -> CallReport {
        let mut report = CallReport { outcome: Ok(Outcome::Token), requests: 0, cookies_changed: false };
        while report.requests < most.clamp(1, MOST_REQUESTS) && report.outcome == Ok(Outcome::Token) {
            report.requests += 1;
            report.outcome = match tokio::time::timeout(self.config.timeout, self.request(call, cookies)).await {
                Ok(Ok(answer)) => {
                    report.cookies_changed |= merge(cookies, &answer.headers);
                    answer.outcome()
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Err(GatewayError::Timeout),
            };
        }
        report
    }

    async fn request(&self, call: &Call, cookies: &Cookies) -> Result<Answer, GatewayError> {
        let origin = self.config.url.trim_end_matches('/').trim_end_matches("/h5");
        let url = format!("{origin}{}?{}", call.path(), call.query(cookies.h5_token(), now()));
        let jar = cookie_header(cookies.header()).map_err(|error| GatewayError::Network(error.to_string()))?;
        let mut request = self
            .http
            .post(url)
            .insert_header((COOKIE, jar))
            .insert_header((ORIGIN, call.desk.origin()))
            .insert_header((REFERER, format!("{}/", call.desk.origin())))
            .insert_header((ACCEPT, "application/json"))
            .insert_header((USER_AGENT, self.config.user_agent.as_str()))
            .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"));
        if let Some(header) = call.desk.business() {
            request = request.insert_header(header);
        }
        let mut response = request.send_body(call.body()).await.map_err(GatewayError::sending)?;
        let body = response.body().limit(BODY_LIMIT).await;
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
    }
}

/// What came back, cookies first: those count even when the body does not.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<Bytes, PayloadError>,
}

impl Answer {
    /// The gateway answers 200 whatever happens; a body that makes sense counts under another status too (a challenge may come so).
    fn outcome(self) -> Result<Outcome, GatewayError> {
        let body = match self.body {
            Ok(body) => body,
            Err(_) if !self.status.is_success() => return Err(GatewayError::Http(self.status.as_u16())),
            Err(error) => return Err(GatewayError::reading(&error)),
        };
        match Outcome::read(&body) {
            Outcome::Unknown { .. } if !self.status.is_success() => Err(GatewayError::Http(self.status.as_u16())),
            outcome => Ok(outcome),
        }
    }
}

impl GatewayError {
    /// Takes the error by value: awc's is not `Send`.
    pub(crate) fn sending(error: SendRequestError) -> Self {
        match error {
            SendRequestError::Timeout | SendRequestError::Connect(ConnectError::Timeout) => Self::Timeout,
            other => Self::Network(other.to_string()),
        }
    }

    pub(crate) fn reading(error: &PayloadError) -> Self {
        match error {
            PayloadError::Overflow => Self::TooLarge,
            other => Self::Network(other.to_string()),
        }
    }
}

pub(crate) fn merge(cookies: &mut Cookies, headers: &HeaderMap) -> bool {
    let set = headers.get_all(SET_COOKIE).filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    cookies.merge(set)
}

/// The jar as it is: awc's own cookies would be percent-encoded.
pub(crate) fn cookie_header(cookies: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_bytes(cookies.as_bytes())?;
    value.set_sensitive(true);
    Ok(value)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The HTTP client of one thread, for gateway and WebSockets alike. `timeout` bounds each connect and each answer.
///
/// Its connections are not counted: an open WebSocket keeps its place in awc's pool for life, so any limit would be a limit of accounts.
/// It offers HTTP/1.1 only, without which `wss://` is refused, and follows no redirect, which would carry cookies to another host.
pub fn http_client(timeout: Duration) -> awc::Client {
    http_client_over(timeout, fn_service(connect))
}

/// The same over lines that `tcp` opens.
pub fn http_client_over<S>(timeout: Duration, tcp: S) -> awc::Client
where
    S: Service<ConnectInfo<Uri>, Response = Connection<Uri, TcpStream>, Error = TcpError> + 'static,
{
    let connector = awc::Connector::new()
        .connector(Rc::new(tcp))
        .limit(0)
        .timeout(timeout)
        .handshake_timeout(timeout)
        .rustls_0_23(tls::config());
    awc::Client::builder().connector(connector).timeout(timeout).disable_redirects().finish()
}

/// A frame leaves when it is written: waiting for company (Nagle) meets the peer's delayed acknowledgement and costs 40 ms.
async fn connect(info: ConnectInfo<Uri>) -> Result<Connection<Uri, TcpStream>, TcpError> {
    let connection = TcpConnector::default().service().call(info).await?;
    connection.io_ref().set_nodelay(true).map_err(TcpError::Io)?;
    Ok(connection)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{
        collections::{HashMap, VecDeque},
        net::TcpListener,
        sync::Mutex,
    };

    use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, rt, web};
    use serde_json::json;

    use super::*;
    use crate::platform::mtop::{api, call::APP_KEY, sign::sign};

    const OLD: &str = "unb=1; cookie2=c; _m_h5_tk=0123456789abcdef0123456789abcdef_1";
    const NEW: &str = "89abcdef0123456789abcdef01234567";
    const EXPIRED: &str = "FAIL_SYS_TOKEN_EXOIRED::令牌过期";
    const SUCCESS: &str = "SUCCESS::调用成功";

    /// A gateway on port 0 that gives the answers it was told to, the last one for ever, and notes what it was asked.
    #[derive(Clone, Default)]
    struct Gateway {
        answers: Arc<Mutex<VecDeque<Reply>>>,
        asked: Arc<Mutex<Vec<Asked>>>,
    }

    #[derive(Clone)]
    struct Reply {
        status: u16,
        content_type: &'static str,
        set_cookie: Option<String>,
        body: Vec<u8>,
    }

    #[derive(Clone)]
    struct Asked {
        token: String,
        cookie: String,
        signed_right: bool,
        data: String,
    }

    fn reply(ret: &str) -> Reply {
        page(200, "application/json;charset=UTF-8", json!({"ret": [ret], "data": {"accessToken": "t"}}).to_string())
    }

    fn page(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, content_type, set_cookie: None, body: body.into() }
    }

    impl Reply {
        fn with_token(self, token: &str) -> Self {
            let set_cookie = Some(format!("_m_h5_tk={token}_1760003600123;Path=/;Domain=goofish.com;Max-Age=604800"));
            Self { set_cookie, ..self }
        }

        fn respond(self) -> HttpResponse {
            let mut response =
                HttpResponseBuilder::new(StatusCode::from_u16(self.status).unwrap().as_u16().try_into().unwrap());
            response.content_type(self.content_type);
            if let Some(cookie) = self.set_cookie {
                response.append_header(("Set-Cookie", cookie));
                response.append_header(("Set-Cookie", "_m_h5_tk_enc=e;Path=/"));
            }
            response.body(self.body)
        }
    }

    impl Gateway {
        fn start(answers: impl IntoIterator<Item = Reply>) -> (Self, GatewayClient) {
            let gateway = Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() };
            let data = web::Data::new(gateway.clone());
            let app = move || App::new().app_data(data.clone()).default_service(web::to(Self::answer));
            let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
            let client = client(&format!("http://{}", server.addrs()[0]), Duration::from_secs(20));
            rt::spawn(server.run());
            (gateway, client)
        }

        async fn answer(request: HttpRequest, body: String, gateway: web::Data<Self>) -> HttpResponse {
            gateway.asked.lock().unwrap().push(Asked::of(&request, &body));
            let mut answers = gateway.answers.lock().unwrap();
            let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
            answer.unwrap().respond()
        }

        fn asked(&self) -> Vec<Asked> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl Asked {
        fn of(request: &HttpRequest, body: &str) -> Self {
            let header = request.headers().get("Cookie").map(|value| value.to_str().unwrap()).unwrap_or_default();
            let query: HashMap<_, _> = form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
            let form: HashMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let token = Cookies::parse(header).h5_token().to_owned();
            let expected = sign(&token, &query["t"], APP_KEY, &form["data"]);
            let path_right = request.path() == format!("/h5/{}/1.0/", query["api"]);
            let signed_right = query["sign"] == expected && path_right;
            Self { token, cookie: header.to_owned(), signed_right, data: form["data"].clone() }
        }
    }

    fn client(url: &str, timeout: Duration) -> GatewayClient {
        let config = Config { url: url.to_owned(), timeout, ..Config::default() };
        GatewayClient::new(http_client(timeout), config)
    }

    #[actix_web::test]
    async fn a_jar_without_a_token_gets_one_and_the_call_succeeds() {
        let (gateway, client) =
            Gateway::start([reply("FAIL_SYS_TOKEN_EMPTY::令牌为空").with_token(NEW), reply(SUCCESS)]);
        let mut cookies = Cookies::parse("unb=1; cookie2=c");
        let report = client.call(&api::login_token("D"), &mut cookies).await;
        assert_eq!(report.outcome, Ok(Outcome::Success(json!({"accessToken": "t"}))));
        assert_eq!((report.requests, report.cookies_changed), (2, true));
        assert_eq!(cookies.h5_token(), NEW);
        assert_eq!(cookies.get("_m_h5_tk_enc"), Some("e"));
        let asked = gateway.asked();
        assert_eq!((asked[0].token.as_str(), asked[1].token.as_str()), ("", NEW));
        assert!(asked.iter().all(|asked| asked.signed_right));
    }

    /// K8 of the predecessor: later cookies reached only a part of the requests.
    #[actix_web::test]
    async fn k8_cookies_that_rotate_with_a_success_sign_the_next_call() {
        let (gateway, client) = Gateway::start([reply(SUCCESS).with_token(NEW)]);
        let mut cookies = Cookies::parse(OLD);
        assert!(client.call(&api::login_user(), &mut cookies).await.cookies_changed);
        let second = client.call(&api::login_user(), &mut cookies).await;
        assert_eq!((second.requests, second.cookies_changed), (1, false));
        let last = gateway.asked().pop().unwrap();
        assert_eq!(last.cookie, format!("unb=1; cookie2=c; _m_h5_tk={NEW}_1760003600123; _m_h5_tk_enc=e"));
        assert!(last.signed_right);
    }

    #[actix_web::test]
    async fn no_more_requests_are_made_than_a_budget_has() {
        let (gateway, client) = Gateway::start([reply(EXPIRED).with_token("a"), reply(SUCCESS)]);
        let report = client.call_within(&api::login_user(), &mut Cookies::parse(OLD), 1).await;
        assert_eq!((report.outcome, report.requests), (Ok(Outcome::Token), 1));
        assert_eq!(gateway.asked().len(), 1);
    }

    #[actix_web::test]
    async fn a_token_refused_three_times_is_given_up() {
        let (gateway, client) =
            Gateway::start([reply(EXPIRED).with_token("a"), reply(EXPIRED).with_token("b"), reply(EXPIRED)]);
        let report = client.call(&api::login_user(), &mut Cookies::parse(OLD)).await;
        assert_eq!((report.outcome, report.requests), (Ok(Outcome::Token), 3));
        let tokens: Vec<_> = gateway.asked().into_iter().map(|asked| asked.token).collect();
        assert_eq!(tokens, ["0123456789abcdef0123456789abcdef", "a", "b"]);
    }

    #[actix_web::test]
    async fn a_challenge_is_understood_as_html_and_never_repeated() {
        let body = json!({"ret": ["FAIL_SYS_USER_VALIDATE", "RGV587_ERROR::SM::哎哟喂,被挤爆啦"], "data": {"url": "https://x.example.invalid/punish?1"}});
        let (gateway, client) = Gateway::start([page(200, "text/html", body.to_string()).with_token(NEW)]);
        let report = client.call(&api::login_token("D"), &mut Cookies::parse(OLD)).await;
        assert_eq!(report.outcome, Ok(Outcome::Risk { url: Some("https://x.example.invalid/punish?1".into()) }));
        assert!(report.cookies_changed);
        assert_eq!(gateway.asked().len(), 1);
    }

    #[actix_web::test]
    async fn a_malformed_answer_is_unknown_not_an_error() {
        let (_gateway, client) = Gateway::start([page(200, "application/json", r#"{"ret": ["SUCC"#)]);
        let report = client.call(&api::login_user(), &mut Cookies::parse(OLD)).await;
        assert!(matches!(report.outcome, Ok(Outcome::Unknown { .. })));
    }

    #[actix_web::test]
    async fn a_server_error_is_named_once_and_its_cookies_are_kept() {
        let (gateway, client) = Gateway::start([page(502, "text/html", "<html>bad gateway</html>").with_token(NEW)]);
        let mut cookies = Cookies::parse(OLD);
        let report = client.call(&api::login_user(), &mut cookies).await;
        assert_eq!((report.outcome, report.requests), (Err(GatewayError::Http(502)), 1));
        assert_eq!((cookies.h5_token(), gateway.asked().len()), (NEW, 1));
    }

    #[actix_web::test]
    async fn a_redirect_is_not_followed_with_the_cookies() {
        let (gateway, client) = Gateway::start([page(302, "text/html", "")]);
        let report = client.call(&api::login_user(), &mut Cookies::parse(OLD)).await;
        assert_eq!((report.outcome, gateway.asked().len()), (Err(GatewayError::Http(302)), 1));
    }

    #[actix_web::test]
    async fn an_oversized_answer_is_refused() {
        let (_gateway, client) = Gateway::start([page(200, "application/json", vec![b' '; BODY_LIMIT + 1])]);
        let report = client.call(&api::login_user(), &mut Cookies::parse(OLD)).await;
        assert_eq!(report.outcome, Err(GatewayError::TooLarge));
    }

    #[actix_web::test]
    async fn arguments_arrive_byte_for_byte() {
        let (gateway, client) = Gateway::start([reply(SUCCESS)]);
        let call = Call::new("mtop.x", "{\"q\":\"二手 a&b=c%20+~*\\n\"}".into());
        client.call(&call, &mut Cookies::parse(OLD)).await;
        let asked = gateway.asked().pop().unwrap();
        assert_eq!(asked.data, call.data);
        assert!(asked.signed_right);
    }

    #[actix_web::test]
    async fn a_gateway_that_never_answers_costs_one_deadline() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = client(&format!("http://{}", silent.local_addr().unwrap()), Duration::from_millis(50));
        let report = client.call(&api::login_user(), &mut Cookies::parse(OLD)).await;
        assert_eq!((report.outcome, report.requests), (Err(GatewayError::Timeout), 1));
    }

    #[actix_web::test]
    async fn a_refused_connection_is_a_network_error() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = client(&format!("http://{free}"), Duration::from_secs(5));
        let report = client.call(&api::login_user(), &mut Cookies::parse(OLD)).await;
        assert!(matches!(report.outcome, Err(GatewayError::Network(_))), "{report:?}");
    }

    #[actix_web::test]
    async fn tls_can_be_set_up_for_the_real_gateway() {
        let config = tls::config();
        assert_eq!(config.alpn_protocols, [b"http/1.1"]);
        assert_eq!(tls::config().alpn_protocols.len(), 1, "a second client on the thread is fine");
    }
}
