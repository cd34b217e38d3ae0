//! Addresses that users write down, for the fields that take one. They are judged again, and for good, when something is sent there.

use std::net::IpAddr;

use super::error::Said;
use crate::outgoing::{
    address::{self, Network},
    url::{HttpUrl, UrlFault},
};

/// The address, or why it cannot be used. A name is looked up only when something is sent.
pub fn read(text: &str, allowed: &[Network]) -> Result<HttpUrl, Said> {
    let url = HttpUrl::parse(text).map_err(said)?;
    match host(&url).parse::<IpAddr>() {
        Ok(ip) if !address::may_be_reached(ip, allowed) => Err(Said::new(
            "该地址不在公网上；管理员可在设置 outgoing.allow 中放行",
            "is not on the public internet: the administrator can allow it in the setting outgoing.allow",
        )),
        _ => Ok(url),
    }
}

/// The same for an address that a secret is sent to. In the clear it may go only to this machine or its network, where the administrator
/// allows that.
pub fn read_for_secret(text: &str, allowed: &[Network]) -> Result<HttpUrl, Said> {
    let url = read(text, allowed)?;
    let inside = || url.host() == "localhost" || host(&url).parse().is_ok_and(|ip| !address::is_public(ip));
    if url.is_https() || inside() {
        return Ok(url);
    }
    Err(Said::new("须使用 https：密钥不能明文传输", "must be https: secrets do not go in the clear"))
}

fn host(url: &HttpUrl) -> &str {
    url.host().trim_start_matches('[').trim_end_matches(']')
}

fn said(fault: UrlFault) -> Said {
    let zh = match fault {
        UrlFault::Malformed => "须为 https://主机[:端口][/路径] 形式的地址",
        UrlFault::Scheme => "须以 https:// 或 http:// 开头",
        UrlFault::Login => "主机前不能带用户名或密码",
        UrlFault::TooLong => "地址过长",
    };
    Said::new(zh, fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s29_an_address_of_the_inside_is_refused_when_it_is_written_down_unless_it_is_allowed() {
        let allowed: Vec<Network> = ["10.0.0.0/8".parse()].into_iter().flatten().collect();
        for inside in ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://169.254.169.254/"] {
            assert!(read(inside, &allowed).is_err_and(|said| said.en.contains("outgoing.allow")), "{inside}");
        }
        for fine in ["http://10.1.2.3/", "https://example.com/", "http://1.1.1.1:8080/x"] {
            assert!(read(fine, &allowed).is_ok(), "{fine}");
        }
        for refused in ["http://example.com/", "http://1.1.1.1/", "http://127.0.0.1/", "http://localhost.example.com/"]
        {
            assert!(read_for_secret(refused, &allowed).is_err(), "{refused}");
        }
        for fine in ["https://example.com/", "https://1.1.1.1/", "http://10.1.2.3/", "http://localhost:11434/v1"] {
            assert!(read_for_secret(fine, &allowed).is_ok(), "{fine}");
        }
        assert!(read("ftp://example.com/", &[]).is_err_and(|said| !said.zh.is_ascii()));
    }
}
