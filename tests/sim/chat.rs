//! Registration, pushes, sends, lists.

use serde_json::json;
use yutang::sim::{Answer, Config, Newer};

use crate::{
    World,
    client::{self, Client, DEVICE, Heard, PATIENCE, texts, trees},
};

const FIRST: i64 = 9_007_199_254_740_991;

#[actix_web::test]
async fn a_request_before_registration_is_refused() {
    let world = World::new();
    let mut client = world.connect().await;
    let answer = client.ask("/!", json!(null)).await;
    assert_eq!(answer["code"], 401);
    assert_eq!(client.hear().await, Heard::Closed(Some(1000)));
}

#[actix_web::test]
async fn an_unknown_token_is_refused_and_the_socket_closed() {
    let world = World::new();
    let mut client = world.connect().await;
    let answer = client.register("oauth_k1:stranger", DEVICE).await;
    assert_eq!((answer["code"].as_i64(), answer["body"]["reason"].as_str()), (Some(401), Some("invalid token")));
    assert_eq!(client.hear().await, Heard::Closed(Some(1000)));
}

#[actix_web::test]
async fn a_token_registers_only_the_device_it_was_issued_for() {
    let world = World::new();
    let token = client::token(world.sim.addr(), &world.jar).await;
    let answer = world.connect().await.register(&token, "another device").await;
    assert_eq!(answer["body"]["reason"], "device id or appkey is not equal");
    let answer = world.connect().await.register(&token, DEVICE).await;
    assert_eq!(answer["code"], 200);
    assert_eq!(answer["headers"]["reg-uid"], format!("{}@goofish", world.shop.uid));
}

#[actix_web::test]
async fn an_expired_token_is_refused() {
    let world = World::with(Config { token_lifetime: std::time::Duration::ZERO, ..Config::default() });
    let token = client::token(world.sim.addr(), &world.jar).await;
    assert_eq!(world.connect().await.register(&token, DEVICE).await["body"]["reason"], "token invalid");
}

#[actix_web::test]
async fn a_buyers_message_is_pushed_and_counted_as_acknowledged_only_after_the_ack() {
    let world = World::new();
    let mut client = world.online().await;
    let said = world.shop.buyer_says("2200000000777", "900000000001", "在吗");
    let frame = client.frame().await;
    assert_eq!(texts(&frame), ["在吗"]);
    let tree = trees(&frame)[0].clone().unwrap();
    assert_eq!(tree["1"]["3"], said.message.as_str());
    assert_eq!(tree["1"]["10"]["senderUserId"], "2200000000777");
    assert_eq!(world.shop.unacknowledged(), std::slice::from_ref(&said.message));
    client.send(json!({"code": 200, "headers": {"mid": frame["headers"]["mid"]}})).await;
    assert!(world.shop.await_acknowledged(PATIENCE).await);
}

#[actix_web::test]
async fn heartbeats_are_answered_and_unknown_requests_get_404() {
    let world = World::new();
    let mut client = world.online().await;
    let beat = client.ask("/!", json!(null)).await;
    assert_eq!(beat["code"], 200);
    assert!(beat.get("body").is_none());
    assert_eq!(client.ask("/r/Nothing/atAll", json!([])).await["code"], 404);
}

#[actix_web::test]
async fn pushes_come_without_an_ack_diff_too() {
    let world = World::with(Config { live_after: std::time::Duration::from_millis(1), ..Config::default() });
    let mut client = world.connect().await;
    let token = client::token(world.sim.addr(), &world.jar).await;
    client.register(&token, DEVICE).await;
    world.shop.buyer_says("1", "2", "在吗");
    assert_eq!(texts(&client.push().await), ["在吗"]);
}

