//! Conversations played through before anybody is answered.

use serde_json::{Value, json};
use yutang::{
    ids::{OrderId, Timestamp},
    sim::Stage,
    store::{Page, conversations, order_events},
};

use crate::{
    client::Api,
    harness::{Shop, TestApp, default_reply},
};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";
const PATH: &str = "/api/v1/sandbox";
/// 2026-11-27, 12:00 in the platform's time.
const NOON: i64 = 1_795_752_000_000;

async fn running() -> (TestApp, Shop, Api) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, shop, seller)
}

async fn rule(seller: &Api, body: Value) -> Value {
    seller.post("/api/v1/keywords", &body).await.is(201).json()["id"].clone()
}

/// What would be sent, scene by scene.
fn sends(view: &Value) -> Vec<Value> {
    view["scenes"].as_array().unwrap().iter().map(|scene| scene["sends"].clone()).collect()
}

#[actix_web::test]
async fn a_typed_conversation_is_played_with_a_clock_of_its_own_and_explained() {
    let (app, shop, seller) = running().await;
    let night = json!({"hours": [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "22:00", "to": "08:00"}]});
    let asleep = rule(
        &seller,
        json!({"keyword": "在吗", "conditions": night, "actions": [{"text": "明早回复您，{send_user_name}"}], "priority": 5}),
    )
    .await;
    rule(&seller, json!({"keyword": "在吗", "once": true, "actions": [{"text": "在的"}, {"tag": "来过"}]})).await;
    let again = json!({"trigger": "silent", "silent_minutes": 30, "actions": [{"text": "还要吗"}]});
    let silent = seller.post("/api/v1/event-rules", &again).await.is(201).json()["id"].clone();

    let ask = json!({
        "account_id": shop.id.0, "item_id": ITEM, "at": NOON, "buyer": {"name": "小明", "tags": ["老客户"]},
        "steps": [
            {"says": ["你好", "在吗"], "expects": {"contains": ["在的"], "source": "global_rule", "tags": ["来过", "老客户"]}},
            {"shows": "[图片]", "expects": {"silent": true}},
            {"after_s": 1800, "expects": {"contains": ["还要吗"]}},
            {"says": ["在吗"], "after_s": 43_200},
        ],
    });
    let view = seller.post(PATH, &ask).await.is(200).json();
    let texts = [
        json!([{"text": "在的"}]),
        json!([{"text": "稍等"}]),
        json!([{"text": "还要吗"}]),
        json!([{"text": "明早回复您，小明"}]),
    ];
    assert_eq!(sends(&view), texts);
    let (first, last) = (&view["scenes"][0], &view["scenes"][3]);
    assert_eq!(
        first["messages"],
        json!([{"message_id": null, "text": "你好", "is_text": true}, {"message_id": null, "text": "在吗", "is_text": true}])
    );
    assert_eq!((&first["at"], &first["does"]), (&json!(NOON), &json!([{"tag": "来过"}])));
    let passed = &first["steps"][2]["passed_over"][0];
    assert_eq!((&passed["rule_id"], &passed["why"]), (&asleep, &json!("other_hours")));
    assert_eq!(
        (&last["rule_id"], &last["summary"]),
        (&asleep, &json!("Rules for all accounts: \"在吗\" matched and answered"))
    );
    assert_eq!((&view["scenes"][2]["event"], &view["scenes"][2]["rule_id"]), (&json!("silent"), &silent));
    assert_eq!(view["as_expected"], false, "a picture is answered by the default reply");
    assert_eq!(
        view["misses"],
        json!([{"step": 1, "code": "not_silent", "text": "something is sent, and nothing should be"}])
    );
    assert_eq!((&view["total"], &view["answered"], &view["silent"]), (&json!(4), &json!(4), &json!(0)));
    assert_eq!(view["waiting"][0]["rule_id"], silent);
    let reader = app.signed_in("seller").await.with("accept-language", "zh");
    let chinese = reader.post(PATH, &ask).await.is(200).json();
    assert_eq!(chinese["misses"][0]["text"], "应保持沉默，却有回复");
    assert_eq!(chinese["scenes"][3]["summary"], "全局规则：“在吗”匹配，已回复");

    // Nothing was said or kept.
    assert_eq!(seller.get("/api/v1/outbox").await.is(200).json()["total"], 0);
    assert_eq!(seller.get("/api/v1/tags").await.is(200).json()["total"], 0);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    assert_eq!(app.decided(&shop, &said).await.decision.as_deref(), Some("answer"));
}

