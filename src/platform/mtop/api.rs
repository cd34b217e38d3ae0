//! The calls about the login, and what answers have in common. Those about items are in `item.rs`.

use std::fmt;

use serde_json::{Value, json};

use super::call::{Call, IM_APP_KEY};

/// The name of [`login_token`]'s API.
pub const LOGIN_TOKEN: &str = "mtop.taobao.idlemessage.pc.login.token";

/// Asks for the access token of a chat connection. The call that risk control watches most: see the token governor.
pub fn login_token(device_id: &str) -> Call {
    let data = json!({"appKey": IM_APP_KEY, "deviceId": device_id});
    Call::new(LOGIN_TOKEN, data.to_string())
}

/// Asks whether the login still stands; success is the answer.
pub fn login_user() -> Call {
    Call::new("mtop.taobao.idlemessage.pc.loginuser.get", "{}".to_owned())
}

/// Any visitor may make it: brings the token that calls are signed with.
pub fn home() -> Call {
    Call::new("mtop.gaia.nodejs.gaia.idle.data.gw.v2.index.get", json!({"bizScene": "home"}).to_string())
}

/// Asks who is logged in, as their own page shows them. Changes nothing.
pub fn user_page() -> Call {
    Call::new("mtop.idle.web.user.page.nav", "{}".to_owned())
}

/// Who the platform says somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub nickname: String,
    /// The address of a picture.
    pub picture: Option<String>,
}

impl Profile {
    /// Reads the `data` of a successful [`user_page`]. `None`: it shows no name.
    pub fn read(data: &Value) -> Option<Self> {
        let base = data.get("module")?.get("base")?;
        Some(Self { nickname: text(base, "displayName")?, picture: text(base, "avatar").and_then(|url| secure(&url)) })
    }
}

/// Browsers load pictures over TLS only.
fn secure(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https:").or_else(|| url.strip_prefix("http:")).unwrap_or(url);
    rest.starts_with("//").then(|| format!("https:{rest}"))
}

/// What `/reg` shows: bound to the device id that asked for it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// A secret, used verbatim.
    pub token: String,
    /// How long it is good for, in milliseconds, where the platform says so.
    pub expires_in_ms: Option<i64>,
}

impl AccessToken {
    /// Reads the `data` of a successful [`login_token`].
    pub fn read(data: &Value) -> Result<Self, Unreadable> {
        let token = text(data, "accessToken").ok_or(Unreadable { field: "accessToken" })?;
        let expires_in_ms = text(data, "accessTokenExpiredTime").and_then(|ms| ms.parse().ok());
        Ok(Self { token, expires_in_ms: expires_in_ms.filter(|ms| *ms > 0) })
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(***, expires in {:?} ms)", self.expires_in_ms)
    }
}

/// A successful answer without a field that we cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    pub field: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read the answer: missing field {:?}", self.field)
    }
}

impl std::error::Error for Unreadable {}

/// A filled text, or a whole number written as text: the platform uses both for ids and times.
pub(super) fn text(from: &Value, field: &str) -> Option<String> {
    match from.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_token_call_names_the_chat_app_and_the_device() {
        let call = login_token("1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F-2200000000001");
        assert_eq!(
            call.data,
            r#"{"appKey":"444e9908a51d1cb236a27862abc769c9","deviceId":"1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F-2200000000001"}"#
        );
    }

    #[test]
    fn a_token_is_read_with_its_life_time_as_text_or_number() {
        let read =
            |time: Value| AccessToken::read(&json!({"accessToken": "t", "accessTokenExpiredTime": time})).unwrap();
        assert_eq!(read(json!("86400000")), AccessToken { token: "t".into(), expires_in_ms: Some(86_400_000) });
        assert_eq!(read(json!(86_400_000)).expires_in_ms, Some(86_400_000));
        assert_eq!(read(json!("soon")).expires_in_ms, None);
        assert_eq!(AccessToken::read(&json!({})), Err(Unreadable { field: "accessToken" }));
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let token = AccessToken { token: "oauth_k1:topsecret".into(), expires_in_ms: None };
        assert!(!format!("{token:?}").contains("topsecret"));
    }
}
