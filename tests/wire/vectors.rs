//! Every chat vector of `protocol-vectors.json`.

use serde_json::{Value, json};
use yutang::{
    ids::{BuyerId, ConversationId, ItemId, MessageId, Timestamp},
    platform::lwp::{
        command::{self, Command},
        event::{self, Card, Content, Event, Message},
        frame::{Frame, Path},
        mid::{Mid, Mids},
        payload,
    },
};

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/protocol-vectors.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn entry(id: &str) -> Event {
    let vector = vectors("decode").into_iter().find(|vector| vector["id"] == id).unwrap();
    event::classify(&payload::decode(vector["data"].as_str().unwrap()).unwrap())
}

fn mid() -> Mid {
    Mids::new(502).next(Timestamp(1_760_000_000_123))
}

#[test]
fn every_entry_decodes_to_its_tree_or_to_an_error_and_odd_ones_never_become_chat() {
    for vector in vectors("decode") {
        let (id, outcome) = (&vector["id"], vector["outcome"].as_str().unwrap());
        let decoded = payload::decode(vector["data"].as_str().unwrap());
        match outcome {
            "value" => assert_eq!(decoded.unwrap(), vector["expected"], "{id}"),
            "drop" => assert!(decoded.is_err(), "{id}: {decoded:?}"),
            "any" => {
                let event = decoded.map(|value| event::classify(&value));
                assert!(!matches!(event, Ok(Event::Message(_))), "{id}: {event:?}");
            }
            other => panic!("{id}: unknown outcome {other}"),
        }
    }
}

#[test]
fn numbers_of_64_bits_stay_exact() {
    let vector = vectors("decode").into_iter().find(|vector| vector["id"] == "raw-u64-max").unwrap();
    let value = payload::decode(vector["data"].as_str().unwrap()).unwrap();
    assert_eq!(value.to_string(), r#"{"1":18446744073709551615}"#);
}

/// What the vectors call a field, beside what we read.
fn message_fields(message: &Message) -> Value {
    let card = match &message.content {
        Content::Card(card) => card.clone(),
        _ => Card::default(),
    };
    let mut fields = json!({
        "content_type": message.content_type, "cid": message.conversation, "pnm_id": message.id,
        "create_ms": message.created_at, "sender_id": message.sender, "reminder": message.reminder, "tip": message.tip,
    });
    let optional = [
        ("sender_name", json!(message.sender_name)),
        ("biz_msg_id", json!(message.business_id)),
        ("item_id", json!(message.item)),
        ("needPush", json!(message.need_push.map(|yes| yes.to_string()))),
        ("card_title", json!(card.title)),
        ("card_button", json!(card.button)),
        ("red_reminder", json!(card.red_reminder)),
        ("update_key", json!(card.update_key)),
        ("task_name", json!(card.task_name)),
        ("order_id", json!(card.order)),
    ];
    let present = optional.into_iter().filter(|(_, value)| !value.is_null());
    present.for_each(|(name, value)| fields[name] = value);
    match &message.content {
        Content::Text { text } => fields["text"] = json!(text),
        Content::Image { pictures } => fields["images"] = pictures.iter().map(|picture| json!(picture.url)).collect(),
        Content::Voice | Content::Sticker | Content::Tip { .. } | Content::Card(_) | Content::Other => {}
    }
    fields
}

fn event_fields(event: &Event) -> Value {
    match event {
        Event::Message(message) => message_fields(message),
        Event::CardUpdate(update) => json!({
            "cid": update.conversation, "pnm_id": update.message, "create_ms": update.at, "reminder": update.reminder,
            "red_reminder": update.card.red_reminder, "sender_id": update.sender, "biz_msg_id": update.business_id,
            "update_key": update.card.update_key, "item_id": update.item, "order_id": update.card.order,
        }),
        Event::Badge { conversation, text, at, .. } => json!({"cid": conversation, "red_reminder": text, "ts": at}),
        Event::Pointer { conversation, message, at } => json!({"cid": conversation, "pnm_id": message, "ts": at}),
        Event::Read { conversation, messages, at } => json!({"cid": conversation, "pnm_ids": messages, "ts": at}),
        Event::Typing { conversation, user, on } => {
            json!({"cid": conversation, "peer_id": user, "state": i32::from(*on)})
        }
        Event::Arouse { .. } | Event::Unknown => json!({}),
    }
}

fn kind_name(event: &Event) -> &'static str {
    match event {
        Event::Message(message) if message.business_id.is_none() => "card-without-reminder",
        Event::Message(_) => "message",
        Event::CardUpdate(_) => "card-update",
        Event::Badge { .. } => "red-reminder",
        Event::Pointer { .. } => "new-msg-pointer",
        Event::Read { .. } => "read",
        Event::Typing { .. } => "typing",
        Event::Arouse { .. } => "arouse",
        Event::Unknown => "unknown",
    }
}

