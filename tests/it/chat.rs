//! What buyers write, and what they read.

use std::time::Duration;

use serde_json::json;
use yutang::{
    reply::rule::{Action, Matching, RuleBody},
    sim::{Answer, Card, Said},
    store::{
        blocked_buyers::{self, Blocked},
        chat_messages, items, unknown_pushes,
    },
};

use crate::harness::{PATIENCE, Shop, TestApp, contains, default_reply, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";
const PICTURE: &str = "https://img.example.invalid/sizes.jpg";

/// A running server with one account and these rules.
async fn shop_with(rules: Vec<RuleBody>) -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rules(rules);
    app.start().await;
    (app, shop)
}

#[actix_web::test]
async fn a_buyer_is_answered_as_the_rule_says() {
    let (app, shop) = shop_with(vec![contains("在吗", "在的")]).await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗？");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    let row = app.decided(&shop, &said).await;
    assert_eq!((row.decision.as_deref(), row.reason.as_deref()), (Some("answer"), Some("rule")));
    assert_eq!(app.sends(&shop, &said.conversation)[0].in_reply_to, Some(said.message));
    assert!(shop.await_acknowledged(PATIENCE).await);
}

/// M1: there, only the first entry of a push was handled.
#[actix_web::test]
async fn m1_three_entries_of_one_push_are_three_answers_in_order() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let said = shop.buyers_say(&[(BUYER, ITEM, "一"), (BUYER, ITEM, "二"), (BUYER, ITEM, "三")]);
    app.answers(&shop, &said[0].conversation, &["答:一", "答:二", "答:三"]).await;
    for said in &said {
        assert_eq!(app.decided(&shop, said).await.decision.as_deref(), Some("answer"));
    }
}

/// M2: there, the same text in one chat was ignored for an hour.
#[actix_web::test]
async fn m2_the_same_text_twice_is_answered_twice() {
    let (app, shop) = shop_with(vec![contains("在吗", "在的")]).await;
    let conversation = shop.buyer_says(BUYER, ITEM, "在吗").conversation;
    shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &conversation, &["在的", "在的"]).await;
    assert_eq!(app.messages(&shop, &conversation).len(), 2);
}

/// M3: there, a reply that was debounced over a reconnect went to a dead socket and was lost.
#[actix_web::test]
async fn m3_a_turn_that_settles_while_the_line_is_down_is_answered_on_the_next() {
    let mut app = TestApp::with(|settings| settings.inbox.debounce = Duration::from_millis(400));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let first = shop.buyer_says(OTHER, ITEM, "有货吗");
    app.answers(&shop, &first.conversation, &["答:有货吗"]).await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    let stored = || app.messages(&shop, &said.conversation).pop();
    let row = app.eventually("the message is stored", stored).await;
    assert_eq!(row.decision, None, "the turn is still open");
    app.platform().change_faults(|faults| faults.refuse_upgrade = true);
    shop.close(1000);
    assert!(shop.await_offline(PATIENCE).await);
    app.decided(&shop, &said).await;
    assert_eq!(app.sends(&shop, &said.conversation)[0].state.as_str(), "queued");
    app.platform().heal();
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
}

/// M6: there, old messages were answered.
#[actix_web::test]
async fn m6_an_old_message_goes_to_a_person() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let said = shop.buyer_said(BUYER, ITEM, "昨天的话", Duration::from_secs(24 * 3600));
    let row = app.is_silent(&shop, &said, "too_old").await;
    assert!(row.needs_person);
    let scope = app.scope();
    assert_eq!(app.read(move |conn| chat_messages::list_for_a_person(conn, &scope, 10)), [row]);
    assert_eq!(shop.seen(&said.conversation), Vec::<String>::new());
}

/// M7: there, a message was acknowledged before it was handled.
#[actix_web::test]
async fn m7_what_is_acknowledged_is_stored() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let mut events = app.platform().events(yutang::sim::Interest::Everything);
    let said: Vec<Said> = (0..20).map(|number| shop.buyer_says(BUYER, ITEM, &number.to_string())).collect();
    let mut missing = said.len();
    while missing > 0 {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        let yutang::sim::SimEvent::Acked { messages, .. } = event else { continue };
        let stored = app.messages(&shop, &said[0].conversation);
        for message in messages.iter().filter(|message| said.iter().any(|said| said.message == **message)) {
            assert!(stored.iter().any(|row| row.message == *message), "{message} is acknowledged and not stored");
            missing -= 1;
        }
    }
}

