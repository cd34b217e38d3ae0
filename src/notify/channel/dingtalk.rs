//! DingTalk's robot of a group. Messages are sent as plain text: what a buyer wrote is no markup there (S29).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;
use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, by_code, escape};
use crate::{ids::Timestamp, notify::text::Message};

pub(super) const FIELDS: &[Field] = &[
    Field::new("webhook_url", &["config", "webhook", "url"], Form::Url).required().secret(),
    Field::new("secret", &["sign_secret"], Form::Line).secret(),
];

/// In bytes; the service takes 20,000 for the whole request.
const LONGEST: usize = 16_000;

pub(super) fn build(config: &Config, message: &Message, now: Timestamp) -> Post {
    let mut url = config.get("webhook_url").to_owned();
    if let Some(secret) = config.find("secret") {
        let joint = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{joint}timestamp={now}&sign={}", sign(secret, now)));
    }
    let text = escape::fit(&format!("鱼塘 {}\n{}", message.title, message.body()), LONGEST);
    Post::json(url, &json!({"msgtype": "text", "text": {"content": text}}))
}

/// P11: encoded for the address it stands in; there, a `+` reached the service as a blank, and the message was refused.
fn sign(secret: &str, now: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    escape::query(&BASE64_STANDARD.encode(hmac::sign(&key, format!("{now}\n{secret}").as_bytes())))
}

/// Busy, or too many messages in this minute.
const PASSING: &[i64] = &[-1, 130_101, 430_101, 660_026];

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    by_code(answer, "errcode", "errmsg", 0, PASSING)
}
