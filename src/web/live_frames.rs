//! What is said over `/api/v1/live`: one JSON object in each text frame.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    api::{
        accounts::StatusView,
        conversations::pause_of,
        decisions::Verdict,
        key::{self, ConversationKey, OrderKey},
        logs::LogView,
    },
    error::{Language, Said},
};
use crate::{
    ids::{AccountId, ConversationId, MessageId, OrderId, RuleId, Timestamp},
    order::change::{OrderChanged, OrderPart},
    outbox::entry::State,
    telemetry::{
        feed::{DecidedEvent, Direction, FeedEvent, SendEvent, StoredEvent},
        logging::LogRecord,
    },
};

/// What a client may wish to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    Accounts,
    Conversations,
    Conversation(ConversationKey),
    Decisions,
    Outbox,
    Orders,
    Order(OrderKey),
    Logs,
}

impl Topic {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "accounts" => Some(Self::Accounts),
            "conversations" => Some(Self::Conversations),
            "decisions" => Some(Self::Decisions),
            "outbox" => Some(Self::Outbox),
            "orders" => Some(Self::Orders),
            "logs" => Some(Self::Logs),
            _ => Self::parse_narrow(text),
        }
    }

    fn parse_narrow(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("conversation", key) => ConversationKey::parse(key).map(Self::Conversation),
            ("order", key) => OrderKey::parse(key).map(Self::Order),
            _ => None,
        }
    }

    /// Whose account the topic itself names.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Conversation(key) => Some(key.account),
            Self::Order(key) => Some(key.account),
            Self::Accounts | Self::Conversations | Self::Decisions | Self::Outbox | Self::Orders | Self::Logs => None,
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Accounts => "accounts".to_owned(),
            Self::Conversations => "conversations".to_owned(),
            Self::Conversation(ConversationKey { account, conversation }) => {
                format!("conversation:{}", key::conversation(*account, conversation))
            }
            Self::Decisions => "decisions".to_owned(),
            Self::Outbox => "outbox".to_owned(),
            Self::Orders => "orders".to_owned(),
            Self::Order(order) => format!("order:{}", order.name()),
            Self::Logs => "logs".to_owned(),
        }
    }

    /// Under which of the wanted topics this is told: the narrowest.
    pub fn of(event: &FeedEvent, wanted: &HashSet<Self>) -> Option<Self> {
        let account = event.account();
        let of_conversation = |conversation: &ConversationId| {
            Some(Self::Conversation(ConversationKey { account, conversation: conversation.clone() }))
        };
        let (general, narrow) = match event {
            FeedEvent::Stored(event) => (Self::Conversations, of_conversation(&event.conversation)),
            FeedEvent::Decided(event) => (Self::Decisions, of_conversation(&event.conversation)),
            FeedEvent::Send(event) => (Self::Outbox, of_conversation(&event.conversation)),
            FeedEvent::Order(event) => {
                (Self::Orders, Some(Self::Order(OrderKey { account, order: event.order.clone() })))
            }
            FeedEvent::Paused { conversation, .. } => (Self::Conversations, of_conversation(conversation)),
            FeedEvent::Status { .. } => (Self::Accounts, None),
        };
        narrow.into_iter().chain([general]).find(|topic| wanted.contains(topic))
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// Begins to hear of these topics: `accounts`, `conversations`, `conversation:ACCOUNT.CONVERSATION`, `decisions`, `outbox`, `orders`,
    /// `order:ACCOUNT.ORDER`, `logs`.
    #[schema(example = json!({"type": "subscribe", "topics": ["accounts", "conversation:12.60001234567"]}))]
    Subscribe { topics: Vec<String> },
    /// Hears no more of them.
    Unsubscribe { topics: Vec<String> },
    /// Answered with `pong`.
    Ping {},
}

/// What the server says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// First of all.
    Hello {
        /// The first event has the next number.
        seq: u64,
        #[schema(value_type = i64)]
        at: Timestamp,
    },
    /// The topics in force from now on, after each `subscribe` and `unsubscribe`.
    Subscribed {
        topics: Vec<String>,
        /// How far everything had come. A page of the panel notes it before it is made (`data-mark`): where the two differ, something
        /// happened in between, and the page is read again.
        #[schema(example = "5be0cd19137e2179")]
        mark: String,
    },
    Event(LiveEvent),
    /// Events were lost here because they were not taken fast enough: read again what you show.
    Gap {
        /// As many numbers are left out; `null`: nobody counted, and the numbers go on.
        lost: Option<u64>,
    },
    /// Something that the client said was of no use, or (then the connection is closed) why it cannot stay.
    Error(LiveError),
    /// The answer to `ping`.
    Pong {},
}