#[actix_web::test]
async fn a_send_is_answered_echoed_and_seen_by_the_buyer() {
    let world = World::new();
    let mut client = world.online().await;
    let said = world.shop.buyer_says("777", "1", "在吗");
    client.push().await;
    client.say(said.conversation.as_str(), "777", "在的", "-17600000000011").await;
    let answer = client.frame().await;
    let echo = client.push().await;
    let tree = trees(&echo)[0].clone().unwrap();
    assert_eq!(answer["body"]["messageId"], tree["1"]["3"]);
    assert_eq!(tree["1"]["10"]["senderUserId"], world.shop.uid.as_str());
    assert_eq!(tree["3"]["needPush"], "false");
    assert_eq!(world.delivered(&said, 1).await, ["在的"]);
}

#[actix_web::test]
async fn every_mode_of_answering_does_what_it_says() {
    let cases = [
        (Answer::WithId, vec!["answer", "echo"], true),
        (Answer::WithoutId, vec!["answer", "echo"], true),
        (Answer::NoAnswer, vec!["echo"], true),
        (Answer::NoAnswerNoEcho, vec![], true),
        (Answer::Lost, vec![], false),
        (Answer::Forbid, vec!["forbidden"], false),
        (Answer::Refuse(503), vec!["503"], false),
    ];
    let world = World::new();
    let mut client = world.online().await;
    let conversation = world.shop.conversation("777", "1");
    for (mode, expected, seen) in cases {
        world.shop.answer_next([mode]);
        let before = world.shop.received(&conversation).len();
        client.say(conversation.as_str(), "777", "好", "-17600000000011").await;
        // a heartbeat behind it: its answer marks the end
        let mid = client.mid();
        client.send(json!({"lwp": "/!", "headers": {"mid": mid}})).await;
        let mut heard = Vec::new();
        loop {
            let frame = client.frame().await;
            heard.push(match (&frame["lwp"], &frame["code"]) {
                _ if frame["headers"]["mid"] == mid => break,
                (lwp, _) if lwp.is_string() => "echo",
                _ if frame["body"]["moreInfo"].is_string() => "forbidden",
                (_, code) if code == 503 => "503",
                _ => "answer",
            });
        }
        assert_eq!(heard, expected, "{mode:?}");
        assert_eq!(world.shop.received(&conversation).len() - before, usize::from(seen), "{mode:?}");
    }
}

#[actix_web::test]
async fn the_echo_can_come_before_the_answer() {
    let world = World::new();
    world.sim.platform().change_faults(|faults| faults.echo_first = true);
    let mut client = world.online().await;
    let conversation = world.shop.conversation("777", "1");
    client.say(conversation.as_str(), "777", "好", "-17600000000011").await;
    client.push().await;
    assert_eq!(client.frame().await["code"], 200);
}

#[actix_web::test]
async fn a_repeated_uuid_is_delivered_again_unless_the_platform_drops_it() {
    let world = World::new();
    let mut client = world.online().await;
    let conversation = world.shop.conversation("777", "1");
    for (deduplicate, delivered) in [(false, 2), (true, 3)] {
        world.sim.platform().change_faults(|faults| faults.deduplicate = deduplicate);
        for _ in 0..2 {
            client.say(conversation.as_str(), "777", "好", "-17600000000011").await;
            while client.frame().await["code"] != 200 {}
        }
        assert_eq!(world.shop.received(&conversation).len(), delivered);
    }
}

#[actix_web::test]
async fn what_was_missed_is_replayed_from_the_cursor() {
    let world = World::new();
    let mut client = world.online().await;
    world.shop.buyer_says("777", "1", "一");
    let seen = client.push().await["body"]["syncPushPackage"]["maxPts"].as_i64().unwrap();
    drop(client);
    assert!(world.shop.await_offline(PATIENCE).await);
    world.shop.buyer_says("777", "1", "二");
    world.shop.buyer_says("888", "1", "三");
    let mut client = world.online_since(seen).await;
    assert_eq!(texts(&client.push().await), ["二", "三"]);
    world.sim.platform().change_faults(|faults| faults.no_replay = true);
    let mut client = world.online_since(0).await;
    assert_eq!(client.listen().await, Heard::Nothing);
}

