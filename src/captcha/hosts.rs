//! Which hosts the browser may speak to.

use url::{Host, Url};

/// The platform's domains with everything below them, and single hosts with their ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hosts {
    domains: Vec<String>,
    exact: Vec<(String, u16)>,
}

impl Hosts {
    /// `urls` are those that the settings name: what is none of the domains' is allowed as that one host and port.
    pub fn new(domains: &[&str], urls: &[&str]) -> Self {
        let mut hosts = Self { domains: domains.iter().map(|&domain| domain.to_owned()).collect(), exact: Vec::new() };
        for url in urls.iter().filter_map(|text| Url::parse(text).ok()) {
            let Some(host) = host_of(&url).zip(url.port_or_known_default()) else { continue };
            if hosts.domain_of(&host.0).is_none() && !hosts.exact.contains(&host) {
                hosts.exact.push(host);
            }
        }
        hosts
    }

    /// Whether the browser may ask for this. What names no host (`data:`, `blob:`) reaches nobody; a file is never opened.
    pub fn allows(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        match url.scheme() {
            "data" | "blob" | "about" => true,
            "http" | "https" | "ws" | "wss" => {
                host_of(&url).zip(url.port_or_known_default()).is_some_and(|host| self.allows_host(&host))
            }
            _ => false,
        }
    }

    /// Whether a page may be opened here.
    pub fn allows_page(&self, url: &str) -> bool {
        let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        is_web && self.allows(url)
    }

    fn allows_host(&self, host: &(String, u16)) -> bool {
        (self.domain_of(&host.0).is_some() && matches!(host.1, 80 | 443)) || self.exact.contains(host)
    }

    fn domain_of(&self, host: &str) -> Option<&str> {
        let is_below = |domain: &&String| {
            host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.domains.iter().find(is_below).map(String::as_str)
    }

    /// To which of the domains cookies of a page at `url` belong; `None`: to its host alone.
    pub fn cookie_domain(&self, url: &str) -> Option<&str> {
        self.domain_of(&host_of(&Url::parse(url).ok()?)?)
    }

    /// Whether a cookie of `domain` goes to the gateway of a page at `url`.
    pub fn shares_cookies(&self, url: &str, domain: &str) -> bool {
        let Some(host) = Url::parse(url).ok().as_ref().and_then(host_of) else { return false };
        let domain = domain.trim_start_matches('.');
        domain == host || self.domain_of(&host).is_some_and(|ours| self.domain_of(domain) == Some(ours))
    }

    /// Nothing else has an address at all for the browser: neither names nor numbers.
    pub fn resolver_rules(&self) -> String {
        let domains = self.domains.iter().flat_map(|domain| [domain.clone(), format!("*.{domain}")]);
        let allowed = domains.chain(self.exact.iter().map(|(host, _)| host.clone()));
        let excluded: String = allowed.map(|host| format!(" , EXCLUDE {host}")).collect();
        format!("MAP * ~NOTFOUND{excluded}")
    }
}

fn host_of(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain("") => None,
        // A name may end with the root's dot.
        Host::Domain(name) => Some(name.trim_end_matches('.').to_owned()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(format!("[{address}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(&["shop.example"], &["https://gateway.shop.example/h5", "http://127.0.0.1:4000", "nonsense"])
    }

    #[test]
    fn the_platforms_domains_and_the_configured_hosts_are_opened() {
        for url in [
            "https://shop.example/x",
            "https://h5api.m.shop.example:443//h5/punish?a=b",
            "http://a.shop.example./",
            "wss://im.shop.example/",
            "http://127.0.0.1:4000/punish",
            "data:text/html,x",
        ] {
            assert!(hosts().allows(url), "{url}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for url in [
            "https://shop.example.evil.test/",
            "https://notshop.example/",
            "https://shop.example:8443/",
            "https://shop.example@evil.test/",
            "http://127.0.0.1:4001/",
            "http://127.0.0.2:4000/",
            "http://localhost:4000/",
            "http://[::1]:4000/",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "chrome://settings",
            "javascript:alert(1)",
            "ftp://shop.example/",
            "",
        ] {
            assert!(!hosts().allows(url), "{url}");
        }
        assert!(!hosts().allows_page("data:text/html,x") && !hosts().allows_page("wss://shop.example/"));
    }

    #[test]
    fn the_resolver_knows_the_same_hosts() {
        let rules = hosts().resolver_rules();
        assert_eq!(rules, "MAP * ~NOTFOUND , EXCLUDE shop.example , EXCLUDE *.shop.example , EXCLUDE 127.0.0.1");
    }

    #[test]
    fn cookies_are_those_of_the_platforms_domain_or_of_one_host() {
        let hosts = hosts();
        assert_eq!(hosts.cookie_domain("https://m.shop.example/"), Some("shop.example"));
        assert_eq!(hosts.cookie_domain("http://127.0.0.1:4000/"), None);
        assert!(hosts.shares_cookies("https://m.shop.example/", ".shop.example"));
        assert!(!hosts.shares_cookies("https://m.shop.example/", "evil.test"));
        assert!(hosts.shares_cookies("http://127.0.0.1:4000/", "127.0.0.1"));
        assert!(!hosts.shares_cookies("http://127.0.0.1:4000/", "shop.example"));
    }
}
