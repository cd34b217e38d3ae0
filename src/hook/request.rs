//! What the seller's own program is sent, how it is signed, and how its answer is read.
//!
//! The request is a POST of JSON with the fields that programs of this kind know. `X-Yutang-Timestamp` holds the moment it was made in
//! seconds, `X-Yutang-Signature` the HMAC-SHA256 of `TIMESTAMP.BODY` under the shared secret, in hexadecimal. The answer is untrusted text:
//! it is bounded, and nothing in it is interpreted.

use std::{fmt, sync::Arc, time::Duration};

use ring::hmac;
use serde::Deserialize;
use serde_json::json;

use crate::{
    ids::{BuyerId, ConversationId, ItemId, Timestamp},
    platform::profile,
};

/// The longest answer that is sent, in characters: as long as a person's message may be.
const LONGEST: usize = 2000;

/// How long the program may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Where the program is, and the secret it shares with us.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSettings {
    pub url: String,
    /// Empty: requests are not signed.
    pub secret: String,
}

impl fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookSettings({}, ***)", self.url)
    }
}

/// What a buyer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookTurn {
    /// The account's name.
    pub account: Arc<str>,
    pub conversation: ConversationId,
    pub buyer: BuyerId,
    pub buyer_name: String,
    pub item: Option<ItemId>,
    /// Several messages are joined by line feeds.
    pub said: String,
    pub said_at: Timestamp,
}

/// The body of a request.
pub fn body(turn: &HookTurn) -> String {
    let HookTurn { account, conversation, buyer, buyer_name, item, said, said_at } = turn;
    json!({
        "cookie_id": &**account,
        "msg_time": said_at.0,
        "user_url": profile::url(buyer),
        "send_user_id": buyer.as_str(),
        "send_user_name": buyer_name,
        "item_id": item.as_ref().map_or("", ItemId::as_str),
        "send_message": said,
        "chat_id": conversation.as_str(),
    })
    .to_string()
}

/// The headers that prove who sends `body`, and when.
pub fn signature(secret: &str, body: &str, now: Timestamp) -> [(&'static str, String); 2] {
    let seconds = now.0.div_euclid(1000).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    [("x-yutang-timestamp", seconds), ("x-yutang-signature", hex)]
}

/// What the program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookSaid {
    Text(String),
    Nothing,
    /// A stable code says what is wrong with it.
    Unfit(&'static str),
}

#[derive(Deserialize)]
struct Answer {
    code: i64,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    send_msg: Option<String>,
}

/// Reads an answer. No text, or `code` 404, is nothing to say.
pub fn read(status: u16, body: &[u8]) -> HookSaid {
    if status == 404 || status == 204 {
        return HookSaid::Nothing;
    }
    if !(200..300).contains(&status) {
        return HookSaid::Unfit("http_status");
    }
    let Ok(said) = serde_json::from_slice::<Answer>(body) else { return HookSaid::Unfit("unreadable") };
    match (said.code, said.data.and_then(|data| data.send_msg)) {
        (404, _) => HookSaid::Nothing,
        (200, text) => text.map_or(HookSaid::Nothing, |text| says(&text)),
        _ => HookSaid::Unfit("refused"),
    }
}

fn says(text: &str) -> HookSaid {
    let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    match text.trim() {
        "" => HookSaid::Nothing,
        text if text.chars().count() > LONGEST => HookSaid::Unfit("too_long"),
        text => HookSaid::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_fields_that_such_programs_know() {
        let turn = HookTurn {
            account: "shop".into(),
            conversation: "50000000001".into(),
            buyer: "2200000000777".into(),
            buyer_name: "小明\"".into(),
            item: Some("900000000001".into()),
            said: "在吗\n多少钱".into(),
            said_at: Timestamp(1_760_000_000_123),
        };
        let expected = r#"{"cookie_id":"shop","msg_time":1760000000123,"user_url":"https://www.goofish.com/personal?userId=2200000000777","send_user_id":"2200000000777","send_user_name":"小明\"","item_id":"900000000001","send_message":"在吗\n多少钱","chat_id":"50000000001"}"#;
        assert_eq!(body(&turn), expected);
    }

    /// Made with another implementation: `printf '1760000000.{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_covers_the_moment_and_the_body() {
        let [(_, moment), (_, signature)] = signature("secret", "{}", Timestamp(1_760_000_000_999));
        assert_eq!(moment, "1760000000");
        assert_eq!(signature, SIGNED);
    }

    const SIGNED: &str = "53dc054739ad94d3532227ba8d397f66ed2166a6b66940c2006692fa6db6829f";

    #[test]
    fn an_answer_is_text_or_nothing() {
        let text = |text: &str| HookSaid::Text(text.into());
        let said = |body: &str| read(200, body.as_bytes());
        assert_eq!(said(r#"{"code":200,"data":{"send_msg":" 在的\u0000{item_id} "}}"#), text("在的{item_id}"));
        assert_eq!(said(r#"{"code":200,"data":{"send_msg":"  "}}"#), HookSaid::Nothing);
        assert_eq!(said(r#"{"code":200,"data":{}}"#), HookSaid::Nothing);
        assert_eq!(said(r#"{"code":404}"#), HookSaid::Nothing);
        assert_eq!(said(r#"{"code":500,"data":{"send_msg":"oops"}}"#), HookSaid::Unfit("refused"));
        assert_eq!(said("<html>"), HookSaid::Unfit("unreadable"));
        assert_eq!(read(404, b""), HookSaid::Nothing);
        assert_eq!(read(502, b""), HookSaid::Unfit("http_status"));
        let long = format!(r#"{{"code":200,"data":{{"send_msg":"{}"}}}}"#, "长".repeat(2001));
        assert_eq!(said(&long), HookSaid::Unfit("too_long"));
    }
}
