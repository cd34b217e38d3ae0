//! What an answer of the gateway means. The only file that knows the platform's `ret` strings.

use std::fmt;

use serde_json::Value;

/// What came of a call, by what the caller has to do next.
///
/// Every element of `ret` counts, and so does `data.url`; where they disagree the most serious meaning wins. A missing or empty `ret` is
/// not a success.
#[derive(Clone, PartialEq)]
pub enum Outcome {
    /// Done; `data` of the answer.
    Success(Value),
    /// The signing token was empty, stale or illegal: take the new cookies, sign again. If that does not help, the session is as good as lost.
    Token,
    /// The login session is dead: the owner must log in again.
    Session,
    /// The platform wants a person: no further call until one has acted. `url` opens the challenge and is a secret.
    Risk { url: Option<String> },
    /// The request was judged abnormal: stop calling for this account, tell the owner.
    AccessDenied,
    /// The gateway found signature or parameters wrong: our mistake, a repetition changes nothing.
    BadRequest,
    /// Too many calls: wait.
    RateLimited,
    /// The platform's own trouble: may be tried again, a few times.
    Server,
    /// The platform understood and said no; `code` is stable, `text` is for people.
    Business { code: String, text: String },
    /// Nothing we know. `excerpt` is the start of what came, for a log.
    Unknown { excerpt: String },
}

/// The meaning of one `ret` element, the most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Risk,
    Success,
    Session,
    AccessDenied,
    Token,
    BadRequest,
    RateLimited,
    Server,
    Business,
    Unknown,
}

/// What stands before `::`. `FAIL_SYS_TOKEN_EXOIRED` is the platform's spelling.
const CODES: &[(&str, Meaning)] = &[
    ("SUCCESS", Meaning::Success),
    ("FAIL_SYS_TOKEN_EXOIRED", Meaning::Token),
    ("FAIL_SYS_TOKEN_EXPIRED", Meaning::Token),
    ("FAIL_SYS_TOKEN_EMPTY", Meaning::Token),
    ("FAIL_SYS_TOKEN_ILLEGAL", Meaning::Token),
    ("FAIL_SYS_SESSION_EXPIRED", Meaning::Session),
    // Says the same from another layer, so the same must be done.
    ("FAIL_BIZ_USER_NOT_LOGIN", Meaning::Session),
    ("FAIL_SYS_USER_VALIDATE", Meaning::Risk),
    ("RGV587_ERROR", Meaning::Risk),
    ("FAIL_BIZ_WUA_IS_MACHINE", Meaning::Risk),
    ("FAIL_SYS_ILLEGAL_ACCESS", Meaning::AccessDenied),
    ("FAIL_SYS_ILLEGAL_REQUEST", Meaning::BadRequest),
    ("FAIL_SYS_SERVICE_NOT_EXIST", Meaning::BadRequest),
    ("FAIL_SYS_TRAFFIC_LIMIT", Meaning::RateLimited),
    ("FAIL_SYS_USER_LIMIT", Meaning::RateLimited),
    ("FAIL_SYS_ERROR", Meaning::Server),
    ("FAIL_SYS_TIMEOUT", Meaning::Server),
];

/// Texts that give a code away which we do not know yet. Not 请稍后重试: ordinary transient errors say that too.
const TEXTS: &[(&str, Meaning)] = &[
    ("哎哟喂", Meaning::Risk),
    ("被挤爆", Meaning::Risk),
    ("punish?x5secdata", Meaning::Risk),
    ("captcha", Meaning::Risk),
    ("Session过期", Meaning::Session),
    ("令牌过期", Meaning::Token),
    ("令牌为空", Meaning::Token),
];

/// Marks of a challenge page, in a URL or in a page that came instead of JSON.
const CHALLENGE: &[&str] = &["_____tmd_____", "x5secdata", "punish"];

/// Marks that mean a challenge in `data.url` of a call that did not succeed, and nothing elsewhere.
const WEAK_CHALLENGE: &[&str] = &["captcha", "validate"];

/// Refusals that say: it is as it was to become.
const DONE_ALREADY: [&str; 3] = ["IDLEITEM_POLISH_AGAIN", "POLISH_DUPLICATE", "ORDER_ALREADY_DELIVERY"];

/// Texts of refusals that say so.
const DONE_ALREADY_TEXT: &str = "已发货成功";

/// Refusals that say: there is no such item any more.
const ITEM_GONE: [&str; 3] = ["FAIL_BIZ_ITEM_NOT_FOUND", "ITEM_NOT_FOUND", "ITEM_DELETED"];

/// Characters of an answer that [`Outcome::Unknown`] keeps.
const EXCERPT: usize = 160;