impl ServerFrame {
    pub fn to_text(&self) -> String {
        // Strings, numbers and maps with text keys: nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Something happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveEvent {
    /// Grows by one with each event of this connection.
    pub seq: u64,
    /// The narrowest subscribed topic it belongs to: an event comes once.
    #[schema(example = "conversation:12.60001234567")]
    pub topic: String,
    /// When it was told, UTC milliseconds.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: Happened,
}

/// What happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", content = "data")]
pub enum Happened {
    #[serde(rename = "account.status")]
    AccountStatus(AccountStatus),
    #[serde(rename = "message.stored")]
    MessageStored(MessageStored),
    #[serde(rename = "decision.made")]
    DecisionMade(DecisionMade),
    #[serde(rename = "outbox.changed")]
    OutboxChanged(OutboxChanged),
    #[serde(rename = "order.changed")]
    OrderChanged(OrderNews),
    #[serde(rename = "conversation.paused")]
    ConversationPaused(ConversationPaused),
    #[serde(rename = "log.line")]
    LogLine(LogView),
}

/// The connection of an account entered a state.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountStatus {
    #[schema(value_type = i64)]
    account_id: AccountId,
    status: StatusView,
}

/// A message came, or the seller wrote one elsewhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageStored {
    #[schema(value_type = i64)]
    account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    conversation: String,
    #[schema(value_type = String)]
    message_id: MessageId,
    #[schema(inline)]
    direction: Direction,
    sender_name: Option<String>,
    text: String,
    #[schema(value_type = i64)]
    sent_at: Timestamp,
}

/// It was decided what to answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionMade {
    #[schema(value_type = i64)]
    account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    conversation: String,
    /// The last message of what the buyer said at once.
    #[schema(value_type = String)]
    message_id: MessageId,
    buyer_name: Option<String>,
    asked: String,
    #[schema(value_type = Verdict, inline)]
    decision: &'static str,
    reason: String,
    #[schema(value_type = Option<i64>)]
    rule_id: Option<RuleId>,
    needs_person: bool,
    #[schema(value_type = i64)]
    received_at: Timestamp,
    #[schema(value_type = i64)]
    decided_at: Timestamp,
}

/// An outbox entry was made, or entered a state.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutboxChanged {
    /// `ACCOUNT.NUMBER`.
    id: String,
    #[schema(value_type = i64)]
    account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    conversation: String,
    #[schema(inline)]
    state: State,
    reason: Option<String>,
    /// The platform's id of the message, once it is known.
    #[schema(value_type = Option<String>)]
    message_id: Option<MessageId>,
    attempts: i32,
}

/// Something of an order is stored: read it again.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderNews {
    #[schema(value_type = i64)]
    account_id: AccountId,
    /// `ACCOUNT.ORDER`.
    #[schema(example = "12.2500000000000000001")]
    order: String,
    #[schema(value_type = String)]
    order_id: OrderId,
    /// What of it is another now.
    #[schema(inline)]
    part: OrderPart,
}

/// Automatic answers pause in a conversation, or go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationPaused {
    #[schema(value_type = i64)]
    account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    conversation: String,
    /// They pause; otherwise they go on.
    paused: bool,
    /// Until then; `null` where nobody said how long.
    #[schema(value_type = Option<i64>)]
    paused_until: Option<Timestamp>,
}

impl Happened {
    /// For who reads `language`.
    pub fn new(event: FeedEvent, language: Language) -> Self {
        match event {
            FeedEvent::Stored(event) => Self::MessageStored((*event).into()),
            FeedEvent::Decided(event) => Self::DecisionMade((*event).into()),
            FeedEvent::Send(event) => Self::OutboxChanged((*event).into()),
            FeedEvent::Order(event) => Self::OrderChanged((*event).into()),
            FeedEvent::Status { account, status } => {
                Self::AccountStatus(AccountStatus { account_id: account, status: StatusView::new(status, language) })
            }
            FeedEvent::Paused { account, conversation, until } => {
                let (paused, paused_until) = pause_of(until);
                let conversation = key::conversation(account, &conversation);
                Self::ConversationPaused(ConversationPaused { account_id: account, conversation, paused, paused_until })
            }
        }
    }
}

