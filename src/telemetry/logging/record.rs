//! One log line as everybody sees it: typed, its secrets masked, its length bounded.

use std::{borrow::Cow, fmt::Write as _, str::FromStr};

use log::{
    Level, Record,
    kv::{Error, Key, Value, VisitSource},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::masking::{MASK, is_secret, mask};
use crate::{
    account::state::{ErrorClass, Reason},
    ids::{AccountId, Timestamp, UserId},
};

/// A message, or the text of one field, is cut here: one line must not push out all others.
const LONGEST_TEXT: usize = 16 << 10;

/// What kind of trouble a warning or an error is about: where to look first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Logins, cookies, tokens: somebody has to prove who they are.
    Auth,
    /// The database cannot be reached, or refuses.
    Database,
    /// The line to the platform or to another server, and what comes over it.
    Network,
    /// This machine and this program: disk, memory, threads, rights.
    System,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Auth, Self::Database, Self::Network, Self::System];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Database => "database",
            Self::Network => "network",
            Self::System => "system",
        }
    }

    /// Where to look when an account is in trouble for this reason.
    pub fn of(reason: Reason) -> Self {
        match reason.class() {
            Some(ErrorClass::Credential) => Self::Auth,
            Some(ErrorClass::Network | ErrorClass::Connection | ErrorClass::Business) => Self::Network,
            None if reason == Reason::StorageFailing => Self::Database,
            None => Self::System,
        }
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|class| class.as_str() == text);
        known.ok_or_else(|| format!("{text:?} is not a class: use auth, database, network or system"))
    }
}

/// A line of the log without secrets. What it says of itself by well-known fields is typed and no longer among `fields`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogRecord {
    /// Grows by one with each record of this process; given by the [`Ring`](super::Ring).
    pub seq: u64,
    pub at: Timestamp,
    /// In lower case where it is serialized.
    #[serde(serialize_with = "in_lower_case")]
    pub level: Level,
    /// The module that speaks.
    pub target: String,
    pub message: String,
    /// From the field `class`.
    pub class: Option<Class>,
    /// From the field `account.id`.
    pub account: Option<AccountId>,
    /// From the field `user.id`.
    pub user: Option<UserId>,
    /// From the field `request.id`.
    pub request_id: Option<String>,
    /// Everything else that was said by name, in the order in which it was said.
    pub fields: Map<String, Json>,
}

impl LogRecord {
    /// Reads what was logged; every text is masked here, before anything else sees it.
    pub(super) fn read(record: &Record<'_>, at: Timestamp) -> Self {
        let mut fields = Fields(Map::new());
        if let Err(error) = record.key_values().visit(&mut fields) {
            fields.0.insert("log.error".to_owned(), error.to_string().into());
        }
        let Fields(mut fields) = fields;
        let message = match record.args().as_str() {
            Some(text) => clean(text),
            None => clean(&record.args().to_string()),
        };
        Self {
            seq: 0,
            at,
            level: record.level(),
            target: record.target().to_owned(),
            message,
            class: take(&mut fields, "class", |value| value.as_str()?.parse().ok()),
            account: take(&mut fields, "account.id", |value| value.as_i64().map(AccountId)),
            user: take(&mut fields, "user.id", |value| value.as_i64().map(UserId)),
            request_id: take(&mut fields, "request.id", |value| value.as_str().map(str::to_owned)),
            fields,
        }
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(key, value)| key.len() + text_len(value) + 64).sum();
        size_of::<Self>() + self.target.len() + self.message.len() + fields
    }

    /// The message and the fields on one line: a buyer's line feed must not start a line of its own.
    pub(super) fn words(&self) -> String {
        let mut line = one_line(&self.message).into_owned();
        for (key, value) in self.typed_fields().iter().chain(&self.fields) {
            let value = value.as_str().map_or_else(|| value.to_string(), |text| one_line(text).into_owned());
            let _ = write!(line, " {key}={value}"); // writing to a String cannot fail
        }
        line
    }

    /// One JSON object, fields by their names.
    pub(super) fn json(&self, time: &str) -> String {
        let mut line = Map::new();
        line.insert("time".to_owned(), time.into());
        line.insert("level".to_owned(), word(self.level).into());
        line.insert("target".to_owned(), self.target.as_str().into());
        line.insert("message".to_owned(), self.message.as_str().into());
        line.extend(self.typed_fields());
        line.extend(self.fields.clone());
        Json::from(line).to_string()
    }

    fn typed_fields(&self) -> Map<String, Json> {
        let fields = [
            ("class", self.class.map(|class| class.as_str().into())),
            ("account.id", self.account.map(|account| account.0.into())),
            ("user.id", self.user.map(|user| user.0.into())),
            ("request.id", self.request_id.as_deref().map(Json::from)),
        ];
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// A level as it is spoken: `warn`.
pub(super) fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn in_lower_case<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word(*level))
}

