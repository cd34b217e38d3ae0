//! What must not be shown, and how it is replaced.

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};

pub(super) const MASK: &str = "***";

/// The text with everything that looks like a cookie's, token's or password's value replaced by `***`.
pub fn mask(text: &str) -> Cow<'_, str> {
    SECRETS.replace_all(text, |found: &Captures<'_>| {
        let before = ["header", "name", "user", "scheme"].into_iter().find_map(|group| found.name(group));
        let after = found.name("at").map_or("", |at| at.as_str());
        format!("{}{MASK}{after}", before.map_or("", |part| part.as_str()))
    })
}

/// One pass over the text; the alternatives keep what may stay in a named group.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    let cookies = "cookie2|cookie17|_m_h5_tk(?:_enc)?|_m_h5_c|unb|munb|sgcookie|csg|_tb_token_|xsrf-token|skt|tfstk|x5sec(?:data)?|havana_lgc2_77";
    let others = "(?:[a-z_]*(?:password|passwd|secret|token))|api_?key";
    let patterns = [
        // a whole header: the rest of its line
        r"(?P<header>\b(?:set-cookie|cookie|authorization):\s*)[^\r\n]+".to_owned(),
        r"(?P<scheme>\bbearer\s+)[^\s,;]+".to_owned(),
        r"oauth_k1:[^\s&;,]+".to_owned(),
        // a JSON Web Token, whatever it is called
        r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*".to_owned(),
        // a token of this program's own, whatever it is called
        r"\byt_[\w-]{43}".to_owned(),
        // name=value, name: value, "name":"value", \"name\":\"value\"
        format!(r#"(?P<name>(?:\b|_)(?:{cookies}|{others})\\?["']?\s*[=:]\s*\\?["']?)[^\s;&"'\\,)}}]+"#),
        // the password in an address
        r"(?P<user>://[^:/@\s]*:)[^/\s]+(?P<at>@)".to_owned(),
    ];
    #[expect(clippy::expect_used, reason = "a constant pattern, and every test below builds it")]
    Regex::new(&format!("(?i){}", patterns.join("|"))).expect("the pattern compiles")
});

/// A field whose text is never shown, by the last word of its name.
pub(super) fn is_secret(key: &str) -> bool {
    let word = key.rsplit(['.', '_', '-']).next().unwrap_or(key).to_lowercase();
    matches!(
        word.as_str(),
        "cookie"
            | "cookies"
            | "cookie2"
            | "token"
            | "accesstoken"
            | "password"
            | "passwd"
            | "secret"
            | "authorization"
            | "key"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_secrets_are_masked() {
        for text in [
            "jar a=1; cookie2=PLANTED; x=2",
            "jar _m_h5_tk=PLANTED_1760000000000; _m_h5_tk_enc=PLANTED",
            "jar unb=PLANTED; sgcookie=PLANTED; _tb_token_=PLANTED",
            "Cookie: t=PLANTED; whatever=PLANTED",
            "set-cookie: new=PLANTED; Path=/",
            "token oauth_k1:PLANTED/+== given",
            "Authorization: Bearer PLANTED.x.y",
            "password=PLANTED",
            "Password: PLANTED",
            r#"answer {"accessToken":"PLANTED","refreshToken" : "PLANTED"}"#,
            r#"data {\"accessToken\":\"PLANTED\"}"#,
            "cannot open postgres://me:PLANTED@db.example/yutang",
            "cannot open postgres://me:PLAN@TED@db.example/yutang",
            "smtp_password=PLANTED api_key=PLANTED",
            "session eyJQTEFOVEVE.eyJzdWIiOiIxIn0.PLANTED ended, eyJhbGciOiJub25lIn0.PLANTED.",
            "yt_PLANTEDxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxx_TEDx was shown",
            "url https://x.example/punish?x5secdata=PLANTED&x5step=2",
        ] {
            let shown = mask(text);
            assert!(!shown.contains("PLAN") && !shown.contains("TED"), "{shown}");
            assert!(shown.contains(MASK), "{shown}");
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in
            ["account added", "现在还在吗?", "12 tokens asked for", "see https://a.example:8080/b?c=d", "unbeaten=1"]
        {
            assert_eq!(mask(text), text);
        }
        assert_eq!(mask("postgres://me:x@host/db"), "postgres://me:***@host/db");
    }
}
