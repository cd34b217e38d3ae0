//! A Telegram bot. The text is HTML, and whatever a stranger wrote is escaped (S29).

use serde_json::{Value, json};

use super::{Config, Field, Form, Post, Verdict, escape};
use crate::notify::{notice::tame, text::Message};

pub(super) const FIELDS: &[Field] = &[
    Field::new("bot_token", &["token"], Form::Line).required().secret(),
    Field::new("chat_id", &[], Form::Line).required(),
    Field::new("server_url", &["api_url", "api_base"], Form::Url).or("https://api.telegram.org"),
];

/// The service's bound is 4096 characters without markup; cut before escaping, lest a half entity stays.
const LONGEST: usize = 3500;

pub(super) fn build(config: &Config, message: &Message) -> Post {
    let (title, body) = (escape::html(&message.title), escape::html(&escape::fit(&message.body(), LONGEST)));
    let server = config.get("server_url").trim_end_matches('/');
    let url = format!("{server}/bot{}/sendMessage", config.get("bot_token"));
    let body = json!({
        "chat_id": config.get("chat_id"),
        "text": format!("<b>鱼塘 {title}</b>\n{body}"),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    Post::json(url, &body)
}

pub(super) fn judge(answer: &Value) -> Option<Verdict> {
    if answer["ok"].as_bool()? {
        return Some(Verdict::Taken);
    }
    let number = answer["error_code"].as_i64().unwrap_or_default();
    let said = format!("{number}: {}", tame(answer["description"].as_str().unwrap_or_default()));
    let after_s = answer["parameters"]["retry_after"].as_u64();
    Some(if number == 429 || number >= 500 { Verdict::Later { said, after_s } } else { Verdict::Never { said } })
}
