//! What came of a request.

use serde_json::{Value, value::RawValue};
use thiserror::Error;

use super::{
    command::Command,
    event::{ConversationPage, HistoryPage},
    lenient, page, tree,
};
use crate::ids::{ConversationId, MessageId};

/// The longest body that is read into memory; a page of twenty messages is about 60 kB.
const MAX_BODY: usize = 1 << 20;
/// The platform's number for "too fast": wait some seconds and ask again.
const TOO_FAST: i64 = 400_600_001;

/// A request that was granted.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The message was accepted; not every answer names it.
    Sent {
        message: Option<MessageId>,
    },
    Conversation {
        conversation: ConversationId,
    },
    Conversations(ConversationPage),
    History(HistoryPage),
    /// Read receipts and recalls answer nothing else.
    Done,
}

/// A request that was not granted, or of which nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The content is not allowed. Final: nobody received it.
    #[error("the platform rejected the content: {reason}")]
    Rejected { reason: String },
    /// An error code; nothing was done.
    #[error("the platform refused with code {code}: {reason}")]
    Refused { code: i64, reason: String },
    #[error("the platform wants a pause between requests")]
    TooFast,
    /// Some sends are never answered: this is doubt, not failure.
    #[error("no answer came in time")]
    NoAnswer,
    #[error("the answer could not be read")]
    Unreadable,
    /// The session ended first, or was not live. Doubt like [`RequestError::NoAnswer`].
    #[error("the session ended before an answer came")]
    Lost,
}

/// Which answer a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Sent,
    Conversation,
    Conversations,
    History,
    Done,
}

impl Wanted {
    pub(super) fn by(command: &Command) -> Self {
        match command {
            Command::SendText { .. } | Command::SendImage { .. } => Self::Sent,
            Command::CreateConversation { .. } => Self::Conversation,
            Command::ListConversations { .. } => Self::Conversations,
            Command::ListMessages { .. } => Self::History,
            Command::MarkRead(_) | Command::Recall(_) => Self::Done,
        }
    }

    /// Reads the answer with this code and body.
    pub(super) fn read(self, code: i64, body: Option<&RawValue>) -> Result<Answer, RequestError> {
        match parse(body) {
            Ok(body) => refused(code, &body).map_or_else(|| self.granted(&body), Err),
            Err(error) if is_success(code) => Err(error),
            Err(_) => Err(RequestError::Refused { code, reason: String::new() }),
        }
    }

    fn granted(self, body: &Value) -> Result<Answer, RequestError> {
        let answer = match self {
            Self::Sent => Some(Answer::Sent { message: sent(body) }),
            Self::Conversation => page::conversation(body).map(|conversation| Answer::Conversation { conversation }),
            Self::Conversations => page::conversations(body).map(Answer::Conversations),
            Self::History => page::history(body).map(Answer::History),
            Self::Done => Some(Answer::Done),
        };
        answer.ok_or(RequestError::Unreadable)
    }
}

/// No body is an empty one: plain acknowledgements have none.
fn parse(body: Option<&RawValue>) -> Result<Value, RequestError> {
    let Some(body) = body.map(RawValue::get) else { return Ok(Value::Null) };
    if body.len() > MAX_BODY {
        return Err(RequestError::Unreadable);
    }
    lenient::parse(body).map_err(|_| RequestError::Unreadable)
}

/// A body with a reason is a rejection even under code 200.
fn refused(code: i64, body: &Value) -> Option<RequestError> {
    let info = tree::text(body.get("moreInfo")).unwrap_or_default();
    let told = info.split_once("||").map_or(info, |(_, told)| told);
    let reason = tree::text(body.get("reason")).unwrap_or(told).to_owned();
    if tree::integer(body.get("code")) == Some(TOO_FAST) {
        return Some(RequestError::TooFast);
    }
    let forbidden = info.starts_with("CSI_FORBID");
    if !is_success(code) && !forbidden {
        return Some(RequestError::Refused { code, reason });
    }
    let rejected = forbidden || tree::text(body.get("reason")).is_some();
    rejected.then_some(RequestError::Rejected { reason })
}

fn is_success(code: i64) -> bool {
    (200..300).contains(&code)
}

fn sent(body: &Value) -> Option<MessageId> {
    tree::typed(body.get("messageId").or_else(|| body.get("1")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{json, value::to_raw_value};

    use super::*;

    fn read(wanted: Wanted, code: i64, body: Value) -> Result<Answer, RequestError> {
        wanted.read(code, Some(&to_raw_value(&body).unwrap()))
    }

    #[test]
    fn a_send_is_accepted_with_the_id_in_either_place_or_without() {
        let sent = |id: Option<&str>| Ok(Answer::Sent { message: id.map(MessageId::from) });
        assert_eq!(read(Wanted::Sent, 200, json!({"messageId": "1.PNM"})), sent(Some("1.PNM")));
        assert_eq!(read(Wanted::Sent, 200, json!({"1": "2.PNM"})), sent(Some("2.PNM")));
        assert_eq!(read(Wanted::Sent, 200, json!({"createAt": 5})), sent(None));
        assert_eq!(Wanted::Sent.read(200, None), sent(None));
    }

    #[test]
    fn a_reason_is_a_rejection_even_under_code_200() {
        let rejected = Err(RequestError::Rejected { reason: "安全拦截".to_owned() });
        assert_eq!(read(Wanted::Sent, 200, json!({"reason": "安全拦截", "moreInfo": "CSI_FORBID||x"})), rejected);
        assert_eq!(read(Wanted::Sent, 200, json!({"moreInfo": "CSI_FORBID||安全拦截"})), rejected);
        assert_eq!(read(Wanted::Sent, 400, json!({"reason": "安全拦截", "moreInfo": "CSI_FORBID||x"})), rejected);
    }

    #[test]
    fn an_error_code_is_a_refusal_and_flow_control_is_its_own_kind() {
        let refused = Err(RequestError::Refused { code: 500, reason: "busy".to_owned() });
        assert_eq!(read(Wanted::Sent, 500, json!({"reason": "busy"})), refused);
        assert_eq!(read(Wanted::History, 400, json!({"code": "400600001"})), Err(RequestError::TooFast));
        assert_eq!(read(Wanted::History, 200, json!({"code": 400600001})), Err(RequestError::TooFast));
    }

    #[test]
    fn a_conversation_is_found_in_every_wrapping_that_was_seen() {
        let inner = json!({"singleChatConversation": {"cid": "50000000001@goofish"}});
        let found = Ok(Answer::Conversation { conversation: ConversationId::from("50000000001") });
        let wrapped =
            [inner.clone(), json!([inner]), json!({"data": inner}), json!({"singleChatUserConversation": inner})];
        for body in wrapped {
            assert_eq!(read(Wanted::Conversation, 200, body.clone()), found, "{body}");
        }
    }

    #[test]
    fn a_list_that_is_none_is_unreadable() {
        assert_eq!(read(Wanted::Conversations, 200, json!({})), Err(RequestError::Unreadable));
        assert_eq!(Wanted::History.read(200, None), Err(RequestError::Unreadable));
    }
}
