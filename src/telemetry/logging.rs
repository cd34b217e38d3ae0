//! Log lines on the standard error output: as text for people or as one JSON object each, secrets masked.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
    sync::LazyLock,
};

use env_logger::{Builder, fmt::Formatter};
use log::{
    LevelFilter, Record,
    kv::{Error, Key, Value, VisitSource},
};
use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};
use serde_json::Map;

const MASK: &str = "***";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level for all, and levels by module: `info,yutang::inbox=debug`.
    pub level: String,
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Text,
    Json,
}

impl LogConfig {
    /// Refuses what the filter would only take for a module's name: a misspelt level must not silence the log.
    pub fn validate(&self) -> Result<(), String> {
        for part in self.level.split(',').map(str::trim) {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            if level.parse::<LevelFilter>().is_err() {
                return Err(format!(
                    "{part:?} is not a level: use off, error, warn, info, debug or trace, or MODULE=LEVEL"
                ));
            }
        }
        Ok(())
    }
}

/// Starts logging. Does nothing where a logger is set already, so tests may call it often.
pub fn init(config: &LogConfig) {
    let write: fn(&mut Formatter, &Record<'_>) -> io::Result<()> = match config.format {
        Format::Text => |out, record| write_text(out, record),
        Format::Json => |out, record| write_json(out, record),
    };
    // Threads that come and go are no news; a level of its own in the setting still shows them.
    let mut builder = Builder::new();
    builder.filter_module("actix_server", LevelFilter::Warn);
    let started = builder.parse_filters(&config.level).format(write).try_init();
    drop(started); // an error only says that a logger is set
}

fn write_text(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (time, style) = (out.timestamp_millis(), out.default_level_style(record.level()));
    write!(out, "{time} {style}{:5}{style:#} {} {}", record.level(), record.target(), text_line(record))?;
    writeln!(out)
}

fn write_json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = out.timestamp_millis().to_string();
    let line = json_line(record, time);
    writeln!(out, "{line}")
}

/// The message and its fields on one line: a buyer's line feed must not start a line of its own.
fn text_line(record: &Record<'_>) -> String {
    let mut line = one_line(&mask(&record.args().to_string())).into_owned();
    for (key, value) in fields(record) {
        let value = value.as_str().map_or_else(|| value.to_string(), |text| one_line(text).into_owned());
        let _ = write!(line, " {key}={value}"); // writing to a String cannot fail
    }
    line
}

fn json_line(record: &Record<'_>, time: String) -> serde_json::Value {
    let mut line = Map::new();
    line.insert("time".to_owned(), time.into());
    line.insert("level".to_owned(), record.level().as_str().to_lowercase().into());
    line.insert("target".to_owned(), record.target().into());
    line.insert("message".to_owned(), mask(&record.args().to_string()).into());
    line.extend(fields(record));
    line.into()
}

fn fields(record: &Record<'_>) -> Vec<(String, serde_json::Value)> {
    let mut fields = Fields(Vec::new());
    if let Err(error) = record.key_values().visit(&mut fields) {
        fields.0.push(("log.error".to_owned(), error.to_string().into()));
    }
    fields.0
}

struct Fields(Vec<(String, serde_json::Value)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let shown = match (value.to_i64(), value.to_u64(), value.to_f64(), value.to_bool()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), ..) => number.into(),
            (_, _, Some(number), _) => number.into(),
            (.., Some(truth)) => truth.into(),
            _ if is_secret(key.as_str()) => MASK.into(),
            _ => mask(&value.to_string()).into(),
        };
        self.0.push((key.as_str().to_owned(), shown));
        Ok(())
    }
}

/// A field whose text is never shown, by the last word of its name.
fn is_secret(key: &str) -> bool {
    let word = key.rsplit(['.', '_', '-']).next().unwrap_or(key).to_lowercase();
    matches!(
        word.as_str(),
        "cookie"
            | "cookies"
            | "cookie2"
            | "token"
            | "accesstoken"
            | "password"
            | "passwd"
            | "secret"
            | "authorization"
            | "key"
    )
}

fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The text with everything that looks like a cookie's, token's or password's value replaced by `***`.
pub fn mask(text: &str) -> Cow<'_, str> {
    SECRETS.replace_all(text, |found: &Captures<'_>| {
        let before = ["header", "name", "user", "scheme"].into_iter().find_map(|group| found.name(group));
        let after = found.name("at").map_or("", |at| at.as_str());
        format!("{}{MASK}{after}", before.map_or("", |part| part.as_str()))
    })
}