impl Outcome {
    /// Reads a whole answer, whatever content type it claimed (a challenge may come as `text/html`).
    pub fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match serde_json::from_slice(body) {
            Ok(answer) => Self::of(answer),
            Err(_) => Self::of_page(&String::from_utf8_lossy(body)),
        }
    }

    /// Reads a parsed answer.
    pub fn of(mut answer: Value) -> Self {
        let (meaning, element) = most_serious(&answer);
        match meaning_with_url(meaning, challenge_url(&answer)) {
            Meaning::Success => Self::Success(answer.get_mut("data").map(Value::take).unwrap_or_default()),
            Meaning::Token => Self::Token,
            Meaning::Session => Self::Session,
            Meaning::Risk => Self::Risk { url: challenge_url(&answer).map(str::to_owned) },
            Meaning::AccessDenied => Self::AccessDenied,
            Meaning::BadRequest => Self::BadRequest,
            Meaning::RateLimited => Self::RateLimited,
            Meaning::Server => Self::Server,
            Meaning::Business => Self::business(&element),
            Meaning::Unknown => {
                Self::Unknown { excerpt: excerpt(&answer.get("ret").unwrap_or(&Value::Null).to_string()) }
            }
        }
    }

    /// A refusal that needs nothing more to be done: what was asked for was done before.
    pub fn is_done_already(&self) -> bool {
        let says_so = matches!(self, Self::Business { text, .. } if text.contains(DONE_ALREADY_TEXT));
        says_so || self.is_refusal_of(&DONE_ALREADY)
    }

    /// The platform knows the item no more.
    pub fn is_item_gone(&self) -> bool {
        self.is_refusal_of(&ITEM_GONE)
    }

    fn is_refusal_of(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Business { code, .. } if codes.contains(&code.as_str()))
    }

    fn of_page(page: &str) -> Self {
        if CHALLENGE.iter().any(|mark| page.contains(mark)) {
            return Self::Risk { url: None };
        }
        if page.contains("mini-login") {
            return Self::Session;
        }
        Self::Unknown { excerpt: excerpt(page) }
    }

    fn business(element: &str) -> Self {
        let (code, text) = element.split_once("::").unwrap_or((element, ""));
        Self::Business { code: code.to_owned(), text: text.to_owned() }
    }
}

/// The meaning of all of `ret`, with the element that decided it.
fn most_serious(answer: &Value) -> (Meaning, String) {
    let elements = match answer.get("ret") {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(single @ Value::String(_)) => std::slice::from_ref(single),
        _ => &[],
    };
    let weighed = elements.iter().filter_map(Value::as_str).map(|element| (meaning_of(element), element));
    weighed.min_by_key(|(meaning, _)| *meaning).map_or((Meaning::Unknown, String::new()), |(m, e)| (m, e.to_owned()))
}

fn meaning_of(element: &str) -> Meaning {
    let code = element.split("::").next().unwrap_or_default().trim();
    let by_code = CODES.iter().find(|(known, _)| *known == code);
    let by_text = || TEXTS.iter().find(|(known, _)| element.contains(known));
    match by_code.or_else(by_text) {
        Some((_, meaning)) => *meaning,
        None if code.is_empty() || code.starts_with("FAIL_SYS_") => Meaning::Unknown,
        None => Meaning::Business,
    }
}

fn challenge_url(answer: &Value) -> Option<&str> {
    let url = answer.get("data")?.get("url")?.as_str()?;
    (!url.is_empty()).then_some(url)
}

fn meaning_with_url(meaning: Meaning, url: Option<&str>) -> Meaning {
    let Some(url) = url else { return meaning };
    let marked = |marks: &[&str]| marks.iter().any(|mark| url.contains(mark));
    match meaning {
        _ if marked(CHALLENGE) => Meaning::Risk,
        Meaning::Success => Meaning::Success,
        _ if marked(WEAK_CHALLENGE) => Meaning::Risk,
        other => other,
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}

/// What happened in a few words, without anything secret.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success(_) => f.write_str("success"),
            Self::Token => f.write_str("signing token refused"),
            Self::Session => f.write_str("login session expired"),
            Self::Risk { .. } => f.write_str("the platform asks for a person"),
            Self::AccessDenied => f.write_str("access denied"),
            Self::BadRequest => f.write_str("signature or parameters refused"),
            Self::RateLimited => f.write_str("too many calls"),
            Self::Server => f.write_str("the platform failed"),
            Self::Business { code, text } => write!(f, "refused: {code} {text}"),
            Self::Unknown { excerpt } => write!(f, "answer not understood: {excerpt}"),
        }
    }
}

