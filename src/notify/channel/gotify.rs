//! Gotify: one's own server.

use serde_json::json;

use super::{Config, Field, Form, Post, escape};
use crate::notify::{event::Severity, text::Message};

pub(super) const FIELDS: &[Field] = &[
    Field::new("server_url", &["server"], Form::Url).required(),
    Field::new("token", &["app_token"], Form::Line).required().secret(),
];

const LONGEST: usize = 16_000;

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let priority = match message.severity {
        Severity::Info => 3,
        Severity::Warning => 6,
        Severity::Critical => 9,
    };
    let mut body = json!({
        "title": format!("鱼塘 {}", message.title),
        "message": escape::fit(&message.body(), LONGEST),
        "priority": priority,
        "extras": {"client::display": {"contentType": "text/plain"}},
    });
    if let Some(link) = &message.link {
        body["extras"]["client::notification"] = json!({"click": {"url": link}});
    }
    let mut post = Post::json(format!("{}/message", config.get("server_url").trim_end_matches('/')), &body);
    post.headers.push(("X-Gotify-Key".to_owned(), config.get("token").to_owned()));
    post
}
