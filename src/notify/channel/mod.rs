//! Where notices go. Each kind of channel has a file: which fields it needs, what a message looks like there, and how its service says
//! that it took one. HTTP 200 alone says nothing with most of them.

mod bark;
mod dingtalk;
mod email;
mod escape;
mod feishu;
mod gotify;
mod ntfy;
mod pushplus;
mod serverchan;
mod telegram;
mod webhook;
mod wecom;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{event::codes, notice::Words, text::Message};
use crate::ids::Timestamp;

/// The services that are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChannelKind)]
pub enum Kind {
    DingTalk,
    /// Also Lark: its address says which.
    Feishu,
    WeCom,
    Telegram,
    Bark,
    PushPlus,
    ServerChan,
    Ntfy,
    Gotify,
    /// Through the administrator's mail server.
    Email,
    /// Any server: signed with HMAC-SHA256.
    Webhook,
}

codes!(Kind {
    DingTalk => "dingtalk",
    Feishu => "feishu",
    WeCom => "wecom",
    Telegram => "telegram",
    Bark => "bark",
    PushPlus => "pushplus",
    ServerChan => "serverchan",
    Ntfy => "ntfy",
    Gotify => "gotify",
    Email => "email",
    Webhook => "webhook",
});

/// What a field of a channel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One line.
    Line,
    /// An `http(s)` address.
    Url,
    /// Names and values, as an object or its JSON.
    Headers,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// An e-mail address.
    Email,
}

/// A field of a channel's configuration.
struct Field {
    name: &'static str,
    /// What older systems call it.
    aliases: &'static [&'static str],
    form: Form,
    /// Sealed with the rest, and masked wherever it is shown.
    is_secret: bool,
    is_required: bool,
    usual: Option<&'static str>,
}

impl Field {
    const fn new(name: &'static str, aliases: &'static [&'static str], form: Form) -> Self {
        Self { name, aliases, form, is_secret: false, is_required: false, usual: None }
    }

    const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    const fn or(self, usual: &'static str) -> Self {
        Self { usual: Some(usual), ..self }
    }
}

/// What one channel needs, checked. `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    kind: Kind,
    values: BTreeMap<&'static str, String>,
}

/// Which field of a configuration cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub field: String,
    pub said: Words,
}

impl Fault {
    fn new(field: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { field: field.to_owned(), said: Words::new(zh, en) }
    }
}

/// The longest value of a field, in bytes.
const LONGEST: usize = 4096;

/// A request to a service.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    pub is_put: bool,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub content_type: &'static str,
    pub body: String,
}

/// What is to be sent, and by which way.
#[derive(Clone, PartialEq, Eq)]
pub enum Dispatch {
    Http(Post),
    Mail { to: String, subject: String, text: String },
}

/// What a service said to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// Not now: the same may be taken later, at the earliest in so many seconds.
    Later {
        said: String,
        after_s: Option<u64>,
    },
    /// Not like this: somebody must change something first.
    Never {
        said: String,
    },
}

impl Post {
    fn json(url: String, body: &Value) -> Self {
        Self { is_put: false, url, headers: Vec::new(), content_type: "application/json", body: body.to_string() }
    }
}

impl Kind {
    /// By its code, or by what older systems call it.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "ding_talk" => Some(Self::DingTalk),
            "lark" => Some(Self::Feishu),
            "wechat" | "wxwork" | "qywx" => Some(Self::WeCom),
            "mail" => Some(Self::Email),
            other => other.parse().ok(),
        }
    }

    fn fields(self) -> &'static [Field] {
        match self {
            Self::DingTalk => dingtalk::FIELDS,
            Self::Feishu => feishu::FIELDS,
            Self::WeCom => wecom::FIELDS,
            Self::Telegram => telegram::FIELDS,
            Self::Bark => bark::FIELDS,
            Self::PushPlus => pushplus::FIELDS,
            Self::ServerChan => serverchan::FIELDS,
            Self::Ntfy => ntfy::FIELDS,
            Self::Gotify => gotify::FIELDS,
            Self::Email => email::FIELDS,
            Self::Webhook => webhook::FIELDS,
        }
    }
}

