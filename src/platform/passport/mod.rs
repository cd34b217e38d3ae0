//! The login service of the platform: a QR code that a phone confirms, and keeping a login alive. Not a call of the signed gateway: forms,
//! and the cookies. `client.rs` sends them.

pub mod client;

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::cookies::Cookies;

/// The real login service's origin.
pub const PASSPORT_URL: &str = "https://passport.goofish.com";

/// Paths and queries. `stie` is the platform's spelling; the random number goes behind it.
const LOGIN_PAGE: &str = "/mini_login.htm?lang=zh_cn&appName=xianyu&appEntrance=web&styleType=vertical&bizParams=&notLoadSsoView=false&notKeepLogin=false&isMobile=false&qrCodeFirst=false&stie=77&rnd=";
const GENERATE: &str = "/newlogin/qrcode/generate.do";
const QUERY: &str = "/newlogin/qrcode/query.do?appName=xianyu&fromSite=77";
const HAS_LOGIN: &str = "/newlogin/hasLogin.do?appName=xianyu&fromSite=77";
const SETTINGS: &str = "/ac/account/setLoginSettings.do?fromSite=77&appName=xianyu&bizEntrance=web";

/// A form has two dozen fields of some hundred bytes.
const MOST_FIELDS: usize = 64;
const LONGEST_FIELD: usize = 4 << 10;

/// A page names its data once; more than these are not looked at.
const MOST_PLACES: usize = 8;

/// The hidden fields of the login page, by which it knows a browser again. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginForm(Vec<(String, String)>);

/// A code that a phone scans. Whoever has it can see what becomes of it.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode {
    /// What the picture says.
    pub content: String,
    /// Digits, as the platform wrote them: no integer holds them all.
    pub t: String,
    pub ck: String,
}

/// How far a code got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QrState {
    New,
    /// On the phone, not confirmed yet.
    Scanned,
    /// The jar is logged in, unless the answer names a check.
    Confirmed,
    /// Too old: another code is needed.
    Expired,
    /// The seller declined.
    Canceled,
    /// The platform failed: start over.
    Error,
}

/// What the platform says of a code.
#[derive(Clone, PartialEq, Eq)]
pub struct QrAnswer {
    pub state: QrState,
    /// A page on which the seller must show who they are before anything comes of the code, whatever its state. A secret.
    pub check: Option<String>,
}

/// Why an answer says nothing of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("the login page has no form")]
    NoForm,
    #[error("the login service refused the form")]
    Refused,
    #[error("the login service's answer is not understood")]
    NotUnderstood,
}

impl LoginForm {
    /// Reads the login page: the object that a script assigns to `window.viewData`. What follows it does not matter.
    pub fn read(page: &str) -> Result<Self, Unread> {
        let places = page.match_indices("viewData").take(MOST_PLACES);
        places
            .filter_map(|(at, name)| assigned(&page[at + name.len()..]))
            .find_map(|data| Self::of(&data))
            .ok_or(Unread::NoForm)
    }

    fn of(data: &Value) -> Option<Self> {
        let fields: Vec<(String, String)> = data
            .get("loginFormData")?
            .as_object()?
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect();
        let fits = (1..=MOST_FIELDS).contains(&fields.len())
            && fields.iter().all(|(name, value)| name.len() + value.len() <= LONGEST_FIELD);
        fits.then_some(Self(fields))
    }

    /// The fields as they are sent: the page's own, and what every form has, out of the jar where the page did not say.
    fn fields(&self, jar: &Cookies) -> Vec<(&str, String)> {
        let mut fields: Vec<(&str, String)> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let own = [
            ("appName", "xianyu"),
            ("fromSite", "77"),
            ("appEntrance", "web"),
            ("_csrf_token", csrf(jar)),
            ("hsiz", jar.get("cookie2").unwrap_or_default()),
            ("mainPage", "false"),
            ("isMobile", "false"),
            ("lang", "zh_CN"),
            ("umidTag", "SERVER"),
        ];
        for (name, value) in own {
            if !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, value.to_owned()));
            }
        }
        fields
    }

    /// The path and query that ask for a code.
    fn generate(&self, jar: &Cookies) -> String {
        format!("{GENERATE}?{}", encode(&self.fields(jar)))
    }

    /// The form that asks what became of a code.
    fn query(&self, code: &QrCode, jar: &Cookies) -> String {
        let mut fields = self.fields(jar);
        fields.retain(|(name, _)| !matches!(*name, "t" | "ck"));
        fields.extend([("t", code.t.clone()), ("ck", code.ck.clone())]);
        encode(&fields)
    }
}

