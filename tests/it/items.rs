//! What accounts sell: read in the background, shown, added to by the seller, polished.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    account::state::{Reason, State},
    ids::ItemId,
    item::agenda::day,
    sim::{Gateway, Listing},
    store::{account_tokens, items},
    telemetry::clock,
};

use crate::{
    client::Api,
    harness::{Shop, TestApp, default_reply, echo},
    screen::{PHONE, Screen, has_chromium},
};

const ITEM: &str = "900000000001";

/// A shop that sells so many cameras, on a server that reads them by itself.
pub(crate) async fn shop_of(count: usize) -> (TestApp, Shop, Api) {
    let mut app = TestApp::with(|settings| settings.items.sync_every = Duration::from_secs(6 * 3600));
    let shop = app.open("shop");
    (1..=count).for_each(|number| shop.sell(Listing::new(&format!("9{number:011}"), &format!("相机 {number}"))));
    app.rule(echo());
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, shop, seller)
}

fn sync_of(shop: &Shop) -> String {
    format!("/api/v1/accounts/{}/items/sync", shop.id)
}

pub(crate) fn page_of(shop: &Shop, item: &str) -> String {
    format!("/api/v1/items/{}/{item}", shop.id)
}

async fn progress(shop: &Shop, api: &Api) -> Value {
    api.get(&sync_of(shop)).await.is(200).json()
}

/// Waits until the last reading is at its end, and every detail is there.
pub(crate) async fn read_to_the_end(app: &TestApp, shop: &Shop, api: &Api) -> Value {
    let id = shop.id;
    let scope = app.scope();
    let ended = move |conn: &mut yutang::store::DbConn| {
        let sync = yutang::store::item_syncs::get(conn, &scope, id)?;
        let left = items::count_without_detail(conn, &scope, id)?;
        Ok(matches!(sync.state.as_str(), "done" | "failed") && left == 0)
    };
    app.eventually("the list is read", || app.read(ended).then_some(())).await;
    progress(shop, api).await
}

#[actix_web::test]
async fn the_first_connection_reads_the_whole_list_and_every_item_in_full() {
    let (app, shop, seller) = shop_of(45).await;
    let done = read_to_the_end(&app, &shop, &seller).await;
    assert_eq!((&done["state"], &done["page"], &done["total"]), (&json!("done"), &json!(3), &json!(45)));
    assert!(done["started_at"].as_i64() <= done["finished_at"].as_i64() && done["error"].is_null());

    let item = seller.get(&page_of(&shop, ITEM)).await.is(200).json();
    assert_eq!((&item["title"], &item["price_fen"]), (&json!("相机 1"), &json!(12_300)));
    assert_eq!((&item["description"], &item["status"]), (&json!("九成新，功能正常"), &json!("on_sale")));
    let spec = json!([{"id": "1", "properties": [{"name": "颜色", "value": "黑"}], "price_fen": 12_300, "stock": 1}]);
    assert_eq!((&item["specs"], &item["stock"], &item["listed"]), (&spec, &json!(1), &json!(true)));
}

/// P2: the server pages and searches, not the panel.
#[actix_web::test]
async fn p2_what_is_sold_comes_by_pages_and_is_searched_by_the_server() {
    let (app, shop, seller) = shop_of(45).await;
    read_to_the_end(&app, &shop, &seller).await;
    let page = seller.get(&format!("/api/v1/items?account={}&page=5&per_page=10", shop.id)).await.is(200).json();
    assert_eq!((&page["total"], page["items"].as_array().map(Vec::len)), (&json!(45), Some(5)));
    let found = seller.get("/api/v1/items?q=%E7%9B%B8%E6%9C%BA%2045&status=on_sale&listed=true").await.is(200).json();
    assert_eq!((&found["total"], &found["items"][0]["title"]), (&json!(1), &json!("相机 45")));
    assert_eq!(seller.get("/api/v1/items?status=gone").await.is(200).json()["total"], 0);
}