/// M8: there, what a buyer wrote in a burst was dropped but for the last message.
#[actix_web::test]
async fn m8_a_burst_is_one_turn_with_everything_in_it() {
    let mut app = TestApp::with(|settings| settings.inbox.debounce = Duration::from_millis(300));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let said: Vec<Said> = ["你好", "在吗", "包邮吗"].map(|text| shop.buyer_says(BUYER, ITEM, text)).into();
    app.answers(&shop, &said[0].conversation, &["答:你好\n在吗\n包邮吗"]).await;
    let rows = app.messages(&shop, &said[0].conversation);
    let decisions: Vec<_> = rows.iter().map(|row| row.decision.clone().unwrap()).collect();
    assert_eq!(decisions, ["merged", "merged", "answer"]);
    assert!(rows[..2].iter().all(|row| row.turn.as_ref() == Some(&said[2].message)));
}

/// M9: there, group chats were answered.
#[actix_web::test]
async fn m9_a_group_chat_is_not_answered() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let group = shop.group(BUYER, ITEM);
    let said = shop.peer_says(&group, "在吗").unwrap();
    app.is_silent(&shop, &said, "group_chat").await;
    assert_eq!(shop.seen(&group), Vec::<String>::new());
}

/// M16: there, the rule that came first in the table won.
#[actix_web::test]
async fn m16_the_higher_priority_wins_then_the_more_specific() {
    let (app, shop) = shop_with(vec![
        contains("价", "短"),
        contains("价格", "长"),
        RuleBody { matching: Matching::Exact, ..contains("价格", "准") },
        RuleBody { priority: 5, ..contains("急", "先") },
        RuleBody { items: vec!["900000000002".into()], ..contains("价", "此物") },
    ])
    .await;
    let conversation = shop.buyer_says(BUYER, ITEM, "价?").conversation;
    for text in ["价格?", "价格", "急 价格"] {
        shop.buyer_says(BUYER, ITEM, text);
    }
    app.answers(&shop, &conversation, &["短", "长", "准", "先"]).await;
    let about_it = shop.buyer_says(OTHER, "900000000002", "急 价格");
    app.answers(&shop, &about_it.conversation, &["此物"]).await;
}

/// M18: there, nothing kept the answers of one chat in order.
#[actix_web::test]
async fn m18_the_answers_of_every_conversation_come_in_order() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let buyers: Vec<String> = (0..8).map(|number| format!("22000000001{number:02}")).collect();
    for line in 0..12 {
        for buyer in &buyers {
            shop.buyer_says(buyer, ITEM, &line.to_string());
        }
    }
    let expected: Vec<String> = (0..12).map(|line| format!("答:{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    for buyer in &buyers {
        app.answers(&shop, &shop.conversation(buyer, ITEM), &expected).await;
    }
}

#[actix_web::test]
async fn tips_and_cards_are_stored_and_not_answered() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let conversation = shop.conversation(BUYER, ITEM);
    let card = || Card { title: "我已拍下，待付款".into(), button: "修改价格".into(), ..Card::default() };
    let tip = shop.tip(&conversation, "请在平台内交易").unwrap();
    let theirs = shop.system_card(&conversation, card(), None).unwrap();
    let ours = shop.system_card(&conversation, card(), Some(&shop.uid)).unwrap();
    app.is_silent(&shop, &tip, "not_a_person").await;
    app.is_silent(&shop, &theirs, "not_a_person").await;
    assert_eq!(app.decided(&shop, &ours).await.decision.as_deref(), Some("own"));
    // A card in the seller's name is not the seller's typing.
    shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &conversation, &["答:在吗"]).await;
}

#[actix_web::test]
async fn typing_reading_and_badges_are_neither_stored_nor_answered() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let first = shop.buyer_says(BUYER, ITEM, "一");
    app.answers(&shop, &first.conversation, &["答:一"]).await;
    assert!(shop.buyer_types(&first.conversation));
    shop.buyer_reads(&first.conversation, &[shop.received(&first.conversation)[0].message.clone()]);
    shop.badge(&first.conversation, "等待");
    shop.arouse(&first.conversation, 14);
    shop.buyer_says(BUYER, ITEM, "二");
    app.answers(&shop, &first.conversation, &["答:一", "答:二"]).await;
    assert_eq!(app.messages(&shop, &first.conversation).len(), 2);
    let (scope, id) = (app.scope(), shop.id);
    assert_eq!(app.read(move |conn| unknown_pushes::list(conn, &scope, id)), []);
}