/// One pass over the text; the alternatives keep what may stay in a named group.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    let cookies = "cookie2|cookie17|_m_h5_tk(?:_enc)?|_m_h5_c|unb|munb|sgcookie|csg|_tb_token_|xsrf-token|skt|tfstk|x5sec(?:data)?|havana_lgc2_77";
    let others = "(?:[a-z_]*(?:password|passwd|secret|token))|api_?key";
    let patterns = [
        // a whole header: the rest of its line
        r"(?P<header>\b(?:set-cookie|cookie|authorization):\s*)[^\r\n]+".to_owned(),
        r"(?P<scheme>\bbearer\s+)[^\s,;]+".to_owned(),
        r"oauth_k1:[^\s&;,]+".to_owned(),
        // name=value, name: value, "name":"value", \"name\":\"value\"
        format!(r#"(?P<name>(?:\b|_)(?:{cookies}|{others})\\?["']?\s*[=:]\s*\\?["']?)[^\s;&"'\\,)}}]+"#),
        // the password in an address
        r"(?P<user>://[^:/@\s]*:)[^/\s]+(?P<at>@)".to_owned(),
    ];
    #[expect(clippy::expect_used, reason = "a constant pattern, and every test below builds it")]
    Regex::new(&format!("(?i){}", patterns.join("|"))).expect("the pattern compiles")
});

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use log::Level;

    use super::*;

    fn config(level: &str) -> LogConfig {
        LogConfig { level: level.to_owned(), format: Format::Text }
    }

    #[test]
    fn planted_secrets_never_reach_a_line() {
        for text in [
            "jar a=1; cookie2=PLANTED; x=2",
            "jar _m_h5_tk=PLANTED_1760000000000; _m_h5_tk_enc=PLANTED",
            "jar unb=PLANTED; sgcookie=PLANTED; _tb_token_=PLANTED",
            "Cookie: t=PLANTED; whatever=PLANTED",
            "set-cookie: new=PLANTED; Path=/",
            "token oauth_k1:PLANTED/+== given",
            "Authorization: Bearer PLANTED.x.y",
            "password=PLANTED",
            "Password: PLANTED",
            r#"answer {"accessToken":"PLANTED","refreshToken" : "PLANTED"}"#,
            r#"data {\"accessToken\":\"PLANTED\"}"#,
            "cannot open postgres://me:PLANTED@db.example/yutang",
            "cannot open postgres://me:PLAN@TED@db.example/yutang",
            "smtp_password=PLANTED api_key=PLANTED",
            "url https://x.example/punish?x5secdata=PLANTED&x5step=2",
        ] {
            let shown = mask(text);
            assert!(!shown.contains("PLAN") && !shown.contains("TED"), "{shown}");
            assert!(shown.contains(MASK), "{shown}");
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in
            ["account added", "现在还在吗?", "12 tokens asked for", "see https://a.example:8080/b?c=d", "unbeaten=1"]
        {
            assert_eq!(mask(text), text);
        }
        assert_eq!(mask("postgres://me:x@host/db"), "postgres://me:***@host/db");
    }

    #[test]
    fn a_field_named_like_a_secret_is_masked_but_a_count_is_not() {
        let source =
            [("account.cookie", Value::from("PLANTED")), ("token", "PLANTED".into()), ("token.count", 3.into())];
        let record = Record::builder().args(format_args!("x")).level(Level::Info).key_values(&source).build();
        let line = text_line(&record);
        assert_eq!(line, "x account.cookie=*** token=*** token.count=3");
    }

    #[test]
    fn a_json_line_is_one_object_with_fields_by_their_names() {
        let source = [
            ("account.id", Value::from(7)),
            ("duration_ms", 1.5.into()),
            ("once", true.into()),
            ("name", "小店".into()),
        ];
        let record =
            Record::builder().args(format_args!("a\nb")).level(Level::Warn).target("t").key_values(&source).build();
        let line = json_line(&record, "now".to_owned()).to_string();
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({"time": "now", "level": "warn", "target": "t", "message": "a\nb",
            "account.id": 7, "duration_ms": 1.5, "once": true, "name": "小店"});
        assert_eq!(read, expected);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn a_line_feed_in_a_message_does_not_forge_a_line() {
        let record = Record::builder().args(format_args!("a\n2026 ERROR b\u{1b}[0m")).build();
        assert!(!text_line(&record).contains(['\n', '\u{1b}']));
    }

    #[test]
    fn a_misspelt_level_is_refused_instead_of_silencing_the_log() {
        for level in ["info", "warn,yutang::inbox=debug", "off", "INFO, a=trace"] {
            assert_eq!(config(level).validate(), Ok(()));
        }
        for level in ["inof", "", "info,", "yutang=loud"] {
            assert!(config(level).validate().is_err(), "{level}");
        }
    }

    #[test]
    fn starting_twice_is_harmless() {
        init(&config("off"));
        init(&config("off"));
    }
}