/// As [`Display`](fmt::Display): a successful answer may carry an access token, a challenge its secret.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcome({self})")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    /// The vectors' word for an outcome.
    fn word(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Success(_) => "success",
            Outcome::Token => "token",
            Outcome::Session => "session",
            Outcome::Risk { .. } => "risk",
            Outcome::AccessDenied => "risk-or-sign",
            Outcome::BadRequest => "sign",
            Outcome::RateLimited => "rate",
            Outcome::Server => "server",
            Outcome::Business { .. } => "business",
            Outcome::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn every_ret_vector_has_its_meaning() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/protocol-vectors.json")).unwrap();
        let vectors = vectors["ret"].as_array().unwrap();
        assert_eq!(vectors.len(), 19);
        for vector in vectors {
            let outcome = Outcome::read(vector["body"].to_string().as_bytes());
            assert_eq!(word(&outcome), vector["meaning"], "{}", vector["id"]);
        }
    }

    #[test]
    fn a_challenge_hidden_behind_the_first_element_is_found_with_its_url() {
        let url = "https://h5.example.invalid/_____tmd_____/punish?x5secdata=S";
        let answer = json!({"ret": ["FAIL_SYS_ERROR::x", "RGV587_ERROR::SM::y"], "data": {"url": url}});
        assert_eq!(Outcome::of(answer), Outcome::Risk { url: Some(url.to_owned()) });
    }

    #[test]
    fn a_success_may_carry_an_ordinary_url() {
        let answer = json!({"ret": ["SUCCESS::ok"], "data": {"url": "https://a.example.invalid/validate"}});
        assert!(matches!(Outcome::of(answer), Outcome::Success(_)));
    }

    #[test]
    fn a_refusal_keeps_its_code_and_text() {
        let answer = json!({"ret": ["BUYER_CONFIRM_INFO::买家确认信息后才能发货"]});
        let business =
            Outcome::Business { code: "BUYER_CONFIRM_INFO".into(), text: "买家确认信息后才能发货".into() };
        assert_eq!(Outcome::of(answer), business);
    }

    #[test]
    fn a_refusal_may_say_that_it_is_done_or_that_there_is_nothing_to_do_it_with() {
        let of = |ret: &str| Outcome::of(json!({"ret": [ret]}));
        assert!(of("IDLEITEM_POLISH_AGAIN::宝贝已经擦亮过了").is_done_already());
        assert!(of("ORDER_ALREADY_DELIVERY::订单已发货").is_done_already());
        assert!(of("FAIL_BIZ_X::该订单已发货成功，请勿重复操作").is_done_already());
        assert!(of("POLISH_DUPLICATE::每天只能擦亮一次").is_done_already());
        assert!(of("FAIL_BIZ_ITEM_NOT_FOUND::宝贝不存在").is_item_gone() && of("ITEM_DELETED").is_item_gone());
        let off_shelf = of("UNSUPPORTED_ITEM_STATUS::已下架商品不支持该操作");
        assert!(!off_shelf.is_done_already() && !off_shelf.is_item_gone());
    }

    #[test]
    fn an_unknown_system_code_is_not_taken_for_a_refusal_but_its_text_can_tell() {
        assert_eq!(word(&Outcome::of(json!({"ret": ["FAIL_SYS_NEW::?"]}))), "unknown");
        assert_eq!(word(&Outcome::of(json!({"ret": ["FAIL_SYS_NEW::令牌过期"]}))), "token");
        assert_eq!(word(&Outcome::of(json!({"ret": "FAIL_SYS_TRAFFIC_LIMIT::限流"}))), "rate");
    }

    #[test]
    fn a_page_instead_of_json_is_told_apart() {
        assert_eq!(word(&Outcome::read(b"<html>/_____tmd_____/punish?x5secdata=1</html>")), "risk");
        assert_eq!(word(&Outcome::read(b"<html><script src=\"mini-login\"></script></html>")), "session");
        assert_eq!(word(&Outcome::read(b"<html>502</html>")), "unknown");
        assert_eq!(word(&Outcome::read(b"\xff\xfe")), "unknown");
        assert_eq!(word(&Outcome::read(&[b'['; 100_000])), "unknown");
    }

    #[test]
    fn an_excerpt_is_short_and_cuts_between_characters() {
        let Outcome::Unknown { excerpt } = Outcome::read("鱼".repeat(10_000).as_bytes()) else {
            panic!("not unknown")
        };
        assert_eq!(excerpt.chars().count(), EXCERPT);
    }

    #[test]
    fn neither_a_token_nor_a_challenge_shows_in_debug_output() {
        let success = Outcome::of(json!({"ret": ["SUCCESS::ok"], "data": {"accessToken": "topsecret"}}));
        let risk = Outcome::of(json!({"ret": ["RGV587_ERROR::x"], "data": {"url": "https://x/punish?topsecret"}}));
        assert!(!format!("{success:?} {success} {risk:?} {risk}").contains("topsecret"));
    }
}