#[actix_web::test]
async fn pictures_and_voices_get_the_default_reply() {
    let (app, shop) = shop_with(vec![contains("图片", "不该"), default_reply("稍等")]).await;
    let said = shop.buyer_sends_image(BUYER, ITEM, PICTURE);
    app.answers(&shop, &said.conversation, &["稍等"]).await;
    assert!(app.decided(&shop, &said).await.text.contains(PICTURE));
    let voice = shop.buyer_sends_voice(OTHER, ITEM);
    app.answers(&shop, &voice.conversation, &["稍等"]).await;
}

/// The account also buys: who sells the item decides, and is asked once.
#[actix_web::test]
async fn a_conversation_in_which_we_buy_is_left_alone() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let purchase = shop.purchase(OTHER, "900000000009");
    let said: Vec<Said> =
        ["亲，付款吗", "还要吗", "在不"].iter().map(|text| shop.peer_says(&purchase, text).unwrap()).collect();
    for said in &said {
        app.is_silent(&shop, said, "buyer_side").await;
    }
    assert_eq!(shop.seen(&purchase), Vec::<String>::new());
}

#[actix_web::test]
async fn who_sells_an_item_is_asked_once_and_kept_over_a_restart() {
    let (mut app, shop) = shop_with(vec![echo()]).await;
    let conversation = shop.buyer_says(BUYER, ITEM, "一").conversation;
    app.answers(&shop, &conversation, &["答:一"]).await;
    let id = shop.id;
    // In full, so that it is not read in the background, either.
    let stored =
        || app.read(move |conn| items::find(conn, id, &ITEM.into())).filter(|item| item.detail_fetched_at.is_some());
    assert_eq!(app.eventually("the item is stored", stored).await.seller, shop.uid);
    app.restart().await;
    // Nobody answers a question now: the answer comes only if none is asked.
    app.platform().change_faults(|faults| faults.hang_gateway = true);
    let calls = shop.gateway_requests();
    shop.buyer_says(OTHER, ITEM, "二");
    app.answers(&shop, &shop.conversation(OTHER, ITEM), &["答:二"]).await;
    assert_eq!(shop.gateway_requests(), calls);
}

/// Many turns about an unknown item wait for one question.
#[actix_web::test]
async fn many_buyers_of_one_item_cost_at_most_one_question() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let buyers: Vec<String> = (0..30).map(|number| format!("22000000002{number:02}")).collect();
    let lines: Vec<(&str, &str, &str)> = buyers.iter().map(|buyer| (buyer.as_str(), ITEM, "在吗")).collect();
    let calls = shop.gateway_requests();
    for said in shop.buyers_say(&lines) {
        app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    }
    assert!(shop.gateway_requests() <= calls + 1);
}

#[actix_web::test]
async fn a_default_reply_that_is_given_once_is_given_once_in_each_conversation() {
    let (mut app, shop) = shop_with(vec![RuleBody { once: true, ..default_reply("掌柜稍后回复") }]).await;
    let first = shop.buyer_says(BUYER, ITEM, "一");
    app.answers(&shop, &first.conversation, &["掌柜稍后回复"]).await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "二"), "already_answered_once").await;
    let other = shop.buyer_says(OTHER, ITEM, "一");
    app.answers(&shop, &other.conversation, &["掌柜稍后回复"]).await;
    app.restart().await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "三"), "already_answered_once").await;
    app.answers(&shop, &first.conversation, &["掌柜稍后回复"]).await;
}

/// Closes M13 where it concerns chat: there, the mark was set before the reply was sent.
#[actix_web::test]
async fn a_once_reply_that_was_rejected_is_not_used_up() {
    let (app, shop) = shop_with(vec![RuleBody { once: true, ..default_reply("加微信") }]).await;
    shop.answer_next([Answer::Forbid]);
    let said = shop.buyer_says(BUYER, ITEM, "一");
    app.sees(&shop, &said.conversation, &[]).await;
    app.decided(&shop, &said).await;
    app.settled(&shop).await;
    shop.buyer_says(BUYER, ITEM, "二");
    app.sees(&shop, &said.conversation, &["加微信"]).await;
    let states: Vec<_> = app.sends(&shop, &said.conversation).iter().map(|send| send.state.as_str()).collect();
    assert_eq!(states, ["rejected", "confirmed"]);
}