/// Takes a field out where it has the right form.
fn take<T>(fields: &mut Map<String, Json>, key: &str, read: impl Fn(&Json) -> Option<T>) -> Option<T> {
    let found = read(fields.get(key)?)?;
    fields.shift_remove(key);
    Some(found)
}

fn text_len(value: &Json) -> usize {
    value.as_str().map_or(0, str::len)
}

struct Fields(Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let shown = match (value.to_i64(), value.to_u64(), value.to_f64(), value.to_bool()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), ..) => number.into(),
            (_, _, Some(number), _) => number.into(),
            (.., Some(truth)) => truth.into(),
            _ if is_secret(key.as_str()) => MASK.into(),
            _ => match value.to_borrowed_str() {
                Some(text) => clean(text).into(),
                None => clean(&value.to_string()).into(),
            },
        };
        self.0.insert(key.as_str().to_owned(), shown);
        Ok(())
    }
}

/// Masked first, cut afterwards: half a secret is a secret.
fn clean(text: &str) -> String {
    let mut clean = mask(text).into_owned();
    if clean.len() > LONGEST_TEXT {
        clean.truncate(clean.floor_char_boundary(LONGEST_TEXT));
        clean.push('…');
    }
    clean
}

fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(message: &str, fields: &[(&str, Value<'_>)]) -> LogRecord {
        let mut record = Record::builder();
        let record = record.level(Level::Warn).target("t").key_values(&fields);
        LogRecord::read(&record.args(format_args!("{message}")).build(), Timestamp(5))
    }

    #[test]
    fn a_field_named_like_a_secret_is_masked_but_a_count_is_not() {
        let record =
            read("x", &[("account.cookie", "PLANTED".into()), ("token", "PLANTED".into()), ("token.count", 3.into())]);
        assert_eq!(record.words(), "x account.cookie=*** token=*** token.count=3");
    }

    #[test]
    fn well_known_fields_are_typed() {
        let fields: [(&str, Value<'_>); 5] = [
            ("attempts", 3.into()),
            ("account.id", 7.into()),
            ("class", "network".into()),
            ("user.id", 2.into()),
            ("request.id", "r-1".into()),
        ];
        let record = read("lost", &fields);
        assert_eq!((record.account, record.user), (Some(AccountId(7)), Some(UserId(2))));
        assert_eq!((record.class, record.request_id.as_deref()), (Some(Class::Network), Some("r-1")));
        assert_eq!(record.words(), "lost class=network account.id=7 user.id=2 request.id=r-1 attempts=3");
    }

    #[test]
    fn a_field_of_another_form_than_its_name_promises_stays_as_it_is() {
        let record = read("x", &[("class", "weather".into()), ("account.id", "all".into())]);
        assert_eq!((record.class, record.account), (None, None));
        assert_eq!(record.words(), "x class=weather account.id=all");
    }

    #[test]
    fn a_json_line_is_one_object_with_fields_by_their_names() {
        let fields: [(&str, Value<'_>); 4] =
            [("account.id", 7.into()), ("duration_ms", 1.5.into()), ("once", true.into()), ("name", "小店".into())];
        let line = read("a\nb", &fields).json("now");
        let read: Json = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({"time": "now", "level": "warn", "target": "t", "message": "a\nb",
            "account.id": 7, "duration_ms": 1.5, "once": true, "name": "小店"});
        assert_eq!(read, expected);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn a_line_feed_in_a_message_does_not_forge_a_line() {
        let record = read("a\n2026 ERROR b\u{1b}[0m", &[("name", "c\nd".into())]);
        assert!(!record.words().contains(['\n', '\u{1b}']));
    }

    #[test]
    fn an_endless_text_is_cut_after_it_was_masked() {
        let text = format!("{} password={}", "鱼".repeat(LONGEST_TEXT / 3 - 10), "PLANTED".repeat(LONGEST_TEXT));
        let record = read(&text, &[("name", Value::from(text.as_str()))]);
        assert!(record.bytes() < 3 * LONGEST_TEXT && !record.words().contains("PLANTED"));
        assert!(read(&"鱼".repeat(LONGEST_TEXT), &[]).message.ends_with("鱼…"));
    }

    #[test]
    fn a_class_reads_back_and_every_reason_has_one() {
        for class in Class::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
        assert!("weather".parse::<Class>().is_err());
        for (reason, class) in [
            (Reason::SessionExpired, Class::Auth),
            (Reason::ChallengeRequired, Class::Auth),
            (Reason::RetriesExhausted, Class::Network),
            (Reason::TooManySessions, Class::Network),
            (Reason::StorageFailing, Class::Database),
            (Reason::Crashed, Class::System),
        ] {
            assert_eq!(Class::of(reason), class, "{}", reason.as_str());
        }
    }
}
