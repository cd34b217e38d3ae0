//! One text frame from the platform, taken apart as far as routing needs; what is inside stays borrowed text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{json, value::RawValue};
use thiserror::Error;

use super::{payload::PayloadError, scalar::Scalar};

/// The longest frame that is looked at. The platform's own web client allows 4 MiB; the longest seen is a replay of 32 entries.
pub const MAX_FRAME: usize = 4 << 20;
/// The most entries of one push; 32 is the most that was ever seen.
const MAX_ENTRIES: usize = 2048;

/// Why a frame cannot even be routed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    #[error("frame of {0} bytes is longer than {MAX_FRAME}")]
    TooLong(usize),
    #[error("frame is not a JSON object: {0}")]
    NotJson(String),
    #[error("frame has neither a path nor a code")]
    NoKind,
}

/// An incoming frame.
#[derive(Debug)]
pub enum Frame<'a> {
    /// The answer to a request of ours, paired by its mid.
    Response(Response<'a>),
    /// Something happened; to be acknowledged.
    Push(PushFrame<'a>),
}

#[derive(Debug)]
pub struct Response<'a> {
    pub code: i64,
    pub headers: Headers<'a>,
    /// Absent in plain acknowledgements such as a heartbeat's answer.
    pub body: Option<&'a RawValue>,
}

#[derive(Debug)]
pub struct PushFrame<'a> {
    pub path: Path,
    pub headers: Headers<'a>,
    body: Option<&'a RawValue>,
}

/// Where the platform speaks unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    Push(PushPath),
    /// `/push/kickout`: the login is not accepted any more.
    Kickout,
    /// `/s/session/remove`: another session took this one's place.
    SessionRemove,
}

/// Where a push came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushPath {
    /// `/s/sync`: messages, badges, read receipts.
    Sync,
    /// `/s/para`: typing and other passing things.
    Para,
    /// `/s/vulcan`: replay after the registration.
    Vulcan,
    Other,
}

/// The headers that anybody reads; the rest is ignored.
#[derive(Debug, Default, Deserialize)]
pub struct Headers<'a> {
    #[serde(borrow, default)]
    mid: Scalar<'a>,
    #[serde(borrow, default)]
    sid: Scalar<'a>,
    #[serde(borrow, default, rename = "app-key")]
    app_key: Scalar<'a>,
    #[serde(borrow, default)]
    ua: Scalar<'a>,
    #[serde(borrow, default)]
    dt: Scalar<'a>,
}

/// The entries of one push, undecoded.
#[derive(Debug, Default)]
pub struct Package<'a> {
    /// The platform's cursor after this push, milliseconds × 1000. Absent in passing pushes.
    pub pts: Option<i64>,
    pub entries: Vec<RawEntry<'a>>,
}

/// One entry of a push. A broken one is an entry without data, so that its neighbours survive.
#[derive(Debug, Default, PartialEq)]
pub struct RawEntry<'a> {
    pub object_type: Option<i64>,
    pub biz_type: Option<i64>,
    /// What [`super::payload::decode`] reads.
    pub data: Option<Cow<'a, str>>,
}

impl<'a> Frame<'a> {
    /// Reads the outer object only; bodies are parsed by whoever wants them.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        if text.len() > MAX_FRAME {
            return Err(FrameError::TooLong(text.len()));
        }
        let outer: Outer<'a> = object(text).map_err(|error| FrameError::NotJson(error.to_string()))?;
        let headers = outer.headers.map(Headers::read).unwrap_or_default();
        if let Some(path) = outer.lwp.as_str() {
            return Ok(Self::Push(PushFrame { path: Path::of(path), headers, body: outer.body }));
        }
        let code = outer.code.integer().ok_or(FrameError::NoKind)?;
        Ok(Self::Response(Response { code, headers, body: outer.body }))
    }
}