/// M17: what is prepared is tried before it answers anybody.
#[actix_web::test]
async fn prepared_rules_are_played_before_they_answer() {
    let (_app, shop, seller) = running().await;
    let new = json!({"keyword": "包邮", "actions": [{"text": "包邮的"}]});
    seller.post("/api/v1/keywords?draft=true", &new).await.is(201);
    let mut ask = json!({"account_id": shop.id.0, "steps": [{"says": ["包邮吗"]}]});
    assert_eq!(sends(&seller.post(PATH, &ask).await.is(200).json()), [json!([{"text": "稍等"}])]);
    ask["rules"] = json!("draft");
    assert_eq!(sends(&seller.post(PATH, &ask).await.is(200).json()), [json!([{"text": "包邮的"}])]);
}

#[actix_web::test]
async fn an_order_a_sellers_hand_and_a_person_are_part_of_a_play() {
    let (_app, shop, seller) = running().await;
    let thanks = json!({"trigger": "order_paid", "delay_s": 60, "actions": [{"text": "谢谢"}]});
    seller.post("/api/v1/event-rules", &thanks).await.is(201);
    let bought = json!({"keyword": "发货", "conditions": {"bought_before": true}, "actions": [{"text": "今天发"}]});
    rule(&seller, bought).await;
    rule(&seller, json!({"keyword": "投诉", "actions": [{"text": "请稍等"}, {"hand_over": null}]})).await;
    let ask = json!({"account_id": shop.id.0, "steps": [
        {"says": ["什么时候发货"], "expects": {"lacks": ["今天发"]}},
        {"event": "order_paid"},
        {"event": "order_shipped", "expects": {"silent": true}},
        {"says": ["什么时候发货"], "after_s": 30, "expects": {"contains": ["今天发"]}},
        {"seller_says": "已经发了"},
        {"says": ["好的"], "expects": {"silent": true}},
        {"says": ["投诉"], "after_s": 7200, "expects": {"hands_over": true}},
        {"says": ["在吗"], "after_s": 86_400, "expects": {"silent": true}},
    ]});
    let view = seller.post(PATH, &ask).await.is(200).json();
    assert_eq!((&view["as_expected"], &view["misses"]), (&json!(true), &json!([])));
    let reasons: Vec<&str> =
        view["scenes"].as_array().unwrap().iter().map(|scene| scene["reason"].as_str().unwrap()).collect();
    let expected = [
        "account_default",
        "no_rule",
        "global_rule",
        "global_rule",
        "seller_took_over",
        "global_rule",
        "seller_took_over",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(view["scenes"][3]["event"], "order_paid");
    assert_eq!(
        (&view["scenes"][1]["event"], &view["scenes"][1]["summary"]),
        (&json!("order_shipped"), &json!("No rule applies to this event."))
    );
}

/// What was said is played again as it was said, and what would go otherwise is named.
#[actix_web::test]
async fn what_was_said_is_played_again_and_only_what_changed_is_told() {
    let (app, shop, seller) = running().await;
    let price = rule(&seller, json!({"keyword": "价格", "actions": [{"text": "一百"}]})).await;
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "什么价格");
    app.answers(&shop, &said.conversation, &["一百"]).await;
    shop.buyer_says(BUYER, ITEM, "包邮吗");
    app.answers(&shop, &said.conversation, &["一百", "稍等"]).await;
    let order: OrderId = "2500000000000000001".into();
    shop.order_becomes(BUYER, ITEM, &order, Stage::Paid).unwrap();
    let all = order_events::Filter::default();
    let told = || {
        app.read({
            let (scope, all) = (app.scope(), all.clone());
            move |conn| order_events::page(conn, &scope, &all, Page::first(1))
        })
    };
    app.eventually("the order is stored", || (told().1 == 1).then_some(())).await;
    let elsewhere = shop.buyer_says(OTHER, ITEM, "你好");
    app.answers(&shop, &elsewhere.conversation, &["稍等"]).await;

    let mut ask = json!({"account_id": shop.id.0, "replay": {}});
    let view = seller.post(PATH, &ask).await.is(200).json();
    assert_eq!((&view["changed"], &view["more"], &view["answered"]), (&json!(0), &json!(false), &json!(3)), "{view}");
    assert_eq!(
        (&view["rules"][1]["rule_id"], &view["rules"][1]["keyword"], &view["rules"][1]["scenes"]),
        (&price, &json!("价格"), &json!(1))
    );

    let new = json!({"keyword": "包邮", "actions": [{"text": "包邮的"}]});
    seller.post("/api/v1/keywords?draft=true", &new).await.is(201);
    seller
        .patch(&format!("/api/v1/keywords/{price}?draft=true"), &json!({"actions": [{"text": "九十"}]}))
        .await
        .is(200);
    let thanks = json!({"trigger": "order_paid", "actions": [{"text": "谢谢"}]});
    seller.post("/api/v1/event-rules?draft=true", &thanks).await.is(201);
    ask["rules"] = json!("draft");
    let view = seller.post(PATH, &ask).await.is(200).json();
    assert_eq!(
        (&view["changed"], &view["total"]),
        (&json!(1), &json!(4)),
        "the same rule answers about the price: {view}"
    );
    assert!(sends(&view).contains(&json!([{"text": "谢谢"}])), "{view}");

    let key = format!("{}.{}", shop.id, said.conversation);
    ask["replay"] = json!({"conversation": key, "only_changed": true});
    let view = seller.post(PATH, &ask).await.is(200).json();
    let [scene] = &view["scenes"].as_array().unwrap()[..] else { panic!("{view}") };
    assert_eq!((&scene["conversation"], &scene["sends"]), (&json!(key), &json!([{"text": "包邮的"}])));
    assert_eq!(
        (&scene["was"]["decision"], &scene["was"]["reason"], &scene["changed"]),
        (&json!("answer"), &json!("default"), &json!(true))
    );
    let decision =
        seller.get(&format!("/api/v1/decisions/{}", scene["was"]["id"].as_str().unwrap())).await.is(200).json();
    assert_eq!(decision["messages"][0]["text"], "包邮吗");
    assert_eq!(decision["messages"][0]["message_id"], scene["messages"][0]["message_id"]);

    ask["replay"] = json!({"until": 1000});
    assert_eq!(seller.post(PATH, &ask).await.is(200).json()["total"], 0);
    ask["replay"] = json!({"limit": 1});
    let view = seller.post(PATH, &ask).await.is(200).json();
    assert_eq!((view["scenes"].as_array().unwrap().len(), &view["total"]), (1, &json!(4)));
    // A pause of today does not make the past silent.
    let scope = app.scope();
    let (id, conversation) = (shop.id, said.conversation.clone());
    let paused = app.write(move |conn| {
        let until = Some(Timestamp::NEVER);
        conversations::set_pause_for_person(conn, &scope, id, &conversation, until, Timestamp(1))
    });
    assert!(paused);
    assert_eq!(seller.post(PATH, &ask).await.is(200).json()["answered"], view["answered"]);
}

