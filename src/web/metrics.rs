//! `GET /metrics` for Prometheus. It always wants its own token: behind a proxy on the same machine everybody comes from loopback.

use actix_web::{HttpRequest, HttpResponse, http::header::AUTHORIZATION, web::Data};
use ring::hmac;

use super::{
    AppState,
    error::{ApiResult, Code, ErrorBody},
};

/// Figures for Prometheus, with `metrics.token` as bearer token; without that setting there is none.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, content_type = "text/plain", body = String),
    (status = 401, body = ErrorBody, description = "The token of the metrics is missing or wrong"),
    (status = 404, body = ErrorBody, description = "No token is set"),
))]
pub(super) async fn metrics(request: HttpRequest, state: Data<AppState>) -> ApiResult<HttpResponse> {
    let token = state.settings.metrics.token.as_bytes();
    if token.is_empty() {
        return Err(Code::NotFound.into());
    }
    let given = request.headers().get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    if !given.is_some_and(|given| is_same(given, token)) {
        return Err(Code::MetricsToken.into());
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.metrics.render()))
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Takes as long for a near miss as for a wild guess: what is compared are keyed hashes of both.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, expected);
    hmac::verify(&key, given, hmac::sign(&key, expected).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer abc "), Some(&b"abc"[..]));
        for header in [&b"Basic abc"[..], b"abc", b"", b"Bearerabc"] {
            assert_eq!(bearer(header), None);
        }
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(is_same(b"0123456789abcdef", b"0123456789abcdef"));
        for given in [&b""[..], b"0123456789abcde", b"0123456789abcdef0", b"0123456789abcdeF"] {
            assert!(!is_same(given, b"0123456789abcdef"));
        }
    }
}
