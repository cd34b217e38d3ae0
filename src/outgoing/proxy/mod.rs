//! Proxies that accounts reach the platform through, as their sellers write them.

pub mod client;

use std::fmt;

use url::Url;

/// An HTTP proxy that tunnels (`CONNECT`), or a SOCKS5 one that looks names up itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    login: Option<Login>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Http,
    Socks5,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Login {
    name: String,
    password: String,
}

/// Why a text is no proxy. Never repeats it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    #[error("it must look like http://host:port or socks5://name:password@host:port")]
    Form,
    #[error("only http:// and socks5:// are supported")]
    Scheme,
    #[error("a host and a port are needed")]
    Place,
    #[error("name and password must have at most 255 bytes each")]
    Login,
}

/// What SOCKS5 can say of a host, a name or a password.
const LONGEST: usize = 255;

impl Proxy {
    /// Reads `http://host:port`, `socks5://name:password@host:port` or `socks5h://…`, which is the same here. Letters that mean
    /// something in an address are written as `%xx` in name and password.
    pub fn parse(text: &str) -> Result<Self, ProxyFault> {
        let url = Url::parse(text.trim()).map_err(|_| ProxyFault::Form)?;
        let kind = match url.scheme() {
            "http" => Kind::Http,
            "socks5" | "socks5h" => Kind::Socks5,
            _ => return Err(ProxyFault::Scheme),
        };
        let has_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        if has_more {
            return Err(ProxyFault::Form);
        }
        let host = url.host_str().filter(|host| !host.is_empty() && host.len() <= LONGEST).ok_or(ProxyFault::Place)?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(ProxyFault::Place)?;
        Ok(Self { kind, host: host.trim_matches(['[', ']']).to_owned(), port, login: Login::of(&url)? })
    }

    /// The address with everything in it. A secret.
    pub fn full(&self) -> String {
        let login = self.login.as_ref().map(|login| format!("{}:{}@", escape(&login.name), escape(&login.password)));
        format!("{}{}{}", self.kind.prefix(), login.unwrap_or_default(), self.place())
    }

    fn place(&self) -> String {
        let bracketed = self.host.contains(':');
        if bracketed { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl Login {
    fn of(url: &Url) -> Result<Option<Self>, ProxyFault> {
        let (name, password) = (unescape(url.username()), unescape(url.password().unwrap_or_default()));
        if name.is_empty() && password.is_empty() {
            return Ok(None);
        }
        let fits = |text: &str| text.len() <= LONGEST;
        if name.is_empty() || !fits(&name) || !fits(&password) {
            return Err(ProxyFault::Login);
        }
        Ok(Some(Self { name, password }))
    }
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Socks5 => "socks5://",
        }
    }
}

fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// `+` is itself in an address; only in forms it is a blank.
fn unescape(text: &str) -> String {
    let plus = text.replace('+', "%2B");
    form_urlencoded::parse(plus.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

/// Without name and password: for people and logs.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = if self.login.is_some() { "***@" } else { "" };
        write!(f, "{}{login}{}", self.kind.prefix(), self.place())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_the_same() {
        for text in
            ["http://proxy.example.com:3128", "socks5://10.0.0.7:1080", "socks5://n%40me:p%3Ass@[2001:db8::1]:1080"]
        {
            assert_eq!(Proxy::parse(text).unwrap().full(), text);
        }
        assert_eq!(Proxy::parse(" socks5h://host:1080/ ").unwrap().full(), "socks5://host:1080");
        assert_eq!(Proxy::parse("http://host").unwrap().full(), "http://host:80");
    }

    #[test]
    fn name_and_password_are_nowhere_to_be_seen() {
        let proxy = Proxy::parse("http://seller:geheim@proxy.example.com:3128").unwrap();
        for shown in [proxy.to_string(), format!("{proxy:?}")] {
            assert!(
                shown.contains("***@proxy.example.com:3128") && !shown.contains("geheim") && !shown.contains("seller")
            );
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_for_what_it_lacks() {
        let long = format!("socks5://{}:p@host:1", "n".repeat(256));
        let cases = [
            ("proxy.example.com:3128", ProxyFault::Scheme),
            ("", ProxyFault::Form),
            ("https://host:443", ProxyFault::Scheme),
            ("file:///etc/passwd", ProxyFault::Scheme),
            ("socks5://host", ProxyFault::Place),
            ("socks5://host:0", ProxyFault::Place),
            ("http://host:99999", ProxyFault::Form),
            ("http://host:3128/path", ProxyFault::Form),
            ("http://host:3128?x=1", ProxyFault::Form),
            ("http://:password@host:3128", ProxyFault::Login),
            (&long, ProxyFault::Login),
        ];
        for (text, fault) in cases {
            assert_eq!(Proxy::parse(text), Err(fault), "{text}");
        }
    }
}
