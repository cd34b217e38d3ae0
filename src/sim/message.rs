//! One message of a simulated conversation, and how its content reads on the wire.

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::{BuyerId, ConversationId, ItemId, MessageId, OrderId};

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    Text {
        text: String,
    },
    Image {
        url: String,
        width: u32,
        height: u32,
    },
    Voice,
    Card(Card),
    /// The platform's own advice, in its own name.
    Tip {
        text: String,
    },
    /// What a card would tell, told by a tip.
    TradeTip(Card),
}

/// A trade card as the platform shows it. An order's life is made of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Card {
    /// The sentence without its brackets, such as `我已付款，等待你发货`.
    pub title: String,
    /// What a phone shows in the list of conversations where it is not the title.
    pub reminder: String,
    /// A status sentence, such as `买家已付款`.
    pub headline: String,
    pub button: String,
    pub order: Option<OrderId>,
    /// The badge of the conversation.
    pub red_reminder: String,
    pub task_name: String,
    /// End of the update key: `<cid>:<order>:<suffix>`.
    pub suffix: String,
}

/// A message as the platform keeps it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The digits of the PNM id, strictly increasing over the whole platform.
    pub number: u64,
    /// The 32 hex digits of the business id.
    pub business: u128,
    /// Unix milliseconds, unique within the conversation.
    pub at: i64,
    pub sender: BuyerId,
    pub sender_name: Arc<str>,
    pub body: Body,
    pub device: Device,
    /// Set when the account sent it over its own connection.
    pub uuid: Option<Box<str>>,
    pub read: bool,
    pub recalled: bool,
}

/// Where a message was written, `_platform` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    Android,
    Web,
}

/// Where a message stands: what its tree repeats of the conversation.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub conversation: &'a ConversationId,
    pub item: &'a ItemId,
    /// The account's own user id.
    pub own: &'a BuyerId,
    pub group: bool,
}

/// Pairs of the extension map, in the platform's order.
pub type Extension<'a> = Vec<(&'static str, Cow<'a, str>)>;

impl Message {
    pub fn id(&self) -> MessageId {
        pnm(self.number)
    }

    /// `1.6.3.4` of the tree.
    pub fn content_type(&self) -> u8 {
        match &self.body {
            Body::Text { .. } => 1,
            Body::Image { .. } => 2,
            Body::Voice => 3,
            Body::Tip { .. } | Body::TradeTip(_) => 14,
            Body::Card(_) => 26,
        }
    }

    /// The receiver count, `1.7`: the platform's own messages have one.
    pub fn receivers(&self) -> u8 {
        match &self.body {
            Body::Text { .. } | Body::Image { .. } | Body::Voice => 2,
            Body::Tip { .. } | Body::TradeTip(_) | Body::Card(_) => 1,
        }
    }

    pub fn is_own(&self, scene: &Scene<'_>) -> bool {
        self.sender == *scene.own
    }

    /// `needPush`: silent for own messages and advice.
    pub fn need_push(&self, scene: &Scene<'_>) -> &'static str {
        if self.is_own(scene) || matches!(self.body, Body::Tip { .. } | Body::TradeTip(_)) { "false" } else { "true" }
    }

    /// What a phone shows in the list of conversations.
    pub fn reminder(&self) -> Cow<'_, str> {
        match &self.body {
            Body::Text { text } => Cow::Borrowed(text),
            Body::Image { .. } => Cow::Borrowed("[图片]"),
            Body::Voice => Cow::Borrowed("[语音]"),
            Body::Tip { text } => Cow::Owned(format!("[{text}]")),
            Body::Card(card) | Body::TradeTip(card) => {
                let shown = if card.reminder.is_empty() { &card.title } else { &card.reminder };
                Cow::Owned(format!("[{shown}]"))
            }
        }
    }