impl Config {
    /// Reads what a person wrote: fields by their names or older names, unknown ones refused, each checked for its form.
    pub fn read(kind: Kind, given: &Map<String, Value>) -> Result<Self, Fault> {
        let fields = kind.fields();
        let mut values = BTreeMap::new();
        for (name, value) in given {
            let is_it = |field: &&Field| field.name == name || field.aliases.contains(&name.as_str());
            let Some(field) = fields.iter().find(is_it) else {
                let known: Vec<_> = fields.iter().map(|field| field.name).collect();
                let known = known.join(", ");
                return Err(Fault::new(
                    name,
                    format!("未知的字段，可用：{known}"),
                    format!("unknown field, expected one of {known}"),
                ));
            };
            let Some(text) = field.read(value)? else { continue };
            if values.insert(field.name, text).is_some() {
                return Err(Fault::new(field.name, "重复填写", "is given twice"));
            }
        }
        for field in fields {
            if let (false, Some(usual)) = (values.contains_key(field.name), field.usual) {
                values.insert(field.name, usual.to_owned());
            }
            if field.is_required && !values.contains_key(field.name) {
                return Err(Fault::new(field.name, "必填", "is required"));
            }
        }
        let config = Self { kind, values };
        if kind == Kind::Webhook {
            webhook::check(&config)?;
        }
        Ok(config)
    }

    /// As it is kept, to be sealed.
    pub fn write(&self) -> String {
        let map: Map<String, Value> =
            self.values.iter().map(|(name, text)| ((*name).to_owned(), text.as_str().into())).collect();
        Value::Object(map).to_string()
    }

