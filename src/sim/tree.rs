//! The trees of push entries, from the documented layouts.

use serde_json::{Value, json};

use super::{
    encode::Packer,
    message::{Message, Scene},
    push::Entry,
};
use crate::ids::{BuyerId, ConversationId, ItemId, MessageId};

/// A chat message, an own echo, a card or a tip: the map with key `1.6`.
pub(super) fn message(message: &Message, scene: &Scene<'_>) -> Entry {
    let mut packer = Packer::with_capacity(1536);
    packer.map(2).uint(1).map(11);
    packer.uint(1).map(1).uint(1).text(&at_goofish(message.sender.as_str()));
    packer.uint(2).text(&at_goofish(scene.conversation.as_str()));
    packer.uint(3).text(message.id().as_str());
    packer.uint(4).uint(0).uint(5).int(message.at);
    packer.uint(6).map(2).uint(1).uint(101).uint(3).map(5);
    packer.uint(1).text("").uint(2).text(&message.reminder()).uint(3).text("");
    packer.uint(4).uint(message.content_type().into()).uint(5).text(&message.content(scene));
    packer.uint(7).uint(message.receivers().into()).uint(8).uint(1).uint(9).uint(0);
    let extension = message.extension(scene);
    packer.uint(10).map(extension.len());
    for (key, value) in &extension {
        packer.text(key).text(value);
    }
    packer.uint(12).uint(1);
    packer.uint(3).map(1).text("needPush").text(message.need_push(scene));
    Entry::chat(packer.into_base64())
}

/// The state of an existing card changed: the same fields outside a message.
pub(super) fn card_update(message: &Message, scene: &Scene<'_>) -> Entry {
    let extension: serde_json::Map<String, Value> = message
        .extension(scene)
        .into_iter()
        .map(|(key, value)| (key.into(), Value::from(value.into_owned())))
        .collect();
    let conversation = at_goofish(scene.conversation.as_str());
    tree(&json!({"1": message.id(), "2": conversation, "3": 1, "4": extension, "5": message.at}))
}

/// The badge of a conversation; an empty text clears it.
pub(super) fn badge(conversation: &ConversationId, text: &str, at: i64) -> Entry {
    let reminder = json!({"redReminder": text, "redReminderStyle": "1"});
    tree(&json!({"1": at_goofish(conversation.as_str()), "2": 1, "3": reminder, "4": at}))
}

/// A message exists; its body must be fetched.
pub(super) fn pointer(conversation: &ConversationId, message: &MessageId, at: i64) -> Entry {
    tree(&json!({"1": at_goofish(conversation.as_str()), "2": 1, "3": message, "4": at}))
}

/// The other side read these messages.
pub(super) fn read(conversation: &ConversationId, messages: &[MessageId], at: i64) -> Entry {
    let conversation = at_goofish(conversation.as_str());
    let value = match messages {
        [one] => json!({"1": one, "2": 2, "3": 0, "4": conversation, "5": 1, "6": at}),
        many => json!({"1": many, "2": 2, "3": conversation, "4": 1, "5": at}),
    };
    Entry { object_type: 40103, ..tree(&value) }
}

/// Somebody is typing. Travels on `/s/para`.
pub(super) fn typing(conversation: &ConversationId, user: &BuyerId) -> Entry {
    let who = json!({"1": at_goofish(conversation.as_str()), "2": 1, "3": 1, "4": at_goofish(user.as_str())});
    Entry { object_type: 40006, transient: true, ..tree(&json!({"1": [who]})) }
}

