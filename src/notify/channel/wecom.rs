//! The robot of a group in WeCom (企业微信). Its markdown is left alone: a plain text needs no escaping.

use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, by_code, escape};
use crate::notify::text::Message;

pub(super) const FIELDS: &[Field] =
    &[Field::new("webhook_url", &["config", "webhook", "url"], Form::Url).required().secret()];

/// The service's own bound, in bytes.
const LONGEST: usize = 2048;

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let text = escape::fit(&format!("鱼塘 {}\n{}", message.title, message.body()), LONGEST);
    Post::json(config.get("webhook_url").to_owned(), &json!({"msgtype": "text", "text": {"content": text}}))
}

/// Busy, or too many messages in this minute.
const PASSING: &[i64] = &[-1, 45_009, 45_033];

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    by_code(answer, "errcode", "errmsg", 0, PASSING)
}
