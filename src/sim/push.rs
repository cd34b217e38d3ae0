//! Server pushes: entries, and the frame around them.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// One entry of `syncPushPackage.data`.
#[derive(Debug, Clone)]
pub struct Entry {
    pub biz_type: u32,
    pub object_type: u32,
    /// Base64 of MessagePack or JSON. Shared: an entry goes to every connection and into the replay log.
    pub data: Arc<str>,
    /// Not kept, not replayed.
    pub transient: bool,
}

/// The path of a push frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// `/s/sync`: what stays.
    Sync,
    /// `/s/para`: what passes, such as typing.
    Para,
    /// `/s/vulcan`: wake-ups after registration.
    Vulcan,
}

impl Entry {
    pub fn chat(data: String) -> Self {
        Self { biz_type: 40, object_type: 40000, data: data.into(), transient: false }
    }

    pub fn json(value: &Value) -> Self {
        Self { biz_type: 370, object_type: 370_000, data: STANDARD.encode(value.to_string()).into(), transient: true }
    }
}

impl Channel {
    fn path(self) -> &'static str {
        match self {
            Self::Sync => "/s/sync",
            Self::Para => "/s/para",
            Self::Vulcan => "/s/vulcan",
        }
    }
}

/// The text frame that carries `entries`. `pts` is the newest cursor among them, `at` the time in milliseconds.
pub(super) fn frame<'a>(
    channel: Channel,
    entries: impl ExactSizeIterator<Item = &'a Entry>,
    pts: i64,
    at: i64,
    mid: u32,
    sid: &str,
) -> String {
    let mut text = String::with_capacity(600 + entries.len() * 1800);
    let (pts, timestamp, sync_id) = match channel {
        Channel::Para => (0, 0, r#","syncId":"""#),
        Channel::Sync | Channel::Vulcan => (pts, at, ""),
    };
    // writing to a String cannot fail
    let _ = write!(
        text,
        r#"{{"headers":{{"app-key":"{}","mid":"{mid:08x} 0","ua":"DingWeb/2.1.5","sid":"{sid}"}},"lwp":"{}","body":{{"syncPushPackage":{{"maxHighPts":0,"startSeq":1,"endSeq":{},"minCreateTime":{at},"data":["#,
        super::IM_APP_KEY,
        channel.path(),
        entries.len() + 1,
    );
    for (index, entry) in entries.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let Entry { biz_type, object_type, data, .. } = entry;
        let _ = write!(
            text,
            r#"{comma}{{"bizType":{biz_type},"data":"{data}","streamId":"{biz_type}","objectType":{object_type}{sync_id}}}"#
        );
    }
    let _ = write!(
        text,
        r#"],"maxPts":{pts},"hasMore":0,"timestamp":{timestamp}}},"syncExtensionModel":{}}}}}"#,
        extension_model(channel)
    );
    text
}

/// A frame without entries: kick-outs and session removal. Their bodies are undocumented; these are the simulator's.
pub(super) fn control_frame(path: &str, body: &str, mid: u32, sid: &str) -> String {
    format!(r#"{{"headers":{{"mid":"{mid:08x} 0","sid":"{sid}"}},"lwp":"{path}","body":{body}}}"#)
}

fn extension_model(channel: Channel) -> &'static str {
    match channel {
        Channel::Sync => r#"{"reconnectType":0,"failover":0,"fingerprint":-898528959}"#,
        Channel::Para => "{}",
        Channel::Vulcan => r#"{"reconnectType":1,"failover":0,"fingerprint":-898528959},"syncExtraType":{"type":3}"#,
    }
}
