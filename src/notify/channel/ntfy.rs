//! ntfy: its public server or one's own.

use serde_json::json;

use super::{Config, Field, Form, Post, escape};
use crate::notify::{event::Severity, text::Message};

pub(super) const FIELDS: &[Field] = &[
    // Whoever knows the topic reads along.
    Field::new("topic", &[], Form::Line).required().secret(),
    Field::new("server_url", &["server"], Form::Url).or("https://ntfy.sh"),
    Field::new("token", &["access_token"], Form::Line).secret(),
];

/// In bytes; longer ones become an attachment.
const LONGEST: usize = 3900;

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let priority = match message.severity {
        Severity::Info => 3,
        Severity::Warning => 4,
        Severity::Critical => 5,
    };
    let mut body = json!({
        "topic": config.get("topic"),
        "title": escape::fit(&format!("鱼塘 {}", message.title), 250),
        "message": escape::fit(&message.lines.join("\n"), LONGEST),
        "priority": priority,
    });
    if let Some(link) = &message.link {
        body["click"] = link.as_str().into();
    }
    let mut post = Post::json(config.get("server_url").to_owned(), &body);
    post.headers.extend(config.find("token").map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))));
    post
}
