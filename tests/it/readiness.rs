//! Whether the next order would be delivered, and what is missing.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    account::state::{Reason, State},
    sim::{Gateway, Listing},
};

use crate::{
    client::Api,
    deliveries::{ITEM, Till},
    harness::{Shop, TestApp},
};

/// A shop that sells two colours of something and another thing, and has read its list.
async fn shop() -> (TestApp, Shop, Api) {
    let mut app = TestApp::with(|settings| settings.items.sync_every = Duration::from_secs(6 * 3600));
    let shop = app.open("a");
    let specs = vec![("黑".into(), 12_300, 5), ("白".into(), 12_300, 5)];
    shop.sell(Listing { specs, ..Listing::new(ITEM, "会员月卡") });
    shop.sell(Listing::new("900000000002", "相机"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let scope = app.scope();
    let id = shop.id;
    app.eventually("the list is read", || {
        let left = app.read(move |conn| {
            let sync = yutang::store::item_syncs::get(conn, &scope, id)?;
            Ok((sync.state.as_str() == "done", yutang::store::items::count_without_detail(conn, &scope, id)?))
        });
        (left == (true, 0)).then_some(())
    })
    .await;
    assert_eq!(seller.get("/api/v1/readiness").await.is(200).json()["total"], 2);
    (app, shop, seller)
}

async fn of(seller: &Api, item: &str) -> Value {
    seller.get(&format!("/api/v1/readiness?item={item}")).await.is(200).json()["items"][0].clone()
}

fn codes(lacks: &Value) -> Vec<&str> {
    lacks.as_array().unwrap().iter().map(|lack| lack["code"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn what_is_missing_is_named_until_nothing_is() {
    let (app, shop, seller) = shop().await;
    let item = of(&seller, ITEM).await;
    assert_eq!((&item["verdict"], codes(&item["lacks"])), (&json!("off"), vec!["delivery_off"]));
    app.delivers(&shop);
    let item = of(&seller, ITEM).await;
    assert_eq!((&item["verdict"], codes(&item["lacks"])), (&json!("not_ready"), vec![]));
    assert_eq!(item["variants"].as_array().map(Vec::len), Some(2), "{item}");
    assert_eq!(codes(&item["variants"][0]["lacks"]), ["no_rule"]);

    let card = app.pool("会员码", &[]);
    let rule = json!({"item_id": ITEM, "spec": ["黑"], "cards": [card]});
    let rule = seller.post("/api/v1/delivery-rules", &rule).await.is(201).json();
    let item = of(&seller, ITEM).await;
    let lacks = |variant: usize| codes(&item["variants"][variant]["lacks"]);
    assert_eq!((lacks(0), lacks(1)), (vec!["out_of_stock"], vec!["no_spec"]));
    assert_eq!(item["variants"][0]["lacks"][0]["card_name"], "会员码");
    assert_eq!(item["variants"][0]["lacks"][0]["text"], "There is not enough in stock.");
    assert_eq!(item["variants"][0]["spec"], json!([{"name": "颜色", "value": "黑"}]));

    app.stock(card, &["a", "b", "c"]);
    seller.patch(&format!("/api/v1/delivery-rules/{}", rule["id"]), &json!({"spec": null})).await.is(200);
    let item = of(&seller, ITEM).await;
    assert_eq!((&item["verdict"], &item["variants"][1]["orders_left"]), (&json!("ready"), &json!(3)), "{item}");
    assert_eq!(item["variants"][1]["rule_id"], rule["id"]);
    for (query, total) in [
        ("verdict=ready", 1),
        ("verdict=not_ready", 1),
        ("verdict=off", 0),
        (&*format!("account={}&per_page=1", shop.id), 2),
        ("verdict=ready&page=2", 1),
    ] {
        let page = seller.get(&format!("/api/v1/readiness?{query}")).await.is(200).json();
        assert_eq!(page["total"], total, "{query}");
    }
}

#[actix_web::test]
async fn what_keeps_the_account_from_delivering_is_named() {
    let (app, shop, seller) = shop().await;
    app.delivers(&shop);
    let card = app.pool("会员码", &["a"]);
    app.binds(ITEM, &[card]);
    seller.put("/api/v1/stop-switch", &json!({"on": true})).await.is(403);
    let admin = app.signed_in("admin").await;
    admin.put("/api/v1/stop-switch", &json!({"on": true})).await.is(200);
    let item = of(&seller, ITEM).await;
    assert_eq!((&item["verdict"], codes(&item["lacks"])), (&json!("not_ready"), vec!["stopped"]));
    admin.put("/api/v1/stop-switch", &json!({"on": false})).await.is(200);
    assert_eq!(of(&seller, ITEM).await["verdict"], "ready");
    // Its line stands, and every call is refused.
    app.platform().change_faults(|faults| faults.gateway = Gateway::Punish);
    seller.post(&format!("/api/v1/accounts/{}/items/sync", shop.id), &json!({})).await.is(202);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let item = of(&seller, ITEM).await;
    assert_eq!((&item["verdict"], codes(&item["lacks"])), (&json!("not_ready"), vec!["needs_person"]));
    seller.post(&format!("/api/v1/accounts/{}/disable", shop.id), &json!({})).await.is(200);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    let item = of(&seller, ITEM).await;
    assert_eq!((&item["verdict"], codes(&item["lacks"])), (&json!("off"), vec!["account_off"]));
}
