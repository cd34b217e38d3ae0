//! Frames from the client, read strictly: what the real platform might let pass is an error here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// Text that borrows from the frame where it holds no escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// One text frame of the client.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming<'a> {
    /// What is asked for; an acknowledgement has none.
    #[serde(borrow)]
    pub lwp: Option<Text<'a>>,
    #[serde(borrow)]
    pub headers: Option<Headers<'a>>,
    #[serde(borrow)]
    pub body: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Headers<'a> {
    #[serde(borrow)]
    mid: Option<Text<'a>>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow)]
    did: Option<Text<'a>>,
    #[serde(borrow, rename = "app-key")]
    app_key: Option<Text<'a>>,
}

impl<'a> Incoming<'a> {
    pub(super) fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    pub(super) fn path(&self) -> Option<&str> {
        self.lwp.as_ref().map(|Text(path)| &**path)
    }

    pub(super) fn mid(&self) -> &str {
        self.header(|headers| &headers.mid)
    }

    pub(super) fn token(&self) -> &str {
        self.header(|headers| &headers.token)
    }

    pub(super) fn device(&self) -> &str {
        self.header(|headers| &headers.did)
    }

    pub(super) fn app_key(&self) -> &str {
        self.header(|headers| &headers.app_key)
    }

    /// Reads the body as `T`; the error says what is wrong with it.
    pub(super) fn body<T: Deserialize<'a>>(&self) -> Result<T, String> {
        let raw = self.body.ok_or("no body")?;
        serde_json::from_str(raw.get()).map_err(|error| error.to_string())
    }

    fn header(&self, field: impl for<'h> Fn(&'h Headers<'a>) -> &'h Option<Text<'a>>) -> &str {
        match self.headers.as_ref().map(field) {
            Some(Some(Text(text))) => text,
            Some(None) | None => "",
        }
    }
}

/// An answer to the request with this `mid`.
pub(super) fn answer(mid: &str, sid: &str, code: u16, body: Option<&Value>) -> String {
    let (mid, sid) = (Value::from(mid), Value::from(sid));
    match body {
        Some(body) => format!(r#"{{"headers":{{"mid":{mid},"sid":{sid}}},"code":{code},"body":{body}}}"#),
        None => format!(r#"{{"headers":{{"mid":{mid},"sid":{sid}}},"code":{code}}}"#),
    }
}

/// A refusal with its reason.
pub(super) fn refusal(mid: &str, sid: &str, code: u16, reason: &str) -> String {
    answer(mid, sid, code, Some(&json!({"reason": reason})))
}