#[test]
fn every_field_of_every_known_layout_is_read() {
    for vector in vectors("extract") {
        let event = entry(vector["of"].as_str().unwrap());
        let mut expected = vector["expect"].as_object().unwrap().clone();
        assert_eq!(expected.remove("kind").unwrap(), kind_name(&event), "{}", vector["id"]);
        match &event {
            // a status sentence, not a name
            Event::CardUpdate(_) => drop(expected.remove("sender_name")),
            // a tip without an order has no trade fields
            Event::Message(message) if matches!(message.content, Content::Tip { .. }) => {
                drop(expected.remove("task_name"));
            }
            _ => {}
        }
        assert_eq!(event_fields(&event), Value::Object(expected), "{}", vector["id"]);
    }
}

/// M11: an order is read from the named fields only, never from text.
#[test]
fn m11_an_order_is_read_from_the_fields_that_name_it_and_from_no_text() {
    for vector in vectors("order_id") {
        let Event::Message(message) = event::classify(&vector["tree"]) else {
            panic!("{} is no message", vector["id"])
        };
        let Content::Card(card) = &message.content else { panic!("{} is no card", vector["id"]) };
        assert_eq!(json!(card.order), vector["expect"], "{}", vector["id"]);
        assert!(!message.is_written_by_a_person());
    }
}

/// M11: ids elsewhere in the tree are not items.
#[test]
fn m11_an_item_is_never_guessed_from_another_number() {
    let tree = json!({"1": {"1": {"1": "2200000000777@goofish"}, "2": "50000000001@goofish", "3": "1.PNM", "5": 1,
        "6": {"3": {"4": 1, "5": "{\"contentType\":1,\"text\":{\"text\":\"itemId=900000000001\"}}"}},
        "10": {"reminderUrl": "fleamarket://message_chat?peerUserId=2200000000777&sid=50000000001"}}});
    let Event::Message(message) = event::classify(&tree) else { panic!("no message") };
    assert_eq!(message.item, None);
}

/// M9: group chats can be told from the rest.
#[test]
fn a_group_chat_says_so() {
    let (Event::Message(group), Event::Message(single)) = (entry("chat-group"), entry("chat-text-ascii")) else {
        panic!("no messages")
    };
    assert!(group.group && !single.group);
}

/// M14: the badge text of a card is read where it stands.
#[test]
fn a_card_carries_the_badge_text_beside_its_other_fields() {
    let Event::Message(message) = entry("card-paid") else { panic!("no message") };
    let Content::Card(card) = message.content else { panic!("no card") };
    assert_eq!(card.red_reminder.as_deref(), Some("等待卖家发货"));
}

fn history_model(data: &str) -> Value {
    json!({"message": {"messageId": "1.PNM", "cid": "50000000001@goofish", "createAt": 7,
        "sender": {"uid": "2200000000777@goofish"}, "content": {"contentType": 101, "custom": {"data": data}}}})
}

