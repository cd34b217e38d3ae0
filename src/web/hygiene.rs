//! What every request and every answer goes through: a number to speak of it, a line in the log, headers that keep browsers safe, and a
//! bound on how many are worked on at once.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};
use log::{Level, log};
use tokio::time::timeout;

use super::{
    AppState, Route,
    error::{ApiError, ApiResult, Code},
    gate::{Access, SignedIn},
    route_of,
    strangers::Served,
};

/// How long a request may wait for its turn before it is told to come back.
const TURN: Duration = Duration::from_secs(2);

/// The target of the lines about requests.
const REQUESTS: &str = "yutang::web::requests";
const LOG_PAGE: &str = "/app/logs";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// No scripts, styles, frames or connections but our own; no plugins; nobody frames us.
pub(super) const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SECURITY: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];

/// The number by which log lines, audit lines and the answer speak of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Where a request came from, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Whether the browser spoke HTTPS, as far as a proxy of our own tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByHttps(pub bool);

/// Outermost: gives the request its number, and when it is answered writes its line and the headers.
pub(super) async fn follow<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers().get(REQUEST_ID));
    let proxies: &[IpAddr] =
        request.app_data::<Data<AppState>>().map_or(&[], |app| &app.settings.server.trusted_proxies);
    let header = |name: &str| joined(request.headers(), name);
    let address = client_address(request.peer_addr(), &header("x-forwarded-for"), proxies);
    let by_https = came_by_https(request.peer_addr(), &header("x-forwarded-proto"), proxies);
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(ClientAddress(address));
    request.extensions_mut().insert(ByHttps(by_https));
    let mut response = next.call(request).await?;
    tell(response.request(), response.status().as_u16(), started, &id, address);
    put_headers(&mut response, &id);
    Ok(response)
}

/// A header that may stand in several lines, as if it stood in one (RFC 9110, 5.3). A line that is no text is an item that nobody knows.
fn joined(headers: &HeaderMap, name: &str) -> String {
    let lines: Vec<&str> = headers.get_all(name).map(|value| value.to_str().unwrap_or_default()).collect();
    lines.join(",")
}