#[actix_web::test]
async fn what_cannot_be_played_is_refused_by_its_place() {
    let (_app, shop, seller) = running().await;
    let refused = async |more: Value| {
        let mut ask = json!({"account_id": shop.id.0});
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        seller.post(PATH, &ask).await.refused(422, "invalid_field").field().to_owned()
    };
    assert_eq!(refused(json!({})).await, "steps");
    assert_eq!(refused(json!({"steps": []})).await, "steps");
    assert_eq!(refused(json!({"steps": [{"says": ["a"]}], "replay": {}})).await, "replay");
    assert_eq!(refused(json!({"steps": [{"says": ["a"]}, {}]})).await, "steps[1]");
    assert_eq!(refused(json!({"steps": [{"says": []}]})).await, "steps[0].says");
    assert_eq!(refused(json!({"steps": [{"says": ["a"], "event": "order_paid"}]})).await, "steps[0]");
    assert_eq!(refused(json!({"steps": [{"event": "silent"}]})).await, "steps[0].event");
    let elsewhere = json!({"account_id": shop.id.0, "replay": {"conversation": "9999.60001"}});
    assert_eq!(seller.post(PATH, &elsewhere).await.refused(404, "not_found").field(), "replay.conversation");
    let unknown = json!({"account_id": shop.id.0, "replay": {"conversation": format!("{}.60001", shop.id)}});
    assert_eq!(seller.post(PATH, &unknown).await.is(200).json()["total"], 0);
}