    /// The content's JSON text. What the account sent itself carries no `atUsers`.
    pub fn content(&self, scene: &Scene<'_>) -> String {
        match &self.body {
            Body::Text { text } => {
                let mut json = String::with_capacity(text.len() + 64);
                json.push_str(if self.is_own(scene) { "{" } else { "{\"atUsers\":[]," });
                // writing to a String cannot fail
                let _ = write!(json, "\"contentType\":1,\"text\":{{\"text\":{}}}}}", Value::from(text.as_str()));
                json
            }
            Body::Image { url, width, height } => {
                let picture = json!({"height": height, "type": 0, "url": url, "width": width});
                json!({"atUsers": [], "contentType": 2, "image": {"pics": [picture]}}).to_string()
            }
            Body::Voice => json!({"atUsers": [], "contentType": 3, "audio": {}}).to_string(),
            Body::Tip { text } | Body::TradeTip(Card { title: text, .. }) => {
                json!({"contentType": 14, "tip": {"tip": text, "argInfo": {"arg1": "Guide"}}}).to_string()
            }
            Body::Card(card) => self.card_content(card).to_string(),
        }
    }

    /// The map at `1.10` of a push, `extension` in the history.
    pub fn extension<'a>(&'a self, scene: &Scene<'a>) -> Extension<'a> {
        match &self.body {
            Body::Text { .. } | Body::Image { .. } | Body::Voice => self.written_extension(scene),
            Body::Tip { text } => self.tip_extension(scene, text),
            Body::TradeTip(card) => self.trade_tip_extension(scene, card),
            Body::Card(card) => self.card_extension(scene, card),
        }
    }

    fn written_extension<'a>(&'a self, scene: &Scene<'a>) -> Extension<'a> {
        let reminder = self.reminder();
        let business = self.business;
        vec![
            ("_platform", Cow::Borrowed(self.device.name())),
            ("bizTag", format!("{{\"sourceId\":\"S:1\",\"messageId\":\"{business:032x}\"}}").into()),
            ("detailNotice", reminder.clone()),
            ("extJson", format!("{{\"quickReply\":\"1\",\"messageId\":\"{business:032x}\",\"tag\":\"u\"}}").into()),
            ("reminderContent", reminder),
            ("reminderNotice", "发来一条新消息".into()),
            ("reminderTitle", Cow::Borrowed(&self.sender_name)),
            ("reminderUrl", self.url(scene).into()),
            ("senderUserId", Cow::Borrowed(self.sender.as_str())),
            ("senderUserType", "0".into()),
            ("sessionType", if scene.group { "30" } else { "1" }.into()),
        ]
    }