#[actix_web::test]
async fn what_changes_on_the_platform_arrives_and_what_the_seller_wrote_stays() {
    let (app, shop, seller) = shop_of(2).await;
    let before = read_to_the_end(&app, &shop, &seller).await;
    let wrote = json!({"ai_facts": "快门 5,000 次", "floor_fen": 10_000, "multi_spec": true, "multi_quantity": true});
    seller.patch(&page_of(&shop, ITEM), &wrote).await.is(200);
    shop.change_listing(ITEM, |listing| {
        listing.title = "二手相机".into();
        listing.price = 9_950;
        listing.specs.push(("白".into(), 9_950, 2));
    });
    shop.change_listing("900000000002", |listing| listing.on_sale = false);
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    let after = read_to_the_end(&app, &shop, &seller).await;
    assert!(after["synced_at"].as_i64() > before["synced_at"].as_i64());
    assert_eq!(after["total"], 1);

    let item = seller.get(&page_of(&shop, ITEM)).await.is(200).json();
    assert_eq!((&item["title"], &item["price_fen"]), (&json!("二手相机"), &json!(9_950)));
    assert_eq!(item["specs"].as_array().map(Vec::len), Some(2));
    for (field, value) in wrote.as_object().unwrap() {
        assert_eq!(&item[field], value, "{field}");
    }
    let gone = seller.get(&page_of(&shop, "900000000002")).await.is(200).json();
    assert_eq!((&gone["listed"], &gone["status"]), (&json!(false), &json!("off_sale")));
}

/// A title that changed is the title that answers name from then on.
#[actix_web::test]
async fn an_answer_names_the_new_title() {
    let (app, shop, seller) = shop_of(1).await;
    app.rule(default_reply("{item_title}有货"));
    app.noticed().await;
    read_to_the_end(&app, &shop, &seller).await;
    let said = shop.buyer_says("2200000000777", ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["相机 1有货"]).await;
    shop.change_listing(ITEM, |listing| listing.title = "二手相机".into());
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    read_to_the_end(&app, &shop, &seller).await;
    shop.buyer_says("2200000000777", ITEM, "多少钱");
    app.answers(&shop, &said.conversation, &["相机 1有货", "二手相机有货"]).await;
}