    /// As [`Config::write`] wrote it. An error says that it was written by another version.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Fault> {
        let stored = serde_json::from_str(text).map_err(|_| Fault::new("config", "无法读取", "cannot be read"))?;
        Self::read(kind, &stored)
    }

    /// Every value by its field, secrets masked.
    pub fn masked(&self) -> BTreeMap<&'static str, String> {
        let shown = |field: &Field| {
            let value = self.values.get(field.name)?;
            let text = match (field.is_secret, field.form) {
                (false, _) => value.clone(),
                (true, Form::Url) => mask_url(value),
                (true, _) => mask(value),
            };
            Some((field.name, text))
        };
        self.kind.fields().iter().filter_map(shown).collect()
    }

    /// What becomes of it when a person writes it anew: what stands there as it is shown masked stays what it was. A secret does not go along
    /// to another address, or whoever may change the address would learn it.
    pub fn rewritten(&self, mut given: Map<String, Value>) -> Result<Self, Fault> {
        let masked = self.masked();
        let mut kept = Vec::new();
        for field in self.kind.fields().iter().filter(|field| field.is_secret) {
            let Some((old, mask)) = self.values.get(field.name).zip(masked.get(field.name)) else { continue };
            for name in field.aliases.iter().chain([&field.name]) {
                if given.get(*name).and_then(Value::as_str) == Some(mask) {
                    given.insert((*name).to_owned(), old.as_str().into());
                    kept.extend((field.form != Form::Url).then_some(field.name));
                }
            }
        }
        let new = Self::read(self.kind, &given)?;
        match kept.first() {
            Some(field) if !self.urls().eq(new.urls()) => {
                Err(Fault::new(field, "更换地址时须重新填写", "must be given again for another address"))
            }
            _ => Ok(new),
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The addresses it would send to, by their fields.
    pub fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let is_url = |field: &&Field| field.form == Form::Url;
        self.kind
            .fields()
            .iter()
            .filter(is_url)
            .filter_map(|field| Some((field.name, self.values.get(field.name)?.as_str())))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Of a field that is required or has a usual value.
    fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Puts a message into the service's form. `uid` names the delivery and stays the same when it is tried again.
    pub fn build(&self, message: &Message, uid: &str, now: Timestamp) -> Dispatch {
        match self.kind {
            Kind::DingTalk => Dispatch::Http(dingtalk::build(self, message, now)),
            Kind::Feishu => Dispatch::Http(feishu::build(self, message, now)),
            Kind::WeCom => Dispatch::Http(wecom::build(self, message)),
            Kind::Telegram => Dispatch::Http(telegram::build(self, message)),
            Kind::Bark => Dispatch::Http(bark::build(self, message)),
            Kind::PushPlus => Dispatch::Http(pushplus::build(self, message)),
            Kind::ServerChan => Dispatch::Http(serverchan::build(self, message)),
            Kind::Ntfy => Dispatch::Http(ntfy::build(self, message)),
            Kind::Gotify => Dispatch::Http(gotify::build(self, message)),
            Kind::Email => email::build(self, message),
            Kind::Webhook => Dispatch::Http(webhook::build(self, message, uid, now)),
        }
    }

    /// Reads what the service answered. What it said is shortened, and holds none of the channel's secrets.
    pub fn judge(&self, status: u16, body: &[u8]) -> Verdict {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let verdict = match self.kind {
            Kind::DingTalk => dingtalk::judge(&answer),
            Kind::Feishu => feishu::judge(&answer),
            Kind::WeCom => wecom::judge(&answer),
            Kind::Telegram => telegram::judge(&answer),
            Kind::Bark => bark::judge(&answer),
            Kind::PushPlus => pushplus::judge(&answer),
            Kind::ServerChan => serverchan::judge(&answer),
            Kind::Ntfy | Kind::Gotify | Kind::Email | Kind::Webhook => None,
        };
        let verdict = verdict.unwrap_or_else(|| by_status(status, body, self.kind));
        match verdict {
            Verdict::Taken => Verdict::Taken,
            Verdict::Later { said, after_s } => Verdict::Later { said: self.without_secrets(said), after_s },
            Verdict::Never { said } => Verdict::Never { said: self.without_secrets(said) },
        }
    }

    fn without_secrets(&self, mut said: String) -> String {
        let secrets = self.kind.fields().iter().filter(|field| field.is_secret);
        for secret in secrets.filter_map(|field| self.find(field.name)).filter(|secret| secret.len() >= 4) {
            said = said.replace(secret, "***");
        }
        said
    }
}

/// Of services that answer by the status alone, and of answers that are not the service's.
fn by_status(status: u16, body: &[u8], kind: Kind) -> Verdict {
    let text = super::notice::tame(&String::from_utf8_lossy(body));
    let said = if text.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {text}") };
    let speaks_by_status = matches!(kind, Kind::Ntfy | Kind::Gotify | Kind::Webhook);
    match status {
        200..300 if speaks_by_status => Verdict::Taken,
        408 | 425 | 429 | 500.. => Verdict::Later { said, after_s: None },
        _ => Verdict::Never { said },
    }
}

/// Of services that answer with a number and a sentence: `good` is what is well, `passing` what may be better later.
fn by_code(answer: &Value, code: &str, sentence: &str, good: i64, passing: &[i64]) -> Option<Verdict> {
    let number = answer[code].as_i64()?;
    if number == good {
        return Some(Verdict::Taken);
    }
    let said = format!("{number}: {}", super::notice::tame(answer[sentence].as_str().unwrap_or_default()));
    Some(if passing.contains(&number) { Verdict::Later { said, after_s: None } } else { Verdict::Never { said } })
}

impl Field {
    /// `None`: nothing is given.
    fn read(&self, value: &Value) -> Result<Option<String>, Fault> {
        let text = match value {
            Value::Null => return Ok(None),
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Object(_) if self.form == Form::Headers => value.to_string(),
            _ => return Err(Fault::new(self.name, "须为文本", "must be a text")),
        };
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > LONGEST {
            return Err(Fault::new(
                self.name,
                format!("不得超过 {LONGEST} 字节"),
                format!("must not have more than {LONGEST} bytes"),
            ));
        }
        if text.contains(char::is_control) && self.form != Form::Headers {
            return Err(Fault::new(self.name, "不能含有控制字符", "must not contain control characters"));
        }
        self.check(&text).map(|()| Some(text))
    }

    fn check(&self, text: &str) -> Result<(), Fault> {
        let fault = |zh: &str, en: &str| Err(Fault::new(self.name, zh, en));
        match self.form {
            Form::Line => Ok(()),
            Form::Url if text.starts_with("https://") || text.starts_with("http://") => Ok(()),
            Form::Url => {
                fault("须为 http:// 或 https:// 开头的地址", "must be an address that begins with http:// or https://")
            }
            Form::OneOf(choices) if choices.contains(&text) => Ok(()),
            Form::OneOf(choices) => {
                let choices = choices.join(", ");
                fault(&format!("须为 {choices} 之一"), &format!("must be one of {choices}"))
            }
            Form::Email if is_email(text) => Ok(()),
            Form::Email => fault("须为邮箱地址", "must be an e-mail address"),
            Form::Headers => match serde_json::from_str::<BTreeMap<String, String>>(text) {
                Ok(_) => Ok(()),
                Err(_) => fault("须为名称到文本的 JSON 对象", "must be a JSON object of names and texts"),
            },
        }
    }
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(who, host)| !who.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.contains(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '<' | '>' | '"'))
}

/// Enough to recognise it by.
fn mask(secret: &str) -> String {
    let end = secret.chars().count().checked_sub(4).filter(|hidden| *hidden >= 8);
    let shown: String = end.map(|hidden| secret.chars().skip(hidden).collect()).unwrap_or_default();
    format!("****{shown}")
}

/// The host, and what [`mask`] leaves of the rest.
fn mask_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (host, path) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    format!("{scheme}://{host}/{}", mask(path))
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.said.en)
    }
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