    fn tip_extension<'a>(&'a self, scene: &Scene<'a>, text: &'a str) -> Extension<'a> {
        let ext =
            json!({"quickReply": "1", "msgArg1": "MsgTips", "messageId": self.business_id(), "contentType": "14"});
        vec![
            ("bizTag", source("TIP", "提示").into()),
            ("detailNotice", text.into()),
            ("extJson", ext.to_string().into()),
            ("receiver", scene.own.as_str().into()),
            ("reminderContent", self.reminder()),
            ("reminderNotice", text.into()),
            ("reminderTitle", "".into()),
            ("reminderUrl", self.url(scene).into()),
            ("senderUserId", self.sender.as_str().into()),
            ("senderUserType", "0".into()),
            ("sessionType", "1".into()),
        ]
    }

    /// Names its order by the update key alone.
    fn trade_tip_extension<'a>(&'a self, scene: &Scene<'a>, card: &'a Card) -> Extension<'a> {
        let ext = json!({
            "quickReply": "1", "msgArg1": "MsgTips", "updateKey": card.update_key(scene.conversation),
            "messageId": self.business_id(), "contentType": "14",
        });
        vec![
            ("bizTag", source(&self.task(), &card.task_name).into()),
            ("detailNotice", self.reminder()),
            ("extJson", ext.to_string().into()),
            ("receiver", scene.own.as_str().into()),
            ("redReminder", card.red_reminder.as_str().into()),
            ("redReminderStyle", "11".into()),
            ("reminderContent", self.reminder()),
            ("reminderNotice", card.headline.as_str().into()),
            ("reminderTitle", card.headline.as_str().into()),
            ("reminderUrl", self.url(scene).into()),
            ("senderUserId", self.sender.as_str().into()),
            ("senderUserType", "0".into()),
            ("sessionType", "1".into()),
        ]
    }

    fn card_extension<'a>(&'a self, scene: &Scene<'a>, card: &'a Card) -> Extension<'a> {
        let ext = json!({
            "msgArgs": self.task_arguments(),
            "quickReply": "1",
            "msgArg1": "MsgCard",
            "updateKey": card.update_key(scene.conversation),
            "messageId": self.business_id(),
            "multiChannel": {"agoo": "product"},
            "contentType": "26",
            "correlationGroupId": format!("{}_g", self.task()),
        });
        vec![
            ("bizTag", source(&self.task(), &card.task_name).into()),
            ("closePushReceiver", "false".into()),
            ("closeUnreadNumber", "false".into()),
            ("detailNotice", self.reminder()),
            ("extJson", ext.to_string().into()),
            ("receiver", scene.own.as_str().into()),
            ("redReminder", card.red_reminder.as_str().into()),
            ("redReminderStyle", "1".into()),
            ("reminderContent", self.reminder()),
            ("reminderNotice", card.headline.as_str().into()),
            ("reminderTitle", card.headline.as_str().into()),
            ("reminderUrl", self.url(scene).into()),
            ("senderUserId", self.sender.as_str().into()),
            ("senderUserType", "0".into()),
            ("sessionType", "1".into()),
            ("updateHead", "true".into()),
        ]
    }

    fn card_content(&self, card: &Card) -> Value {
        let order = card.order_text();
        let details = format!("fleamarket://order_detail?id={order}&role=seller");
        let click = |action: &str| json!({"arg1": action, "args": self.task_arguments()});
        json!({"contentType": 26, "dxCard": {
            "item": {"main": {
                "clickParam": click("MsgCard"),
                "exContent": {
                    "bgColor": "#FFFFFF", "desc": card.headline, "descColor": "#A3A3A3", "title": card.title,
                    "button": {"clickParam": click("MsgCardAction"), "targetUrl": details, "text": card.button},
                },
                "targetUrl": details,
            }},
            "template": {"name": "idlefish_message_trade_chat_card", "version": "1667222052767"},
        }})
    }

    /// The platform puts the *sender* into `peerUserId`, also when that is ourselves.
    fn url(&self, scene: &Scene<'_>) -> String {
        format!(
            "fleamarket://message_chat?itemId={}&peerUserId={}&peerUserNick=t***1&sid={}&messageId={:032x}&adv=no",
            scene.item, self.sender, scene.conversation, self.business
        )
    }

    fn business_id(&self) -> String {
        format!("{:032x}", self.business)
    }

    fn task(&self) -> String {
        format!("TASK{}", self.number)
    }

    fn task_arguments(&self) -> Value {
        json!({"source": "im", "task_id": self.task(), "msg_id": self.business_id()})
    }
}

impl Card {
    fn order_text(&self) -> &str {
        self.order.as_ref().map_or("", OrderId::as_str)
    }

    fn update_key(&self, conversation: &ConversationId) -> String {
        format!("{conversation}:{}:{}", self.order_text(), self.suffix)
    }
}

impl Device {
    fn name(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Web => "web",
        }
    }
}

/// The id the platform gives a message.
pub fn pnm(number: u64) -> MessageId {
    MessageId::from(format!("{number}.PNM"))
}

fn source(task: &str, name: &str) -> String {
    json!({"sourceId": format!("C2C:{task}"), "taskName": name, "materialId": task, "taskId": task}).to_string()
}