fn request_id(given: Option<&HeaderValue>) -> String {
    let sane = |text: &&str| {
        (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match given.and_then(|value| value.to_str().ok()).filter(sane) {
        Some(text) => text.to_owned(),
        None => format!("{:032x}", rand::random::<u128>()),
    }
}

/// The path's template, never the path: it may hold what is nobody's business, and has endless values.
fn tell(request: &HttpRequest, status: u16, started: Instant, id: &str, address: IpAddr) {
    let pattern = request.match_pattern().unwrap_or_else(|| "(none)".to_owned());
    let user = request.extensions().get::<SignedIn>().map(|signed_in| signed_in.0.user.id.0);
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(app) = request.app_data::<Data<AppState>>() {
        app.metrics.observe_http(request.method().as_str(), &pattern, status, started.elapsed());
    }
    let method = request.method().as_str();
    // The page that shows the log follows it: a line of its own would have it shown anew without end.
    let level = if pattern == LOG_PAGE && status < 400 { Level::Trace } else { Level::Info };
    match user {
        Some(user) => log!(
            target: REQUESTS, level, method, path = &*pattern, status, duration_ms = ms, "user.id" = user, "request.id" = id,
            address:% = address; "request"
        ),
        None => log!(
            target: REQUESTS, level, method, path = &*pattern, status, duration_ms = ms, "request.id" = id,
            address:% = address; "request"
        ),
    }
}

fn put_headers<B>(response: &mut ServiceResponse<B>, id: &str) {
    let headers = response.headers_mut();
    // What an answer says itself holds.
    let usual = [("content-security-policy", CONTENT_SECURITY), ("cache-control", "no-store")];
    for (name, value) in SECURITY.into_iter().chain(usual) {
        if !headers.contains_key(name) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// The peer; where that is a proxy we were told of, the last address before our own proxies. An IPv4 address that came over IPv6 is the
/// IPv4 address.
fn client_address(peer: Option<SocketAddr>, forwarded: &str, proxies: &[IpAddr]) -> IpAddr {
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
    if !is_ours(peer, proxies) {
        return peer;
    }
    let hops = forwarded.rsplit(',').map(|hop| hop.trim().parse::<IpAddr>());
    let foreign = hops.map_while(Result::ok).map(|hop| hop.to_canonical()).find(|hop| !is_ours(*hop, proxies));
    foreign.unwrap_or(peer)
}

fn is_ours(address: IpAddr, proxies: &[IpAddr]) -> bool {
    proxies.iter().any(|proxy| proxy.to_canonical() == address.to_canonical())
}

/// What the nearest proxy says stands last.
fn came_by_https(peer: Option<SocketAddr>, proto: &str, proxies: &[IpAddr]) -> bool {
    let last = proto.rsplit(',').next().unwrap_or_default().trim();
    peer.is_some_and(|peer| is_ours(peer.ip(), proxies)) && last.eq_ignore_ascii_case("https")
}

/// A request waits for a free place, not for ever. Whether the process lives can be asked at any time.
pub(super) async fn take_turn<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = request.app_data::<Data<AppState>>().cloned();
    let (Some(app), false) = (app, is_always_heard(request.path())) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let _served = match admit_stranger(&request, &app) {
        Ok(served) => served,
        Err(refusal) => return Ok(request.into_response(HttpResponse::from_error(refusal)).map_into_right_body()),
    };
    match timeout(TURN, app.places.clone().acquire_owned()).await {
        Ok(Ok(_place)) => Ok(next.call(request).await?.map_into_left_body()),
        Ok(Err(_)) | Err(_) => {
            let refusal = ApiError::from(Code::Overloaded).retry_after(TURN.as_secs());
            let response = HttpResponse::from_error(refusal);
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

/// Counts who may send a body without being known. `None` for everybody else: the gate asks them first.
fn admit_stranger(request: &ServiceRequest, app: &AppState) -> ApiResult<Option<Served>> {
    let is_open = |route: &Route| matches!(route.access, Access::Open | Access::Door);
    if request.method().is_safe() || !route_of(request.request()).is_some_and(is_open) {
        return Ok(None);
    }
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    address.map(|address| app.strangers.admit(address)).transpose()
}

fn is_always_heard(path: &str) -> bool {
    matches!(path, "/health" | "/livez" | "/readyz")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn address(peer: &str, forwarded: &str) -> String {
        client_address(peer.parse().ok(), forwarded, &[PROXY]).to_string()
    }

    /// S28: what anybody may write into a header counts only from a proxy of our own.
    #[test]
    fn s28_a_forwarded_address_counts_only_from_a_listed_proxy() {
        assert_eq!(address("203.0.113.9:1", "198.51.100.1"), "203.0.113.9");
        assert_eq!(address("10.0.0.1:1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(address("10.0.0.1:1", "1.1.1.1, 198.51.100.1, 10.0.0.1"), "198.51.100.1");
        assert_eq!(address("10.0.0.1:1", "forged"), "10.0.0.1");
        assert_eq!(address("10.0.0.1:1", ""), "10.0.0.1");
    }

    /// S28: one address is one address, however it is written.
    #[test]
    fn s28_an_ipv4_address_over_ipv6_is_the_ipv4_address() {
        assert_eq!(address("[::ffff:203.0.113.9]:1", "198.51.100.1"), "203.0.113.9");
        assert_eq!(address("[::ffff:10.0.0.1]:1", "::ffff:198.51.100.1, ::ffff:10.0.0.1"), "198.51.100.1");
    }

    /// S28: a line of the client's own before that of the proxy says nothing.
    #[test]
    fn s28_the_last_of_several_header_lines_counts() {
        let mut headers = HeaderMap::new();
        for value in ["1.1.1.1", "198.51.100.1"] {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(value));
        }
        assert_eq!(address("10.0.0.1:1", &joined(&headers, "x-forwarded-for")), "198.51.100.1");
        headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(address("10.0.0.1:1", &joined(&headers, "x-forwarded-for")), "10.0.0.1");
        assert!(!came_by_https("10.0.0.1:1".parse().ok(), "https,http", &[PROXY]));
    }

    /// S28: as above.
    #[test]
    fn s28_a_proxy_that_is_not_listed_says_nothing_about_https() {
        let by_https = |peer: &str, proto| came_by_https(peer.parse().ok(), proto, &[PROXY]);
        assert!(by_https("10.0.0.1:1", "https"));
        assert!(!by_https("10.0.0.1:1", "http") && !by_https("10.0.0.1:1", ""));
        assert!(!by_https("203.0.113.9:1", "https"));
    }

    #[test]
    fn a_request_keeps_a_sane_number_and_gets_one_otherwise() {
        let given = |text: &str| request_id(HeaderValue::from_str(text).ok().as_ref());
        assert_eq!(given("abc-12345"), "abc-12345");
        for odd in ["short", "with blank 123", "x\"y'<script>12", &"a".repeat(65)] {
            assert_eq!(given(odd).len(), 32);
        }
        assert_ne!(request_id(None), request_id(None));
    }
}