impl<'a> PushFrame<'a> {
    /// Every entry in order. An unreadable package is one error, not silence; the push is acknowledged all the same.
    pub fn package(&self) -> Result<Package<'a>, PayloadError> {
        let unreadable = |error: serde_json::Error| PayloadError::Package(error.to_string());
        let Some(body) = self.body else { return Ok(Package::default()) };
        let body: PushBody<'a> = object(body.get()).map_err(unreadable)?;
        let Some(package) = body.package else { return Ok(Package::default()) };
        let package: SyncPackage<'a> = object(package.get()).map_err(unreadable)?;
        // the passing pushes say 0 where the others say a time
        let pts = package.max_pts.integer().filter(|pts| *pts > 0);
        Ok(Package { pts, entries: package.data.0 })
    }

    /// The acknowledgement: the headers the platform knows it by, echoed. `generated` serves a push without a mid.
    pub fn acknowledgement(&self, generated: impl FnOnce() -> String) -> String {
        let mid = self.headers.mid.as_str().map_or_else(generated, str::to_owned);
        let mut headers = json!({ "mid": mid, "sid": self.headers.sid.as_str().unwrap_or_default() });
        let optional = [("app-key", &self.headers.app_key), ("ua", &self.headers.ua), ("dt", &self.headers.dt)];
        for (name, value) in optional {
            if let Some(value) = value.as_str() {
                headers[name] = json!(value);
            }
        }
        json!({ "code": 200, "headers": headers }).to_string()
    }
}

impl Path {
    fn of(path: &str) -> Self {
        match path {
            "/s/sync" => Self::Push(PushPath::Sync),
            "/s/para" => Self::Push(PushPath::Para),
            "/s/vulcan" => Self::Push(PushPath::Vulcan),
            "/push/kickout" => Self::Kickout,
            "/s/session/remove" => Self::SessionRemove,
            _ => Self::Push(PushPath::Other),
        }
    }
}

impl<'a> Headers<'a> {
    /// Headers that are no object are no headers: an acknowledgement can still be made up.
    fn read(raw: &'a RawValue) -> Self {
        object(raw.get()).unwrap_or_default()
    }

    pub fn mid(&self) -> Option<&str> {
        self.mid.as_str()
    }
}

/// Reads an object. The derived readers would take a list for one, by position.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
    } else {
        Err(serde::de::Error::custom("not an object"))
    }
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, default)]
    lwp: Scalar<'a>,
    #[serde(borrow, default)]
    code: Scalar<'a>,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PushBody<'a> {
    #[serde(borrow, default, rename = "syncPushPackage")]
    package: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct SyncPackage<'a> {
    #[serde(borrow, default, rename = "maxPts")]
    max_pts: Scalar<'a>,
    #[serde(borrow, default)]
    data: Entries<'a>,
}

#[derive(Default)]
struct Entries<'a>(Vec<RawEntry<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntriesVisitor).map(Self)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<RawEntry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_ENTRIES} entries")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Lenient(entry)) = list.next_element()? {
            if entries.len() == MAX_ENTRIES {
                return Err(serde::de::Error::invalid_length(MAX_ENTRIES + 1, &self));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// An entry whatever it is: what is no object becomes an entry without data.
struct Lenient<'a>(RawEntry<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Lenient<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor).map(Self)
    }
}

struct EntryVisitor;

/// The visits of everything an entry should not be.
macro_rules! broken {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(RawEntry::default())
        }
    )*};
}

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = RawEntry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    broken!(visit_str: &str, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_bool: bool);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(RawEntry::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(RawEntry::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entry = RawEntry::default();
        while let Some(key) = map.next_key::<Scalar<'de>>()? {
            let value = map.next_value::<Scalar<'de>>()?;
            match key.as_str() {
                Some("objectType") => entry.object_type = value.integer(),
                Some("bizType") => entry.biz_type = value.integer(),
                Some("data") => entry.data = value.into_text(),
                _ => {}
            }
        }
        Ok(entry)
    }
}