impl From<&LogRecord> for Happened {
    fn from(record: &LogRecord) -> Self {
        Self::LogLine(record.into())
    }
}

impl From<StoredEvent> for MessageStored {
    fn from(event: StoredEvent) -> Self {
        Self {
            account_id: event.account,
            conversation: key::conversation(event.account, &event.conversation),
            message_id: event.message,
            direction: event.direction,
            sender_name: event.sender_name,
            text: event.text,
            sent_at: event.sent_at,
        }
    }
}

impl From<DecidedEvent> for DecisionMade {
    fn from(event: DecidedEvent) -> Self {
        Self {
            account_id: event.account,
            conversation: key::conversation(event.account, &event.conversation),
            message_id: event.message,
            buyer_name: event.buyer_name,
            asked: event.asked,
            decision: event.decision,
            reason: event.reason,
            rule_id: event.rule,
            needs_person: event.needs_person,
            received_at: event.received_at,
            decided_at: event.decided_at,
        }
    }
}

impl From<SendEvent> for OutboxChanged {
    fn from(event: SendEvent) -> Self {
        Self {
            id: key::send(event.account, event.id),
            account_id: event.account,
            conversation: key::conversation(event.account, &event.conversation),
            state: event.state,
            reason: event.reason,
            message_id: event.message,
            attempts: event.attempts,
        }
    }
}

impl From<OrderChanged> for OrderNews {
    fn from(event: OrderChanged) -> Self {
        Self {
            account_id: event.account,
            order: key::order(event.account, &event.order),
            order_id: event.order,
            part: event.part,
        }
    }
}

/// Why a frame was of no use, or the connection ends. As every refusal of the API: a stable code, and a sentence in the language that the
/// connection was opened in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LiveError {
    #[schema(example = "unknown_topic")]
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    details: Option<Details>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Details {
    topic: String,
}

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    BadFrame,
    UnknownTopic,
    /// Also where it is somebody else's.
    NotFound,
    TooManyTopics,
    FrameTooLarge,
    NotSignedIn,
    ShuttingDown,
}

