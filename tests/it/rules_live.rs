//! What a person changes while the server runs: rules, blocks, the stop switch.

use yutang::{
    ids::Timestamp,
    outbox::entry::State as SendState,
    reply::rule::{Matching, RuleBody},
    store::{
        accounts,
        audit::Actor,
        blocked_buyers::{self, Blocked},
        facts, rules,
    },
};

use crate::harness::{PATIENCE, Shop, TestApp, contains, default_reply, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

async fn running(rules: Vec<RuleBody>) -> (TestApp, Shop, Shop) {
    let mut app = TestApp::new();
    let (shop, second) = (app.open("shop"), app.open("second"));
    app.rules(rules);
    app.start().await;
    (app, shop, second)
}

#[actix_web::test]
async fn a_changed_rule_is_used_without_a_restart() {
    let (app, shop, _) = running(vec![contains("价", "一百")]).await;
    let conversation = shop.buyer_says(BUYER, ITEM, "价?").conversation;
    app.answers(&shop, &conversation, &["一百"]).await;
    app.rule(contains("价", "九十"));
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "价?");
    app.answers(&shop, &conversation, &["一百", "九十"]).await;
    assert_eq!(shop.lock().registrations, 1, "nothing was connected anew for it");
}

#[actix_web::test]
async fn rules_come_and_go_and_are_switched_off_while_the_server_runs() {
    let (app, shop, second) = running(vec![default_reply("稍等")]).await;
    let conversation = shop.buyer_says(BUYER, ITEM, "价?").conversation;
    app.answers(&shop, &conversation, &["稍等"]).await;
    let rule = RuleBody { account: Some(shop.id), ..contains("价", "一百") };
    app.rule(rule.clone());
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "价?");
    app.answers(&shop, &conversation, &["稍等", "一百"]).await;
    let elsewhere = second.buyer_says(BUYER, ITEM, "价?");
    app.answers(&second, &elsewhere.conversation, &["稍等"]).await;
    let scope = app.scope();
    let id = app.read(move |conn| rules::find_id(conn, &scope, &rule)).unwrap();
    app.write(move |conn| rules::set_enabled(conn, &scope, id, false, &Actor::system(), Timestamp(2))).unwrap();
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "价?");
    app.answers(&shop, &conversation, &["稍等", "一百", "稍等"]).await;
    app.write(move |conn| rules::set_enabled(conn, &scope, id, true, &Actor::system(), Timestamp(3))).unwrap();
    app.noticed().await;
    app.write(move |conn| rules::delete(conn, &scope, id, &Actor::system(), Timestamp(4))).unwrap();
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "价?");
    app.answers(&shop, &conversation, &["稍等", "一百", "稍等", "稍等"]).await;
}

#[actix_web::test]
async fn a_rule_that_cannot_work_leaves_the_others_at_work() {
    let (app, shop, _) = running(vec![contains("价", "一百")]).await;
    app.rule(RuleBody { matching: Matching::Regex, ..contains("(", "坏") });
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "价?(");
    app.answers(&shop, &said.conversation, &["一百"]).await;
}

#[actix_web::test]
async fn a_buyer_is_blocked_and_unblocked_while_the_server_runs() {
    let (app, shop, _) = running(vec![echo()]).await;
    let scope = app.scope();
    let blocked = Blocked { account: None, buyer: BUYER.into(), note: String::new(), created_at: Timestamp(1) };
    assert!(app.write(move |conn| blocked_buyers::insert(conn, &scope, &blocked)));
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "一");
    app.is_silent(&shop, &said, "blocked").await;
    assert!(app.write(move |conn| blocked_buyers::remove(conn, &scope, None, &BUYER.into())).is_some());
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "二");
    app.answers(&shop, &said.conversation, &["答:二"]).await;
}

/// What a switch holds is decided and stored, never on the wire; the connection stays.
async fn holds(app: &TestApp, shop: &Shop, switch: impl Fn(bool)) {
    switch(true);
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.decided(shop, &said).await;
    let queued = || app.sends(shop, &said.conversation).pop();
    let send = app.eventually("the answer is stored", queued).await;
    assert_eq!((send.state, send.attempts), (SendState::Queued, 0));
    app.noticed().await;
    assert_eq!(shop.seen(&said.conversation), Vec::<String>::new());
    assert_eq!((shop.connections(), shop.lock().registrations), (1, 1));
    switch(false);
    app.answers(shop, &said.conversation, &["答:在吗"]).await;
}

#[actix_web::test]
async fn the_stop_switch_of_everything_holds_answers_and_releases_them() {
    let (app, shop, _) = running(vec![echo()]).await;
    holds(&app, &shop, |on| app.write(move |conn| facts::set_stop_switch(conn, on))).await;
}

#[actix_web::test]
async fn the_stop_switch_of_one_account_leaves_the_others_alone() {
    let (app, shop, second) = running(vec![echo()]).await;
    let (scope, id) = (app.scope(), shop.id);
    let switch = |on: bool| {
        assert!(app.write(move |conn| accounts::set_stopped(conn, &scope, id, on, Timestamp(2))));
    };
    switch(true);
    app.noticed().await;
    let elsewhere = second.buyer_says(OTHER, ITEM, "在吗");
    app.answers(&second, &elsewhere.conversation, &["答:在吗"]).await;
    holds(&app, &shop, switch).await;
}

#[actix_web::test]
async fn a_stop_switch_is_still_on_after_a_restart() {
    let (mut app, shop, _) = running(vec![echo()]).await;
    app.write(|conn| facts::set_stop_switch(conn, true));
    app.restart().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.decided(&shop, &said).await;
    app.restart().await;
    app.noticed().await;
    assert_eq!(shop.seen(&said.conversation), Vec::<String>::new());
    app.write(|conn| facts::set_stop_switch(conn, false));
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    assert!(shop.await_acknowledged(PATIENCE).await);
}
