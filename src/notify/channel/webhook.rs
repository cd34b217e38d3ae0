//! Any server. The body is JSON. With a secret it is signed: `X-Yutang-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of
//! `SECONDS.BODY`. `X-Yutang-Delivery` stays the same when a message is tried again: a receiver that knows it already says 200 and is done.

use std::collections::BTreeMap;

use ring::hmac;

use super::{Config, Fault, Field, Form, Post};
use crate::{ids::Timestamp, notify::text::Message};

pub(super) const FIELDS: &[Field] = &[
    Field::new("webhook_url", &["config", "url"], Form::Url).required().secret(),
    Field::new("secret", &[], Form::Line).secret(),
    Field::new("http_method", &["method"], Form::OneOf(&["POST", "PUT"])).or("POST"),
    Field::new("headers", &[], Form::Headers).secret(),
];

/// Ours, or the connection's.
const RESERVED: [&str; 7] =
    ["content-type", "host", "content-length", "transfer-encoding", "connection", "upgrade", "expect"];

fn headers(config: &Config) -> BTreeMap<String, String> {
    config.find("headers").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What may stand in a request.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    for (name, value) in headers(config) {
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let lower = name.to_ascii_lowercase();
        let is_ours = RESERVED.contains(&&*lower) || lower.starts_with("x-yutang-");
        if !is_name || is_ours || value.contains(char::is_control) {
            return Err(Fault::new(
                "headers",
                format!("不能使用请求头 {name:?}"),
                format!("the header {name:?} cannot be used"),
            ));
        }
    }
    Ok(())
}

pub(super) fn build(config: &Config, message: &Message, uid: &str, now: Timestamp) -> Post {
    let mut body = message.facts.clone();
    body["id"] = uid.into();
    body["source"] = "yutang".into();
    body["sent_at"] = now.0.into();
    body["title"] = message.title.as_str().into();
    body["text"] = message.body().into();
    body["link"] = message.link.clone().into();
    let event = message.facts["event"].as_str().unwrap_or_default().to_owned();
    let mut post = Post::json(config.get("webhook_url").to_owned(), &body);
    post.is_put = config.get("http_method") == "PUT";
    post.headers.extend(headers(config));
    post.headers.push(("X-Yutang-Delivery".to_owned(), uid.to_owned()));
    post.headers.push(("X-Yutang-Event".to_owned(), event));
    if let Some(secret) = config.find("secret") {
        post.headers.push(("X-Yutang-Signature".to_owned(), sign(secret, now.0.div_euclid(1000), &post.body)));
    }
    post
}

fn sign(secret: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}
