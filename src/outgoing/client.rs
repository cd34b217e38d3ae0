//! Sends to addresses of users, and to nothing they must not reach through us.

use std::{error::Error, io, net::IpAddr, net::SocketAddr, rc::Rc, time::Duration};

use actix_service::{Service as _, fn_service};
use actix_tls::connect::{ConnectError as TcpError, ConnectInfo, Connection, tcp::TcpConnector};
use awc::{
    error::{ConnectError, PayloadError, SendRequestError},
    http::{
        Uri,
        header::{HeaderName, HeaderValue, LOCATION, USER_AGENT},
    },
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::net::TcpStream;

pub use awc::http::Method;

use super::{
    address::{self, Network},
    redirect::{self, RedirectFault},
    url::HttpUrl,
};

/// What services that show their callers a name of a program see.
const AGENT: &str = concat!("yutang/", env!("CARGO_PKG_VERSION"));

/// Headers that belong to the connection: a caller who could set them could write a second request into the first.
const OURS: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect"];

/// What of the `[outgoing]` settings a client needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Ranges that may be reached though they are not public.
    pub allow: Vec<Network>,
    /// For the look-up of a name and the connection together, and again for the handshake.
    pub connect_wait: Duration,
}

/// The client of one thread: a clone is cheap, and stays there. Connections are kept for seconds and used again.
#[derive(Clone)]
pub struct OutgoingClient {
    http: awc::Client,
}

/// One request. Nothing is added to it but `Host`, `Content-Length` and a `User-Agent` where it has none.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: HttpUrl,
    /// Go to no other host than the one of `url`, whatever it redirects to.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// From the look-up of the name to the last byte that is read, redirects included.
    pub timeout: Duration,
    /// Of the answer's body; reading stops there.
    pub max_bytes: usize,
}

/// What a server said. Any status is an answer; [`Answer::success`] asks for a good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The one that was answered: a redirect can turn a POST into a GET, and then what was posted may not have been taken.
    pub method: Method,
    beginning: Bytes,
    is_whole: bool,
}

/// Why there is no answer. Never holds a path, a query, a header or a body: those may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(
        "{host} is {address}, which is not on the public internet: the administrator can allow it in the setting outgoing.allow"
    )]
    Address { host: String, address: IpAddr },
    #[error("{0}")]
    Redirect(#[from] RedirectFault),
    #[error("cannot send the header {0:?}")]
    Header(String),
    #[error("no address is known for {0}")]
    Unknown(String),
    #[error("cannot connect to {host}: {reason}")]
    Connect { host: String, reason: String },
    #[error("cannot encrypt the connection to {host}: {reason}")]
    Tls { host: String, reason: String },
    #[error("no answer from {0} in time")]
    Timeout(String),
    #[error("the connection to {host} failed: {reason}")]
    Connection { host: String, reason: String },
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the server answered HTTP {0}")]
    Status(u16),
}

impl Failure {
    /// Stable, for programs and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address_refused",
            Self::Redirect(_) => "redirect_refused",
            Self::Header(_) => "header_invalid",
            Self::Unknown(_) => "host_unknown",
            Self::Connect { .. } => "unreachable",
            Self::Tls { .. } => "tls_failed",
            Self::Timeout(_) => "timeout",
            Self::Connection { .. } => "connection_failed",
            Self::TooLarge(_) => "answer_too_large",
            Self::Status(_) => "http_status",
        }
    }

    /// Whether the same request may do better later. What was refused here stays refused until somebody changes something.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Address { .. } | Self::Redirect(_) | Self::Header(_) | Self::TooLarge(_) => false,
            Self::Unknown(_) | Self::Connect { .. } | Self::Tls { .. } | Self::Timeout(_) | Self::Connection { .. } => {
                true
            }
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
        }
    }
}

impl Request {
    /// With 10 s and 64 KiB for the answer.
    pub fn new(method: Method, url: HttpUrl) -> Self {
        let timeout = Duration::from_secs(10);
        Self { method, url, headers: Vec::new(), body: Bytes::new(), timeout, max_bytes: 64 << 10 }
    }

    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }
}

impl Answer {
    /// The body where it came whole.
    pub fn body(&self) -> Result<&Bytes, Failure> {
        if self.is_whole { Ok(&self.beginning) } else { Err(Failure::TooLarge(self.beginning.len())) }
    }

    /// What of the body was read: all of it, or as much as the request took.
    pub fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    /// Itself where the status is one of 200 to 299.
    pub fn success(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(Failure::Status(self.status)) }
    }
}

impl OutgoingClient {
    /// For the thread it is made on.
    pub fn new(config: &Config) -> Self {
        let tls = crate::platform::tls::config();
        let allow: Rc<[Network]> = config.allow.clone().into();
        let connect = move |info| connect(info, Rc::clone(&allow));
        let connector = awc::Connector::new()
            .connector(Rc::new(fn_service(connect)))
            .timeout(config.connect_wait)
            .handshake_timeout(config.connect_wait)
            .rustls_0_23(tls);
        let http = awc::Client::builder()
            .connector(connector)
            .disable_timeout()
            .disable_redirects()
            .no_default_headers()
            .finish();
        Self { http }
    }