#[test]
fn every_content_of_the_history_is_understood_whether_base64_or_plain() {
    for vector in vectors("content") {
        let message = event::message_from_history(&history_model(vector["input"].as_str().unwrap())).unwrap();
        let (text, images) = match &message.content {
            Content::Text { text } => (text.as_str(), vec![]),
            Content::Image { pictures } => ("", pictures.iter().map(|picture| picture.url.as_str()).collect()),
            Content::Voice => ("[语音消息]", vec![]),
            Content::Tip { .. } | Content::Card(_) | Content::Sticker | Content::Other => ("", vec![]),
        };
        let interpreted = &vector["interpreted"];
        assert_eq!(
            (json!(text), json!(images)),
            (interpreted["text"].clone(), interpreted["images"].clone()),
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn a_voice_message_is_shown_as_one() {
    let message = event::message_from_history(&history_model(r#"{"contentType":3,"audio":{}}"#)).unwrap();
    assert_eq!((message.reminder.as_str(), message.content), ("[语音]", Content::Voice));
}

#[test]
fn a_page_of_the_history_reads_what_it_can_and_counts_the_rest() {
    let body = json!({"hasMore": 1, "nextCursor": 1759990000000_i64, "userMessageModels": [
        {"userExtension": {"needPush": "true"}, "message": {"messageId": "3400000000001.PNM", "cid": "50000000001@goofish",
            "createAt": 1760000000123_i64, "sender": {"uid": "2200000000777@goofish"},
            "content": {"contentType": 101, "custom": {"summary": "在吗", "type": 1,
                "data": "eyJhdFVzZXJzIjpbXSwiY29udGVudFR5cGUiOjEsInRleHQiOnsidGV4dCI6IuWcqOWQlyJ9fQ=="}},
            "extension": {"reminderContent": "在吗", "reminderTitle": "买家小明", "senderUserId": "2200000000777", "sessionType": "1",
                "reminderUrl": "fleamarket://message_chat?itemId=900000000001&sid=50000000001"}}},
        {"message": {"messageId": "3400000000002.PNM"}}, 5]});
    let page = event::history_page(&body).unwrap();
    assert_eq!((page.next, page.unreadable, page.messages.len()), (Some(1_759_990_000_000), 2, 1));
    let message = &page.messages[0];
    assert_eq!(message.content, Content::Text { text: "在吗".to_owned() });
    assert_eq!(message.sender_name.as_deref(), Some("买家小明"));
    assert_eq!(message.item, Some(ItemId::from("900000000001")));
    assert_eq!(message.need_push, Some(true));
    assert_eq!(
        event::history_page(&json!({"hasMore": 0, "nextCursor": 5, "userMessageModels": []})).unwrap().next,
        None
    );
}

#[test]
fn a_page_of_conversations_says_who_sells_what() {
    let body = json!({"hasMore": true, "nextCursor": 5, "userConvs": [{"type": 1, "singleChatUserConversation": {
        "modifyTime": 1760000000123_i64,
        "lastMessage": {"message": {"messageId": "3400000000001.PNM", "cid": "50000000001@goofish", "createAt": 1760000000123_i64,
            "sender": {"uid": "2200000000777@goofish"}, "content": {"contentType": 101, "custom": {"summary": "在吗", "data": "<base64>", "type": 1}},
            "extension": {"reminderContent": "在吗", "senderUserId": "2200000000777"}}},
        "singleChatConversation": {"cid": "50000000001@goofish", "pairFirst": "2200000000777@goofish", "pairSecond": "2200000000001@goofish",
            "extension": {"itemId": "900000000001", "itemTitle": "二手相机", "itemSellerId": "2200000000001"}}}},
        {"type": 2, "groupConversation": {}}]});
    let page = event::conversation_page(&body).unwrap();
    assert_eq!((page.conversations.len(), page.next), (1, Some(5)));
    let head = &page.conversations[0];
    assert_eq!(head.pair, [BuyerId::from("2200000000777"), BuyerId::from("2200000000001")]);
    assert_eq!(head.item_seller, Some(BuyerId::from("2200000000001")));
    assert_eq!(head.item_title.as_deref(), Some("二手相机"));
    let last = head.last_message.as_ref().unwrap();
    assert_eq!(last.content, Content::Text { text: "在吗".to_owned() });
}

fn web_form(content: &Value) -> Event {
    event::classify(
        &json!({"sessionId": "50000000001", "operation": {"content": content, "senderInfo": {"senderUserId": "2200000000777"}}}),
    )
}

#[test]
fn the_web_clients_json_form_is_a_message_plain_or_wrapped() {
    let reminder = json!({"reminderTitle": "买家小明", "reminderContent": "hi"});
    let plain = json!({"contentType": 1, "text": {"text": "hi"}, "reminder": reminder});
    let data = "eyJjb250ZW50VHlwZSI6MSwidGV4dCI6eyJ0ZXh0IjoiaGkifX0=";
    let wrapped = json!({"contentType": 101, "custom": {"type": 1, "data": data}, "reminder": reminder});
    for content in [plain, wrapped] {
        let Event::Message(message) = web_form(&content) else { panic!("{content} is no message") };
        assert_eq!(message.content, Content::Text { text: "hi".to_owned() });
        assert_eq!((message.content_type, message.conversation), (1, ConversationId::from("50000000001")));
        assert_eq!(
            (message.sender, message.sender_name.as_deref()),
            (BuyerId::from("2200000000777"), Some("买家小明"))
        );
    }
}

#[test]
fn a_woken_conversation_is_no_message() {
    let Event::Arouse { conversation, item, phrases } = entry("edge-json-arouse-b64") else { panic!("not an arousal") };
    assert_eq!(conversation, Some(ConversationId::from("50000000001")));
    assert_eq!(item, Some(ItemId::from("900000000001")));
    assert_eq!(phrases, ["还在吗？"]);
}

/// The way a client looks at a frame: what it is, and whether it is bad news.
fn wire_class(text: &str) -> &'static str {
    match Frame::parse(text).unwrap() {
        Frame::Push(push) => match push.path {
            Path::Push(_) => "push",
            Path::Kickout | Path::SessionRemove => "kick",
        },
        Frame::Response(response) => {
            let body: Value = response.body.map_or(Value::Null, |body| serde_json::from_str(body.get()).unwrap());
            match (response.code, &body) {
                (400.., _) => "response-error",
                (_, body) if body["reason"].as_str().is_some_and(|reason| !reason.is_empty()) => "response-error",
                (_, Value::Null) => "heartbeat-ack",
                _ => "response",
            }
        }
    }
}

#[test]
fn every_server_frame_is_told_apart_and_shows_all_its_entries() {
    for vector in vectors("server_frames") {
        let text = vector["frame"].to_string();
        assert_eq!(wire_class(&text), vector["wire_class"], "{}", vector["id"]);
        if let (Frame::Push(push), Some(entries)) = (Frame::parse(&text).unwrap(), vector.get("entries")) {
            let package = push.package().unwrap();
            let decodable = package.entries.iter().filter_map(|entry| payload::decode(entry.data.as_deref()?).ok());
            assert_eq!(json!(decodable.count()), vector["goofish_cli_decoded"], "{}", vector["id"]);
            assert_eq!(json!(package.entries.len()), *entries, "{}", vector["id"]);
        }
    }
}

#[test]
fn a_push_is_acknowledged_by_the_headers_the_platform_knows_it_by() {
    for vector in vectors("ack") {
        let text = vector["frame"].to_string();
        let Frame::Push(push) = Frame::parse(&text).unwrap() else { panic!("{} is no push", vector["id"]) };
        let made = push.acknowledgement(|| "<generated mid>".to_owned());
        assert_eq!(made, vector["expect"].to_string(), "{}", vector["id"]);
    }
}

fn command_for(payload: &Value) -> Command {
    let (conversation, peer, uuid) =
        (ConversationId::from("50000000001"), BuyerId::from("2200000000777"), 1_760_000_020_123);
    match &payload["image"]["pics"][0] {
        Value::Null => {
            let text = payload["text"]["text"].as_str().unwrap().to_owned();
            Command::SendText { conversation, peer, text, uuid }
        }
        picture => {
            let url = picture["url"].as_str().unwrap().to_owned();
            let pixels = |key: &str| u32::try_from(picture[key].as_u64().unwrap()).unwrap();
            Command::SendImage { conversation, peer, url, width: pixels("width"), height: pixels("height"), uuid }
        }
    }
}

#[test]
fn sends_carry_their_content_byte_for_byte() {
    for vector in vectors("send_payload") {
        let frame = command_for(&vector["payload"]).frame(mid(), &BuyerId::from("2200000000001"));
        let frame: Value = serde_json::from_str(&frame).unwrap();
        let custom = &frame["body"][0]["content"]["custom"];
        assert_eq!(custom["data"], vector["base64_utf8_compact"], "{}", vector["id"]);
        assert_eq!(custom["type"], 1, "{}", vector["id"]);
    }
}

#[test]
fn a_send_has_the_documented_form_with_the_peer_first() {
    let command = command_for(&json!({"text": {"text": "你好"}}));
    let expected = concat!(
        r#"{"lwp":"/r/MessageSend/sendByReceiverScope","headers":{"mid":"5031760000000123 0"},"body":["#,
        r#"{"uuid":"-17600000201231","cid":"50000000001@goofish","conversationType":1,"#,
        r#""content":{"contentType":101,"custom":{"type":1,"data":"eyJjb250ZW50VHlwZSI6MSwidGV4dCI6eyJ0ZXh0Ijoi5L2g5aW9In19"}},"#,
        r#""redPointPolicy":0,"extension":{"extJson":"{}"},"ctx":{"appVersion":"1.0","platform":"web"},"mtags":{},"msgReadStatusSetting":1},"#,
        r#"{"actualReceivers":["2200000000777@goofish","2200000000001@goofish"]}]}"#,
    );
    assert_eq!(command.frame(mid(), &BuyerId::from("2200000000001")), expected);
}

#[test]
fn the_other_requests_have_the_documented_bodies() {
    let own = BuyerId::from("2200000000001");
    let conversation = ConversationId::from("50000000001");
    let cases = [
        (
            Command::ListConversations { cursor: None, limit: 20 },
            "/r/Conversation/listNewestPagination",
            json!([9007199254740991_i64, 20]),
        ),
        (
            Command::ListMessages { conversation, cursor: Some(5), limit: 20 },
            "/r/MessageManager/listUserMessages",
            json!(["50000000001@goofish", false, 5, 20, false]),
        ),
        (Command::MarkRead(vec![MessageId::from("1.PNM")]), "/r/MessageStatus/read", json!([["1.PNM"]])),
        (Command::Recall(MessageId::from("1.PNM")), "/r/MessageManager/recallMessage", json!(["1.PNM"])),
        (
            Command::CreateConversation { peer: BuyerId::from("2200000000777"), item: ItemId::from("900000000001") },
            "/r/SingleChatConversation/create",
            json!([{"pairFirst": "2200000000777@goofish", "pairSecond": "2200000000001@goofish", "bizType": "1",
                "extension": {"itemId": "900000000001"}, "ctx": {"appVersion": "1.0", "platform": "web"}}]),
        ),
    ];
    for (command, path, body) in cases {
        let frame: Value = serde_json::from_str(&command.frame(mid(), &own)).unwrap();
        assert_eq!(frame, json!({"lwp": path, "headers": {"mid": "5031760000000123 0"}, "body": body}));
    }
}

#[test]
fn a_registration_carries_the_constants_of_the_wire() {
    let client = command::Client { token: "oauth_k1:EXAMPLE", device_id: "DID", user_agent: "UA" };
    let expected = concat!(
        r#"{"lwp":"/reg","headers":{"cache-header":"app-key token ua wv","app-key":"444e9908a51d1cb236a27862abc769c9","#,
        r#""token":"oauth_k1:EXAMPLE","ua":"UA","dt":"j","wv":"im:3,au:3,sy:6","sync":"0,0;0;0;","did":"DID","mid":"5031760000000123 0"}}"#,
    );
    assert_eq!(command::register(mid(), client), expected);
}

#[test]
fn the_sync_position_is_the_stored_one_or_now() {
    let pts = |stored| {
        let frame: Value =
            serde_json::from_str(&command::ack_diff(mid(), stored, Timestamp(1_760_000_000_123))).unwrap();
        frame["body"][0]["pts"].as_i64().unwrap()
    };
    assert_eq!((pts(None), pts(Some(7))), (1_760_000_000_123_000, 7));
}

#[test]
fn ids_made_here_have_the_form_that_was_seen() {
    for vector in vectors("id_formats") {
        let made = match vector["id"].as_str().unwrap() {
            "mid" => mid().to_string(),
            "uuid" => command::uuid(1_760_000_000_123),
            _ => continue, // made elsewhere
        };
        let form = regex::Regex::new(vector["regex"].as_str().unwrap()).unwrap();
        assert!(form.is_match(&made), "{made}");
        assert_eq!(json!(made), vector["examples"][0]);
    }
}
