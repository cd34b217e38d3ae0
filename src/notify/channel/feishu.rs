//! The robot of a group in Feishu or Lark.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;
use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, by_code, escape};
use crate::{ids::Timestamp, notify::text::Message};

pub(super) const FIELDS: &[Field] = &[
    Field::new("webhook_url", &["config", "webhook", "url"], Form::Url).required().secret(),
    Field::new("secret", &["sign_secret"], Form::Line).secret(),
];

/// In bytes; the service takes 20 KB for the whole request.
const LONGEST: usize = 16_000;

pub(super) fn build(config: &Config, message: &Message, now: Timestamp) -> Post {
    // A text may call people by a tag: no stranger's text may.
    let text = format!("鱼塘 {}\n{}", message.title, message.body()).replace('<', "＜");
    let mut body = json!({"msg_type": "text", "content": {"text": escape::fit(&text, LONGEST)}});
    if let Some(secret) = config.find("secret") {
        let seconds = now.0.div_euclid(1000);
        body["timestamp"] = seconds.to_string().into();
        body["sign"] = sign(secret, seconds).into();
    }
    Post::json(config.get("webhook_url").to_owned(), &body)
}

/// Time and secret together are the key, and what is signed is empty.
fn sign(secret: &str, seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{seconds}\n{secret}").as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, b""))
}

/// Too many messages.
const PASSING: &[i64] = &[9499, 11_232, 99_991_400];

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    by_code(answer, "code", "msg", 0, PASSING).or_else(|| by_code(answer, "StatusCode", "StatusMessage", 0, PASSING))
}
