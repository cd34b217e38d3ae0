//! ServerChan (Server酱): to WeChat, or to its app. The text is Markdown, and whatever a stranger wrote is quoted (S29).

use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, by_code, escape};
use crate::notify::text::Message;

pub(super) const FIELDS: &[Field] = &[
    Field::new("send_key", &["sendkey", "key"], Form::Line).required().secret(),
    // Usually the key says which.
    Field::new("server_url", &[], Form::Url),
];

/// In bytes: the service takes 32 characters and 32 KB.
const LONGEST: (usize, usize) = (64, 16_000);

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let key = config.get("send_key");
    let url = match (config.find("server_url"), number(key)) {
        (Some(server), _) => format!("{}/{}.send", server.trim_end_matches('/'), escape::query(key)),
        (None, Some(number)) => format!("https://{number}.push.ft07.com/send/{}.send", escape::query(key)),
        (None, None) => format!("https://sctapi.ftqq.com/{}.send", escape::query(key)),
    };
    let link = message.link.iter().map(|link| format!("<{link}>"));
    let lines: Vec<_> = message.lines.iter().map(|line| escape::markdown(line)).chain(link).collect();
    let body = json!({
        "title": escape::fit(&message.title, LONGEST.0),
        "desp": escape::fit(&lines.join("\n\n"), LONGEST.1),
    });
    Post::json(url, &body)
}

/// Keys of the app begin with `sctp`, the user's number and `t`.
fn number(key: &str) -> Option<&str> {
    let (number, _) = key.strip_prefix("sctp")?.split_once('t')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    by_code(answer, "code", "message", 0, &[])
}