#[actix_web::test]
async fn the_history_pages_back_to_the_first_message() {
    let world = World::new();
    let mut client = world.online_since(i64::MAX).await;
    world.sim.platform().change_faults(|faults| faults.zombie = true);
    let said: Vec<_> = (0..7).map(|n| world.shop.buyer_says("777", "1", &n.to_string())).collect();
    let (mut cursor, mut found) = (FIRST, Vec::new());
    loop {
        let body = json!([format!("{}@goofish", said[0].conversation), false, cursor, 3, false]);
        let answer = client.ask("/r/MessageManager/listUserMessages", body).await;
        let models = answer["body"]["userMessageModels"].as_array().unwrap().clone();
        found.extend(models.iter().map(|model| model["message"]["messageId"].as_str().unwrap().to_owned()));
        if answer["body"]["hasMore"] == 0 {
            break;
        }
        cursor = answer["body"]["nextCursor"].as_i64().unwrap();
    }
    let newest_first: Vec<_> = said.iter().rev().map(|said| said.message.as_str()).collect();
    assert_eq!(found, newest_first);
}

#[actix_web::test]
async fn the_list_of_conversations_pages_through_all_of_them() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| faults.zombie = true);
    for buyer in 0..9 {
        world.shop.buyer_says(&buyer.to_string(), "1", "在吗");
    }
    let (mut cursor, mut peers) = (FIRST, Vec::new());
    loop {
        let answer = client.ask("/r/Conversation/listNewestPagination", json!([cursor, 4])).await;
        for conversation in answer["body"]["userConvs"].as_array().unwrap() {
            let conversation = &conversation["singleChatUserConversation"];
            assert!(conversation["lastMessage"]["message"]["messageId"].is_string());
            peers.push(conversation["singleChatConversation"]["pairFirst"].as_str().unwrap().to_owned());
        }
        if answer["body"]["hasMore"] == false {
            break;
        }
        cursor = answer["body"]["nextCursor"].as_i64().unwrap();
    }
    peers.sort();
    assert_eq!(peers, (0..9).map(|buyer| format!("{buyer}@goofish")).collect::<Vec<_>>());
}

#[actix_web::test]
async fn creating_a_conversation_twice_gives_the_same_one() {
    let world = World::new();
    let mut client = world.online().await;
    let own = format!("{}@goofish", world.shop.uid);
    let body = json!([{"pairFirst": "777@goofish", "pairSecond": own, "bizType": "1", "extension": {"itemId": "9"}}]);
    let first = client.ask("/r/SingleChatConversation/create", body.clone()).await;
    let second = client.ask("/r/SingleChatConversation/create", body).await;
    let cid = &first["body"]["singleChatConversation"]["cid"];
    assert_eq!(*cid, second["body"]["singleChatConversation"]["cid"]);
    assert_eq!(*cid, format!("{}@goofish", world.shop.conversation("777", "9")));
}

#[actix_web::test]
async fn other_kinds_of_messages_and_events_are_pushed() {
    let world = World::new();
    let mut client = world.online().await;
    let said = world.shop.buyer_sends_image("777", "1", "https://img.example.invalid/1.jpg");
    let conversation = said.conversation;
    assert_eq!(texts(&client.push().await), ["[图片]"]);
    world.shop.buyer_sends_voice("777", "1");
    assert_eq!(texts(&client.push().await), ["[语音]"]);
    world.shop.tip(&conversation, "小心").unwrap();
    assert_eq!(trees(&client.push().await)[0].as_ref().unwrap()["1"]["6"]["3"]["4"], 14);
    let card = yutang::sim::Card { title: "我已付款，等待你发货".into(), ..Default::default() };
    world.shop.system_card(&conversation, card, None).unwrap();
    assert_eq!(texts(&client.push().await), ["[我已付款，等待你发货]"]);
    assert!(world.shop.card_update(&conversation));
    assert_eq!(trees(&client.push().await)[0].as_ref().unwrap()["4"]["reminderContent"], "[我已付款，等待你发货]");
    world.shop.badge(&conversation, "等待卖家发货");
    assert_eq!(trees(&client.push().await)[0].as_ref().unwrap()["3"]["redReminder"], "等待卖家发货");
    assert!(world.shop.buyer_types(&conversation));
    assert_eq!(client.push().await["lwp"], "/s/para");
    world.shop.buyer_reads(&conversation, &[said.message]);
    assert_eq!(client.push().await["body"]["syncPushPackage"]["data"][0]["objectType"], 40103);
    world.shop.arouse(&conversation, 14);
    let wake_up = client.push().await;
    assert_eq!((wake_up["lwp"].as_str(), trees(&wake_up).len()), (Some("/s/vulcan"), 14));
    world.shop.buyer_says_by_pointer("777", "1", "在吗");
    assert!(trees(&client.push().await)[0].as_ref().unwrap()["3"].is_string());
}

