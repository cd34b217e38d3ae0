//! A letter, by the administrator's mail server and no other: a channel that named its own would let users reach into the network here
//! (S19).

use super::{Config, Dispatch, Field, Form};
use crate::notify::text::Message;

pub(super) const FIELDS: &[Field] =
    &[Field::new("to", &["recipient_email", "recipient", "email"], Form::Email).required()];

pub(super) fn build(config: &Config, message: &Message) -> Dispatch {
    Dispatch::Mail {
        to: config.get("to").to_owned(),
        subject: format!("鱼塘 {}", message.title),
        text: format!("{}\n\n{}\n", message.title, message.body()),
    }
}
