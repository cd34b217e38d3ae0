//! PushPlus: to a WeChat account. Sent as plain text.

use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, by_code, escape};
use crate::notify::text::Message;

pub(super) const FIELDS: &[Field] = &[
    Field::new("token", &[], Form::Line).required().secret(),
    Field::new("topic", &[], Form::Line),
    Field::new("server_url", &[], Form::Url).or("https://www.pushplus.plus"),
];

/// In bytes: the service takes 100 and 20,000 characters.
const LONGEST: (usize, usize) = (290, 20_000);

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let mut body = json!({
        "token": config.get("token"),
        "title": escape::fit(&format!("鱼塘 {}", message.title), LONGEST.0),
        "content": escape::fit(&message.body(), LONGEST.1),
        "template": "txt",
    });
    if let Some(topic) = config.find("topic") {
        body["topic"] = topic.into();
    }
    Post::json(format!("{}/send", config.get("server_url").trim_end_matches('/')), &body)
}

/// Busy.
const PASSING: &[i64] = &[500, 888];

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    by_code(answer, "code", "msg", 200, PASSING)
}