/// The form that asks whether a login runs.
fn has_login_form(jar: &Cookies) -> String {
    let cookie = |name: &str| jar.get(name).unwrap_or_default().to_owned();
    let fixed = |value: &str| value.to_owned();
    encode(&[
        ("hid", jar.unb().unwrap_or_default().to_owned()),
        ("ltl", fixed("true")),
        ("appName", fixed("xianyu")),
        ("appEntrance", fixed("web")),
        ("_csrf_token", csrf(jar).to_owned()),
        ("umidToken", String::new()),
        ("hsiz", cookie("cookie2")),
        ("bizParams", fixed("taobaoBizLoginFrom=web")),
        ("mainPage", fixed("false")),
        ("isMobile", fixed("false")),
        ("lang", fixed("zh_CN")),
        ("returnUrl", String::new()),
        ("fromSite", fixed("77")),
        ("isIframe", fixed("true")),
        ("documentReferer", fixed("https://www.goofish.com/")),
        ("defaultView", fixed("hasLogin")),
        ("umidTag", fixed("SERVER")),
        ("deviceId", cookie("cna")),
    ])
}

/// Jars of browsers that were logged in for long may have the one or the other.
fn csrf(jar: &Cookies) -> &str {
    let filled = |name| jar.get(name).filter(|value| !value.is_empty());
    filled("XSRF-TOKEN").or_else(|| filled("_tb_token_")).unwrap_or_default()
}