#[actix_web::test]
async fn a_restart_reads_no_list_again() {
    let (mut app, shop, seller) = shop_of(3).await;
    let before = read_to_the_end(&app, &shop, &seller).await;
    let requests = shop.gateway_requests();
    app.restart().await;
    let said = shop.buyer_says("2200000000777", ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let seller = app.signed_in("seller").await;
    assert_eq!((progress(&shop, &seller).await, shop.gateway_requests()), (before, requests));
}

#[actix_web::test]
async fn what_is_met_in_a_chat_is_read_in_full_without_delaying_the_answer() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    app.platform().change_faults(|faults| faults.hang_gateway = true);
    let said = shop.buyer_says("2200000000777", ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    app.platform().heal();
    let second = app.open("second");
    app.noticed().await;
    assert!(second.await_registered(1, crate::harness::PATIENCE).await);
    let said = second.buyer_says("2200000000777", ITEM, "在吗");
    app.answers(&second, &said.conversation, &["答:在吗"]).await;
    let (id, item): (_, ItemId) = (second.id, ITEM.into());
    let known = || {
        let item = item.clone();
        app.read(move |conn| items::find(conn, id, &item)).filter(|item| item.detail_fetched_at.is_some())
    };
    assert_eq!(app.eventually("the item is read", known).await.description, "九成新，功能正常");
}

#[actix_web::test]
async fn not_one_call_is_made_while_the_platform_wants_a_person() {
    let (app, shop, seller) = shop_of(1).await;
    read_to_the_end(&app, &shop, &seller).await;
    app.platform().change_faults(|faults| faults.gateway = Gateway::Punish);
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    let failed = || {
        app.read({
            let (scope, id) = (app.scope(), shop.id);
            move |conn| yutang::store::item_syncs::get(conn, &scope, id)
        })
    };
    let is_failed = || (failed().state.as_str() == "failed").then(failed);
    let first = app.eventually("the reading fails", is_failed).await;
    let id = shop.id;
    let breaker = app.read(move |conn| account_tokens::load(conn, id)).unwrap().breaker_since;
    assert!(breaker.is_some(), "{first:?}");
    // People are told, and the line stands: whoever asks is answered, by a rule and by hand.
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let said = shop.buyer_says("2200000000778", ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let path = format!("/api/v1/conversations/{}.{}/messages", shop.id, said.conversation);
    seller.post(&path, &json!({"texts": ["稍等"]})).await.is(202);
    app.settled_after(&shop, &said.conversation, 2).await;

    let requests = shop.gateway_requests();
    app.platform().heal();
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    let again = || is_failed().filter(|sync| sync.finished_at > first.finished_at);
    app.eventually("the second fails too", again).await;
    seller.post(&format!("{}/polish", page_of(&shop, ITEM)), &json!({})).await.refused(503, "outcome_unknown");
    assert_eq!(shop.gateway_requests(), requests);

    app.renew_cookie(&shop);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    let done = || (failed().state.as_str() == "done").then_some(());
    app.eventually("with a new cookie it is read", done).await;
}

#[actix_web::test]
async fn a_stop_switch_holds_readings_and_polishes_alike() {
    let (app, shop, seller) = shop_of(1).await;
    read_to_the_end(&app, &shop, &seller).await;
    let admin = app.signed_in("admin").await;
    admin.put("/api/v1/stop-switch", &json!({"on": true})).await.is(200);
    let requests = shop.gateway_requests();
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    seller.post(&format!("{}/polish", page_of(&shop, ITEM)), &json!({})).await.refused(409, "stopped");
    assert_eq!((&progress(&shop, &seller).await["state"], shop.gateway_requests()), (&json!("queued"), requests));
    admin.put("/api/v1/stop-switch", &json!({"on": false})).await.is(200);
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    assert_eq!(read_to_the_end(&app, &shop, &seller).await["state"], "done");

    seller.post(&format!("/api/v1/accounts/{}/pause", shop.id), &json!({})).await.is(200);
    seller.post(&format!("{}/polish", page_of(&shop, ITEM)), &json!({})).await.refused(409, "stopped");
    assert!(shop.polished().is_empty());
}

/// How a reading stands is shown as it goes, to whoever comes back to the page as well.
#[actix_web::test]
async fn the_page_of_items_follows_a_reading_without_a_reload() {
    if !has_chromium() {
        return;
    }
    let (app, shop, seller) = shop_of(3).await;
    read_to_the_end(&app, &shop, &seller).await;
    let admin = app.signed_in("admin").await;
    admin.put("/api/v1/stop-switch", &json!({"on": true})).await.is(200);
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&app.site(), "seller", &format!("/app/items?lang=zh&account={}", shop.id)).await;
    screen.reads("等待账号在线后开始").await;
    screen.eval("window.stayed = true").await;
    admin.put("/api/v1/stop-switch", &json!({"on": false})).await.is(200);
    seller.post(&sync_of(&shop), &json!({})).await.is(202);
    screen.reads("已同步 3 件商品").await;
    assert_eq!(screen.eval("window.stayed").await, true);
    screen.is_in_order().await;
}

#[actix_web::test]
async fn an_item_whose_seller_wants_it_is_polished_once_a_day() {
    let (app, shop, seller) = shop_of(2).await;
    read_to_the_end(&app, &shop, &seller).await;
    let item = seller.patch(&page_of(&shop, ITEM), &json!({"polish": true})).await.is(200).json();
    assert_eq!((&item["polish"], &item["polished_today"]), (&json!(true), &json!(false)));
    let (id, today) = (shop.id, day(clock::unix()));
    let polished = || app.read(move |conn| items::find(conn, id, &ITEM.into())).unwrap().polished_day;
    app.eventually("it is polished", || polished().filter(|day| *day >= today)).await;
    let again = seller.post(&format!("{}/polish", page_of(&shop, ITEM)), &json!({})).await.is(200).json();
    assert_eq!(again["polished_today"], true);
    assert_eq!(shop.polished(), [ItemId::from(ITEM)], "once, and nothing that nobody wanted");
}

#[actix_web::test]
async fn a_polish_by_hand_is_done_or_says_why_not() {
    let (app, shop, seller) = shop_of(2).await;
    read_to_the_end(&app, &shop, &seller).await;
    let polish = |item: &str| format!("{}/polish", page_of(&shop, item));
    app.platform()
        .change_faults(|faults| faults.refuse_polish = Some("UNSUPPORTED_ITEM_STATUS::已下架商品不支持该操作".into()));
    let refused = seller.post(&polish(ITEM), &json!({})).await.refused(409, "platform_refused").json();
    assert_eq!(refused["details"]["problem"], "已下架商品不支持该操作");
    let item = seller.get(&page_of(&shop, ITEM)).await.is(200).json();
    assert_eq!((&item["polish_error"], &item["polished_today"]), (&json!("已下架商品不支持该操作"), &json!(false)));

    app.platform()
        .change_faults(|faults| faults.refuse_polish = Some("IDLEITEM_POLISH_AGAIN::宝贝已经擦亮过了".into()));
    let done = seller.post(&polish("900000000002"), &json!({})).await.is(200).json();
    assert_eq!((&done["polished_today"], &done["polish_error"]), (&json!(true), &Value::Null));
    app.platform().heal();
    let done = seller.post(&polish(ITEM), &json!({})).await.is(200).json();
    assert_eq!((&done["polished_today"], &done["polish_error"]), (&json!(true), &Value::Null));
    assert_eq!(shop.polished(), [ItemId::from(ITEM)]);
    assert_eq!(seller.audit("action=item.polish").await.len(), 2);
}

/// M12: the default reply of an item that the API saves is the one that the engine gives.
#[actix_web::test]
async fn m12_an_items_default_reply_is_given_for_that_item_and_stands_on_its_page() {
    let (app, shop, seller) = shop_of(2).await;
    read_to_the_end(&app, &shop, &seller).await;
    let own = json!({"account_id": shop.id, "item_ids": [ITEM], "actions": [{"text": "这台相机今天发货"}]});
    let reply = seller.post("/api/v1/default-replies", &own).await.is(201).json();
    let rule = json!({"item_ids": [ITEM], "keyword": "快门", "actions": [{"text": "5,000 次"}]});
    let rule = seller.post("/api/v1/keywords", &rule).await.is(201).json();
    app.noticed().await;
    let about = shop.buyer_says("2200000000777", ITEM, "在吗");
    app.answers(&shop, &about.conversation, &["这台相机今天发货"]).await;
    let other = shop.buyer_says("2200000000777", "900000000002", "在吗");
    app.answers(&shop, &other.conversation, &["答:在吗"]).await;
    let item = seller.get(&page_of(&shop, ITEM)).await.is(200).json();
    assert_eq!((&item["default_reply_id"], &item["keyword_ids"]), (&reply["id"], &json!([rule["id"]])));
    let other = seller.get(&page_of(&shop, "900000000002")).await.is(200).json();
    assert_eq!((&other["default_reply_id"], &other["keyword_ids"]), (&Value::Null, &json!([])));
}

#[actix_web::test]
async fn two_people_who_edit_an_item_at_once_do_not_overwrite_each_other() {
    let (app, shop, seller) = shop_of(1).await;
    read_to_the_end(&app, &shop, &seller).await;
    let seen = seller.get(&page_of(&shop, ITEM)).await.is(200);
    let mark = seen.header("etag").unwrap().to_owned();
    seller.patch(&page_of(&shop, ITEM), &json!({"ai_facts": "一"})).await.is(200);
    let late = app.signed_in("seller").await.with("if-match", &mark);
    late.patch(&page_of(&shop, ITEM), &json!({"ai_facts": "二"})).await.refused(412, "changed");
    let refused = seller.patch(&page_of(&shop, ITEM), &json!({"floor_fen": -1})).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "floor_fen");
    assert_eq!(seller.get(&page_of(&shop, ITEM)).await.json()["ai_facts"], "一");
    assert_eq!(seller.audit("action=item.update").await.len(), 1);
}
