//! Where a redirect leads, and what may go along.

use super::url::{HttpUrl, UrlFault};

/// How many redirects one request follows.
pub const MOST: usize = 3;

/// The next request after a redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    pub url: HttpUrl,
    /// Whether the method and the body stay; else it goes on as a GET without a body.
    pub keeps_body: bool,
    /// Whether it is the server the caller wrote to: nobody else sees the caller's headers.
    pub keeps_headers: bool,
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    #[error("the server redirects more than {MOST} times")]
    TooMany,
    #[error("the server redirects to nowhere: {0}")]
    Nowhere(UrlFault),
    #[error("the server redirects from https to http")]
    Unencrypted,
    #[error("the server redirects what was sent to another host")]
    AnotherHost,
}

/// Reads a redirect: `status` and `location` are the answer's, `from` is where it came from; `has_body` says whether the request that was
/// answered carries one. `None` is no redirect: the answer stands.
pub fn next(from: &HttpUrl, status: u16, location: Option<&str>, has_body: bool) -> Result<Option<Hop>, RedirectFault> {
    let Some(location) = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) else { return Ok(None) };
    let url = from.join(location).map_err(RedirectFault::Nowhere)?;
    if from.is_https() && !url.is_https() {
        return Err(RedirectFault::Unencrypted);
    }
    let keeps_headers = from.is_kin(&url);
    let keeps_body = matches!(status, 307 | 308);
    if keeps_body && has_body && !keeps_headers {
        return Err(RedirectFault::AnotherHost);
    }
    Ok(Some(Hop { url, keeps_body, keeps_headers }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn after(status: u16, location: &str, has_body: bool) -> Result<Option<Hop>, RedirectFault> {
        next(&HttpUrl::parse("https://a.example/hook").unwrap(), status, Some(location), has_body)
    }

    #[test]
    fn a_path_stays_on_the_server_with_everything() {
        let hop = after(308, "/other", true).unwrap().unwrap();
        assert_eq!((hop.url.as_str(), hop.keeps_body, hop.keeps_headers), ("https://a.example/other", true, true));
    }

    #[test]
    fn another_host_sees_neither_headers_nor_body() {
        let hop = after(302, "https://b.example/", true).unwrap().unwrap();
        assert_eq!((hop.keeps_body, hop.keeps_headers), (false, false));
        assert_eq!(after(307, "https://b.example/", true), Err(RedirectFault::AnotherHost));
        assert_eq!(after(307, "//b.example/", true), Err(RedirectFault::AnotherHost));
        assert!(!after(307, "https://b.example/", false).unwrap().unwrap().keeps_headers);
    }

    #[test]
    fn an_encrypted_way_stays_encrypted_and_a_scheme_stays_http() {
        assert_eq!(after(301, "http://a.example/", false), Err(RedirectFault::Unencrypted));
        assert_eq!(after(301, "file:///etc/passwd", false), Err(RedirectFault::Nowhere(UrlFault::Scheme)));
        assert_eq!(after(301, "https://x@b.example/", false), Err(RedirectFault::Nowhere(UrlFault::Login)));
    }

    #[test]
    fn what_is_no_redirect_stands() {
        assert_eq!(after(200, "/x", false), Ok(None));
        assert_eq!(after(304, "/x", false), Ok(None));
        assert_eq!(next(&HttpUrl::parse("https://a.example/").unwrap(), 302, None, false), Ok(None));
    }
}
