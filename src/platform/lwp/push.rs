//! A push with its entries decoded.

use super::{
    event::{self, Event},
    frame::{Package, PushFrame, PushPath, RawEntry},
    payload::{self, PayloadError},
};

/// Names a push until it is acknowledged; never repeats within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId(pub u64);

/// Something the platform told. It counts as received only when it is acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    pub id: PushId,
    pub path: PushPath,
    /// The cursor after this push, to be stored with what it brought. Milliseconds × 1000.
    pub pts: Option<i64>,
    /// All of them, in order; broken ones in their places.
    pub entries: Vec<Entry>,
}

/// One entry of a push.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub object_type: Option<i64>,
    pub biz_type: Option<i64>,
    pub outcome: Result<Event, PayloadError>,
    /// The entry as it came, kept only where nobody could make sense of it.
    pub data: Option<String>,
}

impl Push {
    pub(super) fn read(id: PushId, path: PushPath, frame: &PushFrame<'_>) -> Self {
        let (pts, entries) = match frame.package() {
            Ok(Package { pts, entries }) => (pts, entries.into_iter().map(Entry::read).collect()),
            Err(error) => (None, vec![Entry { object_type: None, biz_type: None, outcome: Err(error), data: None }]),
        };
        Self { id, path, pts, entries }
    }
}

impl Entry {
    /// Decodes one entry; what is wrong with it stays inside it.
    pub fn read(raw: RawEntry<'_>) -> Self {
        let decoded = raw.data.as_deref().ok_or(PayloadError::Missing).and_then(payload::decode);
        let outcome = decoded.map(|value| event::classify(&value));
        // an entry too long to be looked at is too long to be kept
        let kept = matches!(outcome, Ok(Event::Unknown) | Err(_)) && !matches!(outcome, Err(PayloadError::TooLong(_)));
        let data = raw.data.filter(|_| kept).map(std::borrow::Cow::into_owned);
        Self { object_type: raw.object_type, biz_type: raw.biz_type, outcome, data }
    }
}