fn encode(fields: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The JSON that `= …` begins with.
fn assigned(text: &str) -> Option<Value> {
    let value = text.trim_start().strip_prefix('=')?;
    serde_json::Deserializer::from_str(value).into_iter().next()?.ok()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The part of every answer that counts.
#[derive(Deserialize)]
struct Answer<T> {
    content: Option<Content<T>>,
}

#[derive(Deserialize)]
struct Content<T> {
    success: Option<bool>,
    data: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CodeData {
    t: Box<RawValue>,
    ck: String,
    code_content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateData {
    qr_code_status: Option<String>,
    #[serde(default)]
    iframe_redirect: Value,
    iframe_redirect_url: Option<String>,
}

/// The `data` of an answer that is not a refusal.
fn data<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, Unread> {
    match serde_json::from_slice::<Answer<T>>(answer) {
        Ok(Answer { content: Some(Content { success: Some(false), .. }) }) => Err(Unread::Refused),
        Ok(Answer { content: Some(Content { data: Some(data), .. }) }) => Ok(data),
        _ if success(answer) == Some(false) => Err(Unread::Refused),
        _ => Err(Unread::NotUnderstood),
    }
}

/// What an answer says of itself; `None` where it says nothing.
fn success(answer: &[u8]) -> Option<bool> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["content"]["success"].as_bool().or_else(|| (answer["hasError"] == true).then_some(false))
}

impl QrCode {
    /// Reads the answer with a new code.
    pub fn read(answer: &[u8]) -> Result<Self, Unread> {
        let CodeData { t, ck, code_content: content } = data(answer)?;
        let t = t.get().trim_matches('"');
        let digits = (1..=64).contains(&t.len()) && t.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !is_address(&content) {
            return Err(Unread::NotUnderstood);
        }
        Ok(Self { content, t: t.to_owned(), ck })
    }
}

impl QrAnswer {
    /// Reads the answer about a code.
    pub fn read(answer: &[u8]) -> Result<Self, Unread> {
        let StateData { qr_code_status, iframe_redirect, iframe_redirect_url } = data(answer)?;
        let redirect = iframe_redirect == true || iframe_redirect == "true";
        let check = iframe_redirect_url.filter(|url| redirect && is_address(url));
        let state = match qr_code_status.as_deref() {
            Some("NEW") => QrState::New,
            Some("SCANED") => QrState::Scanned,
            // Whoever is sent to a page that cannot be opened is not logged in.
            Some("CONFIRMED") if redirect && check.is_none() => QrState::Error,
            Some("CONFIRMED") => QrState::Confirmed,
            Some("EXPIRED") => QrState::Expired,
            Some("CANCELED") => QrState::Canceled,
            Some("ERROR") => QrState::Error,
            None if check.is_some() => QrState::Scanned,
            Some(_) | None => return Err(Unread::NotUnderstood),
        };
        Ok(Self { state, check })
    }
}

fn is_address(text: &str) -> bool {
    text.len() <= LONGEST_FIELD && (text.starts_with("https://") || text.starts_with("http://"))
}

/// Names only.
impl fmt::Debug for LoginForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginForm")?;
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QrCode")
    }
}

/// Without the address of the check.
impl fmt::Debug for QrAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QrAnswer({:?}{})", self.state, if self.check.is_some() { ", check" } else { "" })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn form(page: &str) -> Option<Vec<(String, String)>> {
        LoginForm::read(page).ok().map(|form| form.0)
    }

    #[test]
    fn the_form_is_found_among_other_scripts_and_its_values_are_texts() {
        let page = r#"<script>var viewDataOf = 1; log(window.viewData);
            window.viewData = {"a":"};<\/script>","loginFormData":{"fromSite":77,"isMobile":false,"returnUrl":null,"x":"=&","deep":{}}};
            if (window.viewData) { go({}) }</script>"#;
        let fields = [("fromSite", "77"), ("isMobile", "false"), ("returnUrl", ""), ("x", "=&")];
        assert_eq!(form(page), Some(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()));
        assert!(form(r#"viewData={"loginFormData":{"a":1}}"#).is_some());
    }

    #[test]
    fn a_page_without_a_usable_form_has_none() {
        let long = format!(r#"viewData = {{"loginFormData":{{"a":"{}"}}}}"#, "x".repeat(LONGEST_FIELD));
        let many: String = (0..=MOST_FIELDS).map(|at| format!(r#""{at}":1,"#)).collect();
        let many = format!(r#"viewData = {{"loginFormData":{{{many}"z":1}}}}"#);
        let deep = format!("viewData = {}", "[".repeat(100_000));
        let repeated = "viewData = {".repeat(50_000);
        let pages = [
            "",
            "viewData",
            "viewData = ",
            "viewData = {\"loginFormData\":{}}",
            "viewData = {'loginFormData':{'a':1}}",
            "viewData = {\"loginFormData\":[1]}",
            "viewData = {\"loginFormData\":{\"a\":1}",
            &long,
            &many,
            &deep,
            &repeated,
        ];
        for page in pages {
            assert_eq!(form(page), None, "{}", page.chars().take(60).collect::<String>());
        }
    }

    #[test]
    fn what_the_page_does_not_say_comes_from_the_jar() {
        let jar = Cookies::parse("XSRF-TOKEN=x; cookie2=c; _tb_token_=tb");
        let form = LoginForm(vec![("hsiz".into(), "own".into()), ("t".into(), "1".into())]);
        let code = QrCode { content: "https://x/".into(), t: "98765432109876543210".into(), ck: "k&".into() };
        let expected = "appName=xianyu&fromSite=77&appEntrance=web&_csrf_token=x&mainPage=false&isMobile=false&lang=zh_CN&umidTag=SERVER";
        assert_eq!(form.generate(&jar), format!("{GENERATE}?hsiz=own&t=1&{expected}"));
        assert_eq!(form.query(&code, &jar), format!("hsiz=own&{expected}&t=98765432109876543210&ck=k%26"));
    }

    #[test]
    fn the_form_of_has_login_is_as_the_site_sends_it() {
        let jar = Cookies::parse("unb=2200000000001; cookie2=c; _tb_token_=tb; cna=dev");
        let expected = "hid=2200000000001&ltl=true&appName=xianyu&appEntrance=web&_csrf_token=tb&umidToken=&hsiz=c&bizParams=\
            taobaoBizLoginFrom%3Dweb&mainPage=false&isMobile=false&lang=zh_CN&returnUrl=&fromSite=77&isIframe=true&documentReferer=\
            https%3A%2F%2Fwww.goofish.com%2F&defaultView=hasLogin&umidTag=SERVER&deviceId=dev";
        assert_eq!(has_login_form(&jar), expected);
        assert!(has_login_form(&Cookies::parse("XSRF-TOKEN=x; _tb_token_=tb")).contains("_csrf_token=x&"));
    }

    #[test]
    fn a_code_keeps_every_digit() {
        let answer = |t: &str| {
            format!(
                r#"{{"content":{{"data":{{"t":{t},"ck":"EXAMPLE_CK","codeContent":"https://passport.goofish.com/qrcodeCheck.htm?lgToken=EXAMPLE_LG&_from=web","resultCode":100,"processFinished":false}},"status":0,"success":true}},"hasError":false}}"#
            )
        };
        let read = |t: &str| QrCode::read(answer(t).as_bytes()).map(|code| code.t);
        for (t, digits) in
            [("1760000000123", "1760000000123"), ("98765432109876543210", "98765432109876543210"), ("\"12\"", "12")]
        {
            assert_eq!(read(t), Ok(digits.to_owned()));
        }
        for odd in ["1.5", "null", "-1", "\"\"", "[1]", "1e3"] {
            assert_eq!(read(odd), Err(Unread::NotUnderstood), "{odd}");
        }
        let code = QrCode::read(answer("1").as_bytes()).unwrap();
        assert_eq!(code.ck, "EXAMPLE_CK");
        assert!(code.content.ends_with("lgToken=EXAMPLE_LG&_from=web"));
        assert_eq!(format!("{code:?}"), "QrCode");
    }

    #[test]
    fn each_state_of_a_code_is_told_apart() {
        let read = |data: &str| {
            QrAnswer::read(format!(r#"{{"content":{{"data":{{{data}}},"success":true}},"hasError":false}}"#).as_bytes())
        };
        let state =
            |word: &str| read(&format!(r#""qrCodeStatus":"{word}","resultCode":100"#)).map(|answer| answer.state);
        let states = [
            ("NEW", QrState::New),
            ("SCANED", QrState::Scanned),
            ("CONFIRMED", QrState::Confirmed),
            ("EXPIRED", QrState::Expired),
            ("CANCELED", QrState::Canceled),
            ("ERROR", QrState::Error),
        ];
        for (word, expected) in states {
            assert_eq!(state(word), Ok(expected), "{word}");
        }
        assert_eq!(state("SCANNED"), Err(Unread::NotUnderstood));
        let check =
            read(r#""qrCodeStatus":"CONFIRMED","iframeRedirect":true,"iframeRedirectUrl":"https://x/iv?topsecret""#)
                .unwrap();
        assert_eq!((check.state, check.check.as_deref()), (QrState::Confirmed, Some("https://x/iv?topsecret")));
        assert_eq!(format!("{check:?}"), "QrAnswer(Confirmed, check)");
        let alone = read(r#""iframeRedirect":true,"iframeRedirectUrl":"https://x/iv""#).unwrap();
        assert_eq!((alone.state, alone.check.is_some()), (QrState::Scanned, true));
        let odd =
            read(r#""qrCodeStatus":"CONFIRMED","iframeRedirect":true,"iframeRedirectUrl":"javascript:x""#).unwrap();
        assert_eq!((odd.state, odd.check), (QrState::Error, None));
        let not_meant =
            read(r#""qrCodeStatus":"NEW","iframeRedirect":false,"iframeRedirectUrl":"https://x/iv""#).unwrap();
        assert_eq!(not_meant.check, None);
    }

    #[test]
    fn a_refusal_is_not_an_answer_that_nobody_understands() {
        let read = |answer: &str| QrAnswer::read(answer.as_bytes()).unwrap_err();
        assert_eq!(read(r#"{"content":{"success":false,"data":{"titleMsg":"x"}},"hasError":true}"#), Unread::Refused);
        assert_eq!(read(r#"{"hasError":true}"#), Unread::Refused);
        assert_eq!(read(r#"{"content":{"success":false,"data":"?"}}"#), Unread::Refused);
        for odd in ["", "<html>", "{}", "[]", r#"{"content":null}"#, r#"{"content":{"success":true}}"#] {
            assert_eq!(read(odd), Unread::NotUnderstood, "{odd}");
        }
        assert_eq!(
            success(br#"{"content":{"success":true,"data":{"loginResult":"success"}},"hasError":false}"#),
            Some(true)
        );
    }

    #[test]
    fn neither_a_form_nor_its_values_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", LoginForm(vec![("_csrf_token".into(), "topsecret".into())])),
            r#"LoginForm["_csrf_token"]"#
        );
    }
}
