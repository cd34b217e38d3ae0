//! Bark: pushes to an iPhone, through its public server or one's own.

use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, by_code, escape};
use crate::notify::{event::Severity, text::Message};

pub(super) const FIELDS: &[Field] = &[
    Field::new("device_key", &["key"], Form::Line).required().secret(),
    Field::new("server_url", &["server"], Form::Url).or("https://api.day.app"),
    Field::new("title", &[], Form::Line).or("鱼塘"),
    Field::new("sound", &[], Form::Line),
    Field::new("icon", &[], Form::Line),
    Field::new("group", &[], Form::Line).or("yutang"),
    Field::new("url", &[], Form::Line),
];

/// Apple takes 4096 bytes for the whole push.
const LONGEST: usize = 2400;

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let level = match message.severity {
        Severity::Info => "active",
        Severity::Warning | Severity::Critical => "timeSensitive",
    };
    let mut body = json!({
        "device_key": config.get("device_key"),
        "title": escape::fit(&format!("{} {}", config.get("title"), message.title), 300),
        "body": escape::fit(&message.lines.join("\n"), LONGEST),
        "group": config.get("group"),
        "level": level,
    });
    let link = message.link.as_deref().or(config.find("url"));
    for (name, value) in [("sound", config.find("sound")), ("icon", config.find("icon")), ("url", link)] {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    Post::json(format!("{}/push", config.get("server_url").trim_end_matches('/')), &body)
}

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    by_code(answer, "code", "message", 200, &[429, 500, 502, 503])
}