#[actix_web::test]
async fn the_sellers_own_phone_is_pushed_but_no_delivery_of_ours() {
    let world = World::new();
    let mut client = world.online().await;
    let conversation = world.shop.conversation("777", "1");
    world.shop.seller_types(&conversation, "我来").unwrap();
    assert_eq!(texts(&client.push().await), ["我来"]);
    assert!(world.shop.received(&conversation).is_empty());
}

#[actix_web::test]
async fn a_purchase_names_the_other_side_as_seller() {
    let world = World::new();
    let mut client = world.online().await;
    let conversation = world.shop.purchase("888", "5");
    world.shop.peer_says(&conversation, "还没发货").unwrap();
    client.push().await;
    let answer = client.ask("/r/Conversation/listNewestPagination", json!([FIRST, 1])).await;
    let head = &answer["body"]["userConvs"][0]["singleChatUserConversation"]["singleChatConversation"];
    assert_eq!(head["extension"]["itemSellerId"], "888");
}

#[actix_web::test]
async fn a_newer_connection_removes_the_older_one_by_rule() {
    for (newer, removed) in [(Newer::Both, false), (Newer::KickSameDevice, true), (Newer::KickOlder, true)] {
        let world = World::with(Config { newer, ..Config::default() });
        let mut older = world.online().await;
        let mut newer = world.online().await;
        if removed {
            assert_eq!(older.frame().await["lwp"], "/s/session/remove");
            assert_eq!(older.hear().await, Heard::Closed(Some(1000)));
        }
        world.shop.buyer_says("777", "1", "在吗");
        assert_eq!(texts(&newer.push().await), ["在吗"]);
        if !removed {
            assert_eq!(texts(&older.push().await), ["在吗"]);
        }
    }
}

#[actix_web::test]
async fn a_platform_outlives_its_server() {
    let world = World::new();
    let platform = world.sim.platform().clone();
    let client = world.online().await;
    let address = world.sim.addr();
    world.sim.stop().await;
    drop(client);
    assert!(Client::open(address, &world.jar).await.is_err());
    world.shop.buyer_says("777", "1", "在吗");
    let sim = yutang::sim::Sim::serve(address, platform).unwrap();
    let world = World { sim, ..world };
    let mut client = world.online_since(0).await;
    assert_eq!(texts(&client.push().await), ["在吗"]);
    assert!(world.shop.await_acknowledged(PATIENCE).await);
}

/// Two programs that do not know of each other: each takes the line from the other as often as it comes back.
#[actix_web::test]
async fn two_programs_with_devices_of_their_own_fight_over_an_account() {
    let world = World::with(Config { newer: Newer::KickOlder, ..Config::default() });
    let devices = ["1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F-1", "2B3C4D5E-1A2B-4A2B-8A2B-1A2B3C4D5E6F-1"];
    let mut older: Option<Client> = None;
    for device in devices.into_iter().cycle().take(4) {
        let mut client = world.connect().await;
        let token = client::token_for(world.sim.addr(), &world.jar, device).await;
        assert_eq!(client.register(&token, device).await["code"], 200);
        if let Some(mut older) = older.replace(client) {
            assert_eq!(older.frame().await["lwp"], "/s/session/remove");
            assert_eq!(older.hear().await, Heard::Closed(Some(1000)));
        }
    }
    assert!(world.shop.await_registered(4, PATIENCE).await);
}