#[actix_web::test]
async fn a_blocked_buyer_is_not_answered_and_the_others_are() {
    let mut app = TestApp::new();
    let (shop, second) = (app.open("shop"), app.open("second"));
    app.rule(echo());
    let (scope, account) = (app.scope(), shop.id);
    let block = |account, buyer: &str| Blocked {
        account,
        buyer: buyer.into(),
        note: "广告".into(),
        created_at: yutang::ids::Timestamp(1),
    };
    let (everywhere, here) = (block(None, OTHER), block(Some(account), BUYER));
    app.write(move |conn| {
        blocked_buyers::insert(conn, &scope, &everywhere)?;
        blocked_buyers::insert(conn, &scope, &here)
    });
    app.start().await;
    app.is_silent(&shop, &shop.buyer_says(OTHER, ITEM, "在吗"), "blocked").await;
    app.is_silent(&second, &second.buyer_says(OTHER, ITEM, "在吗"), "blocked").await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "在吗"), "blocked").await;
    let said = second.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&second, &said.conversation, &["答:在吗"]).await;
}

#[actix_web::test]
async fn several_texts_and_a_picture_come_in_their_order() {
    let replies =
        vec![Action::Text("尺码看图".into()), Action::Image(PICTURE.into()), Action::Text("还有问题吗".into())];
    let (app, shop) = shop_with(vec![RuleBody { actions: replies, ..contains("尺码", "") }]).await;
    let said = shop.buyer_says(BUYER, ITEM, "尺码");
    app.answers(&shop, &said.conversation, &["尺码看图", PICTURE, "还有问题吗"]).await;
    assert!(matches!(shop.received(&said.conversation)[1].body, yutang::sim::Body::Image { .. }));
}

#[actix_web::test]
async fn variables_are_filled_in_and_other_braces_stay() {
    let text = "{send_user_name}|{send_user_id}|{send_message}|{item_id}|{item_title}|{x}|{";
    let (app, shop) = shop_with(vec![contains("在吗", text)]).await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗{item_id}");
    shop.await_delivered(&said.conversation, 1, PATIENCE).await;
    app.settled(&shop).await;
    let seen = shop.seen(&said.conversation).pop().unwrap();
    let parts: Vec<&str> = seen.split('|').collect();
    assert_eq!(parts[..4], [&format!("买家{BUYER}"), BUYER, "在吗{item_id}", ITEM]);
    assert_eq!(parts[5..], ["{x}", "{"]);
    assert_ne!(parts[4], "{item_title}");
}

#[actix_web::test]
async fn a_rule_without_a_reply_stays_silent_and_hides_the_default() {
    let (app, shop) =
        shop_with(vec![RuleBody { actions: Vec::new(), ..contains("骗子", "") }, default_reply("稍等")]).await;
    let said = shop.buyer_says(BUYER, ITEM, "骗子");
    let row = app.is_silent(&shop, &said, "empty_reply").await;
    assert!(row.rule.is_some());
    assert_eq!(shop.seen(&said.conversation), Vec::<String>::new());
}

#[actix_web::test]
async fn without_a_rule_nothing_is_said_and_that_is_stored() {
    let (app, shop) = shop_with(vec![contains("在吗", "在的")]).await;
    let said = shop.buyer_says(BUYER, ITEM, "随便看看");
    app.is_silent(&shop, &said, "no_rule").await;
    assert_eq!(shop.seen(&said.conversation), Vec::<String>::new());
}

#[actix_web::test]
async fn a_push_nobody_knows_is_kept_sealed() {
    let (app, shop) = shop_with(vec![echo()]).await;
    let said = shop.buyer_says(BUYER, ITEM, "一");
    app.answers(&shop, &said.conversation, &["答:一"]).await;
    shop.push_tree(&json!({"1": {"7": "二〇二七年的新花样"}}));
    shop.push_json(&json!({"brand": "new"}));
    let (scope, id) = (app.scope(), shop.id);
    let kept = || Some(app.read(move |conn| unknown_pushes::list(conn, &scope, id))).filter(|kept| kept.len() == 2);
    let kept = app.eventually("both pushes are kept", kept).await;
    let keys = app.store().keys();
    let opened = kept.iter().map(|push| keys.open(&unknown_pushes::data_place(id), &push.data).unwrap());
    assert!(opened.into_iter().all(|data| !data.expose().is_empty()));
    shop.buyer_says(BUYER, ITEM, "二");
    app.answers(&shop, &said.conversation, &["答:一", "答:二"]).await;
}