    /// Sends once, and follows redirects. Whatever the status, an answer is an answer.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let host = request.url.host().to_owned();
        match tokio::time::timeout(request.timeout, self.follow(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout(host)),
        }
    }

    async fn follow(&self, mut request: Request) -> Result<Answer, Failure> {
        for _ in 0..=redirect::MOST {
            let (answer, location) = self.once(&request).await?;
            let has_body = !request.body.is_empty();
            let Some(hop) = redirect::next(&request.url, answer.status, location.as_deref(), has_body)? else {
                return Ok(answer);
            };
            request.url = hop.url;
            if !hop.keeps_headers {
                request.headers.clear();
            }
            if !hop.keeps_body && request.method != Method::HEAD {
                request.method = Method::GET;
                request.body.clear();
                request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            }
        }
        Err(RedirectFault::TooMany.into())
    }

    async fn once(&self, request: &Request) -> Result<(Answer, Option<String>), Failure> {
        let host = request.url.host();
        let mut outgoing = self.http.request(request.method.clone(), request.url.as_str()).no_decompress();
        outgoing = outgoing.insert_header((USER_AGENT, AGENT));
        for (name, value) in &request.headers {
            outgoing = outgoing.insert_header(header(name, value)?);
        }
        let mut response =
            outgoing.send_body(request.body.clone()).await.map_err(|error| Failure::sending(host, error))?;
        let location = response.headers().get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let (status, location) = (response.status().as_u16(), location.map(str::to_owned));
        let mut beginning = BytesMut::new();
        let mut is_whole = true;
        while let Some(chunk) = response.next().await {
            let chunk = chunk.map_err(|error| Failure::reading(host, &error))?;
            let room = request.max_bytes - beginning.len();
            beginning.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                is_whole = false;
                break;
            }
        }
        let method = request.method.clone();
        Ok((Answer { status, method, beginning: beginning.freeze(), is_whole }, location))
    }
}

impl Failure {
    /// Takes the error by value: awc's is not `Send`.
    fn sending(host: &str, error: SendRequestError) -> Self {
        let host = host.to_owned();
        match error {
            SendRequestError::Timeout | SendRequestError::Connect(ConnectError::Timeout) => Self::Timeout(host),
            SendRequestError::Connect(ConnectError::Resolver(error)) => match error.downcast::<Refused>() {
                Ok(refused) => Self::Address { host, address: refused.0 },
                Err(_) => Self::Unknown(host),
            },
            SendRequestError::Connect(ConnectError::NoRecords) => Self::Unknown(host),
            SendRequestError::Connect(ConnectError::Io(error)) => match handshake_fault(&error) {
                Some(reason) => Self::Tls { host, reason },
                None => Self::Connect { host, reason: error.to_string() },
            },
            SendRequestError::Connect(error) => Self::Connect { host, reason: error.to_string() },
            other => Self::Connection { host, reason: other.to_string() },
        }
    }

    fn reading(host: &str, error: &PayloadError) -> Self {
        Self::Connection { host: host.to_owned(), reason: error.to_string() }
    }
}

/// What TLS says about a handshake that failed; awc hands it on as an error of the connection.
fn handshake_fault(error: &io::Error) -> Option<String> {
    let inner: &(dyn Error + Send + Sync) = error.get_ref()?;
    inner.downcast_ref::<rustls::Error>().map(ToString::to_string)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let fault = || Failure::Header(name.to_owned());
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| fault())?;
    value.set_sensitive(true);
    if OURS.contains(&parsed.as_str()) { Err(fault()) } else { Ok((parsed, value)) }
}

/// No address of that name may be reached; here is one.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused(IpAddr);

/// Looks the name up, judges every address, and connects to one that passed: the same that was judged.
async fn connect(info: ConnectInfo<Uri>, allow: Rc<[Network]>) -> Result<Connection<Uri, TcpStream>, TcpError> {
    let found = look_up(&info).await?;
    let first = found.first().ok_or(TcpError::NoRecords)?.ip();
    let reachable = found.into_iter().filter(|found| address::may_be_reached(found.ip(), &allow));
    let info = info.set_addrs(reachable);
    if info.addrs().len() == 0 {
        return Err(TcpError::Resolver(Box::new(Refused(first))));
    }
    let connection = TcpConnector::default().service().call(info).await?;
    connection.io_ref().set_nodelay(true).map_err(TcpError::Io)?;
    Ok(connection)
}

async fn look_up(info: &ConnectInfo<Uri>) -> Result<Vec<SocketAddr>, TcpError> {
    let host = info.hostname().trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse() {
        return Ok(vec![SocketAddr::new(ip, info.port())]);
    }
    let found = tokio::net::lookup_host((host, info.port())).await;
    found.map(Iterator::collect).map_err(|error| TcpError::Resolver(Box::new(error)))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