/// The platform wakes a conversation up. Nobody wrote.
pub(super) fn arouse(conversation: &ConversationId, item: &ItemId, own: &BuyerId, peer: &BuyerId, at: i64) -> Entry {
    let phrase = json!({"chatScrip": "还在吗？", "chatScripStrategy": "1", "argInfo": {"arg1": "AI"}});
    let info =
        json!({"arouseTimeStamp": at, "arouseChatScriptInfo": [phrase], "chatGuidance": "", "residentFunctions": []});
    let extensions = json!({
        "itemId": item, "itemTitle": "测试商品", "itemSellerId": own, "extUserId": peer, "ownerUserId": own,
    });
    let session = json!({
        "createTime": at, "extensions": extensions, "groupOwnerId": peer, "sessionId": conversation, "sessionType": 1, "type": 1,
    });
    let arouse = json!({"memberFlags": 0, "needKeyBoard": false, "sessionArouseInfo": info});
    let value = json!({
        "chatType": 1, "incrementType": 1,
        "operation": {
            "content": {"contentType": 8, "sessionArouse": arouse},
            "receiverIds": [own], "sessionInfo": session,
        },
        "sessionId": conversation,
    });
    Entry::json(&value)
}

/// An entry nobody can read: three ways in turn.
pub(super) fn broken(turn: usize) -> Entry {
    match turn % 3 {
        0 => Entry::chat("不是base64!".into()),
        // a map of two whose first value is cut off
        1 => Entry::chat("ggGLAYEBtTIy".into()),
        _ => Entry::chat(String::new()),
    }
}

/// `<id>@goofish`, as ids stand on IM frames.
pub(super) fn at_goofish(id: &str) -> String {
    format!("{id}@goofish")
}

/// Any tree in string-key form.
pub(super) fn tree(value: &Value) -> Entry {
    let mut packer = Packer::default();
    packer.value(value);
    Entry::chat(packer.into_base64())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sim::message::{Body, Device};

    fn vector(id: &str) -> String {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/fixtures/protocol-vectors.json")).unwrap();
        let case = vectors["decode"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone();
        case["data"].as_str().unwrap().to_owned()
    }

    fn sample(number: u64, business: u128, sender: &str, name: &str, body: Body) -> Message {
        Message {
            number,
            business,
            at: 1_760_000_000_123,
            sender: sender.into(),
            sender_name: name.into(),
            body,
            device: Device::Android,
            uuid: None,
            read: false,
            recalled: false,
        }
    }

    fn encoded(message: &Message, group: bool) -> String {
        let (conversation, item, own) = ("50000000001".into(), "900000000001".into(), "2200000000001".into());
        super::message(message, &Scene { conversation: &conversation, item: &item, own: &own, group }).data.to_string()
    }

    const BUSINESS: u128 = 0x0abc_0000_0000_0000_0000_0000_0000_0000;

    #[test]
    fn a_buyers_text_has_the_bytes_of_the_real_layout() {
        let body = Body::Text { text: "hello, is this still available?".into() };
        let message = sample(3_400_000_000_001, BUSINESS + 1, "2200000000777", "买家小明", body);
        assert_eq!(encoded(&message, false), vector("chat-text-ascii"));
    }

    #[test]
    fn an_own_echo_has_the_bytes_of_the_real_layout() {
        let mut message =
            sample(3_400_000_000_010, BUSINESS + 10, "2200000000001", "卖家小店", Body::Text { text: "cc".into() });
        message.device = Device::Web;
        assert_eq!(encoded(&message, false), vector("chat-own-echo-web"));
    }

    #[test]
    fn a_group_message_has_the_bytes_of_the_real_layout() {
        let message =
            sample(3_400_000_000_011, BUSINESS + 11, "2200000000777", "买家小明", Body::Text { text: "大家好".into() });
        assert_eq!(encoded(&message, true), vector("chat-group"));
    }

    #[test]
    fn small_events_have_the_bytes_of_the_real_layouts() {
        let conversation = ConversationId::from("50000000001");
        let at = 1_760_000_000_123;
        let id = |digits: &str| MessageId::from(format!("{digits}.PNM"));
        assert_eq!(*pointer(&conversation, &id("3400000000050"), at).data, vector("meta-new-msg"));
        assert_eq!(*read(&conversation, &[id("3400000000053")], at).data, vector("meta-read-single"));
        let two = [id("3400000000051"), id("3400000000052")];
        assert_eq!(*read(&conversation, &two, at).data, vector("meta-read-list"));
        assert_eq!(*typing(&conversation, &"2200000000777".into()).data, vector("meta-typing"));
    }
}