impl Problem {
    pub fn code(self) -> &'static str {
        match self {
            Self::BadFrame => "bad_frame",
            Self::UnknownTopic => "unknown_topic",
            Self::NotFound => "not_found",
            Self::TooManyTopics => "too_many_topics",
            Self::FrameTooLarge => "frame_too_large",
            Self::NotSignedIn => "not_signed_in",
            Self::ShuttingDown => "shutting_down",
        }
    }

    fn said(self) -> Said {
        match self {
            Self::BadFrame => Said::new("无法识别的消息。", "Unrecognised message."),
            Self::UnknownTopic => Said::new("没有这个主题。", "Unknown topic."),
            Self::NotFound => Said::new("未找到。", "Not found."),
            Self::TooManyTopics => Said::new("订阅的主题过多。", "Too many topics for one connection."),
            Self::FrameTooLarge => Said::new("消息过大。", "The frame is too large."),
            Self::NotSignedIn => Said::new("请重新登录。", "Sign in again."),
            Self::ShuttingDown => Said::new("服务器正在关闭。", "The server is shutting down."),
        }
    }

    pub fn in_words(self, topic: Option<&str>, language: Language) -> ServerFrame {
        ServerFrame::Error(LiveError {
            code: self.code(),
            message: self.said().in_language(language).to_owned(),
            details: topic.map(|topic| Details { topic: topic.chars().take(160).collect() }),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{account::state, ids::ConversationId};

    fn paused(conversation: &str) -> FeedEvent {
        FeedEvent::Paused { account: AccountId(12), conversation: ConversationId::from(conversation), until: None }
    }

    fn topics(names: &[&str]) -> HashSet<Topic> {
        names.iter().map(|name| Topic::parse(name).unwrap()).collect()
    }

    #[test]
    fn a_topic_reads_back_and_an_unknown_one_is_refused() {
        for name in [
            "accounts",
            "conversations",
            "decisions",
            "outbox",
            "orders",
            "logs",
            "conversation:12.6000",
            "order:12.25",
        ] {
            assert_eq!(Topic::parse(name).unwrap().name(), name);
        }
        for name in [
            "",
            "Accounts",
            "conversation:",
            "conversation:6000",
            "conversation:x.6",
            "conversation:0.6",
            "order:",
            "order:25",
        ] {
            assert_eq!(Topic::parse(name), None, "{name}");
        }
    }

    #[test]
    fn an_event_of_two_topics_comes_once_under_the_narrower() {
        let told = |event: FeedEvent, wanted: &[&str]| Topic::of(&event, &topics(wanted)).map(|topic| topic.name());
        let both = ["conversations", "conversation:12.6"];
        assert_eq!(told(paused("6"), &both).as_deref(), Some("conversation:12.6"));
        assert_eq!(told(paused("7"), &both).as_deref(), Some("conversations"));
        assert_eq!(told(paused("7"), &["conversation:12.6", "accounts", "outbox", "decisions", "logs"]), None);
    }

    #[test]
    fn a_change_of_an_order_is_told_of_the_order_and_of_all() {
        let event = OrderChanged { account: AccountId(12), order: "25".into(), part: OrderPart::Reviews };
        let event = FeedEvent::Order(Box::new(event));
        let told = |wanted: &[&str]| Topic::of(&event, &topics(wanted)).map(|topic| topic.name());
        assert_eq!(told(&["orders", "order:12.25"]).as_deref(), Some("order:12.25"));
        assert_eq!(told(&["orders", "order:12.26"]).as_deref(), Some("orders"));
        assert_eq!(told(&["order:13.25", "conversations", "outbox"]), None);
        let shown = serde_json::to_value(Happened::new(event, Language::English)).unwrap();
        let data = json!({"account_id": 12, "order": "12.25", "order_id": "25", "part": "reviews"});
        assert_eq!(shown, json!({"event": "order.changed", "data": data}));
    }

    #[test]
    fn a_client_says_three_things_and_nothing_beside() {
        let read = |text: &str| serde_json::from_str::<ClientFrame>(text).ok();
        assert_eq!(read(r#"{"type":"ping"}"#), Some(ClientFrame::Ping {}));
        let topics = vec!["logs".to_owned()];
        assert_eq!(
            read(r#"{"type":"subscribe","topics":["logs"]}"#),
            Some(ClientFrame::Subscribe { topics: topics.clone() })
        );
        assert_eq!(read(r#"{"topics":["logs"],"type":"unsubscribe"}"#), Some(ClientFrame::Unsubscribe { topics }));
        for text in ["", "{}", r#"{"type":"ping","x":1}"#, r#"{"type":"subscribe"}"#, r#"{"type":"publish"}"#, "[1]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    /// P10: the state of a connection is told as it changes.
    #[test]
    fn p10_an_event_is_one_flat_object_with_its_data_inside() {
        let status = state::Status::new(state::State::Connected, state::Reason::Registered, Timestamp(5));
        let event = FeedEvent::Status { account: AccountId(12), status };
        let frame = ServerFrame::Event(LiveEvent {
            seq: 7,
            topic: "accounts".into(),
            at: Timestamp(9),
            what: Happened::new(event, Language::English),
        });
        let shown: serde_json::Value = serde_json::from_str(&frame.to_text()).unwrap();
        let status = json!({"state": "connected", "reason": "registered", "detail": null, "action": null, "since": 5,
            "sentence": "Connected: messages arrive."});
        assert_eq!(
            shown,
            json!({"type": "event", "seq": 7, "topic": "accounts", "event": "account.status", "at": 9,
                "data": {"account_id": 12, "status": status}})
        );
    }

    #[test]
    fn an_error_speaks_the_readers_language() {
        let frame = Problem::UnknownTopic.in_words(Some("x"), Language::English).to_text();
        assert_eq!(
            frame,
            r#"{"type":"error","code":"unknown_topic","message":"Unknown topic.","details":{"topic":"x"}}"#
        );
        assert!(Problem::BadFrame.in_words(None, Language::Chinese).to_text().contains("无法识别"));
    }
}
