//! What an address must look like before anything is sent there.

use std::fmt;

/// Longer ones are refused: no service needs more, and some logs and proxies take less.
pub const LONGEST: usize = 2048;

/// An `http` or `https` address with a host and without a login, spelt as browsers spell it. Its path and query may hold a secret, so that
/// only the host is shown in `Debug` and in errors.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl(url::Url);

/// Why a text cannot be an address to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    #[error("the address must look like https://HOST[:PORT][/PATH]")]
    Malformed,
    #[error("the address must begin with https:// or http://")]
    Scheme,
    #[error("the address must not hold a user or a password before the host")]
    Login,
    #[error("the address must not be longer than {LONGEST} characters")]
    TooLong,
}

impl UrlFault {
    /// Stable, for programs and translations.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "url_malformed",
            Self::Scheme => "url_scheme",
            Self::Login => "url_with_login",
            Self::TooLong => "url_too_long",
        }
    }
}

impl HttpUrl {
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        Self::check(url::Url::parse(text.trim()).map_err(|_| UrlFault::Malformed)?)
    }

    /// The address that a redirect from here names, which may be a path alone.
    pub fn join(&self, location: &str) -> Result<Self, UrlFault> {
        Self::check(self.0.join(location.trim()).map_err(|_| UrlFault::Malformed)?)
    }

    fn check(mut url: url::Url) -> Result<Self, UrlFault> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlFault::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlFault::Login);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(UrlFault::Malformed);
        }
        url.set_fragment(None);
        if url.as_str().len() > LONGEST { Err(UrlFault::TooLong) } else { Ok(Self(url)) }
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether `other` belongs to the same server: scheme, host and port; or it is the same host's usual `https` in place of its usual
    /// `http`.
    pub fn is_kin(&self, other: &Self) -> bool {
        let upgraded = !self.is_https() && self.port() == 80 && other.is_https() && other.port() == 443;
        self.host() == other.host() && (upgraded || (self.is_https(), self.port()) == (other.is_https(), other.port()))
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.0.scheme(), self.host())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).unwrap()
    }

    #[test]
    fn only_an_http_address_without_a_login_is_taken() {
        for (text, fault) in [
            ("", UrlFault::Malformed),
            ("example.com/x", UrlFault::Malformed),
            ("https://", UrlFault::Malformed),
            ("https://exa mple.com/", UrlFault::Malformed),
            ("ftp://example.com/", UrlFault::Scheme),
            ("file:///etc/passwd", UrlFault::Scheme),
            ("gopher://127.0.0.1:6379/_FLUSHALL", UrlFault::Scheme),
            ("javascript:alert(1)", UrlFault::Scheme),
            ("https://me:secret@example.com/", UrlFault::Login),
            ("https://public.example@127.0.0.1/", UrlFault::Login),
        ] {
            assert_eq!(HttpUrl::parse(text), Err(fault), "{text}");
        }
        assert_eq!(HttpUrl::parse(&format!("https://example.com/{}", "x".repeat(2048))), Err(UrlFault::TooLong));
    }

    #[test]
    fn an_address_is_spelt_as_browsers_spell_it() {
        assert_eq!(url(" HTTPS://Example.COM:443/a b?q=鱼#frag ").as_str(), "https://example.com/a%20b?q=%E9%B1%BC");
        assert_eq!(url("http://鱼塘.example/").host(), "xn--smsr99m.example");
        for odd in ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://0177.0.0.1/"] {
            assert_eq!(url(odd).host(), "127.0.0.1", "{odd}");
        }
    }

    #[test]
    fn kin_is_the_same_server_or_its_encrypted_side() {
        let https = url("https://example.com/a");
        assert!(https.is_kin(&url("https://example.com:443/b")));
        assert!(url("http://example.com/").is_kin(&https));
        for other in ["http://example.com/", "https://example.com:8443/", "https://www.example.com/", "https://evil/"] {
            assert!(!https.is_kin(&url(other)), "{other}");
        }
        assert!(!url("http://example.com:8080/").is_kin(&https));
    }

    #[test]
    fn nothing_but_the_host_is_shown() {
        let shown = format!("{:?}", url("https://example.com/planted?token=planted"));
        assert_eq!(shown, "https://example.com/…");
    }
}
