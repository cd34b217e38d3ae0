//! What was missed while the line or the server was down comes from the history: none lost, none answered twice.

use std::time::Duration;

use yutang::store::{chat_messages::Source, conversations};

use crate::harness::{PATIENCE, Shop, TestApp, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

/// A running server, on a platform that sends nothing again by itself; one buyer is answered already.
async fn running() -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.platform().change_faults(|faults| faults.no_replay = true);
    app.start().await;
    let first = shop.buyer_says(BUYER, ITEM, "零");
    app.answers(&shop, &first.conversation, &["答:零"]).await;
    (app, shop)
}

/// Breaks the line and does this before the next one.
async fn while_offline(app: &TestApp, shop: &Shop, then: impl FnOnce()) {
    let registrations = shop.lock().registrations;
    app.platform().change_account_faults(shop, |faults| faults.refuse_upgrade = true);
    shop.reset();
    assert!(shop.await_offline(PATIENCE).await);
    then();
    app.platform().change_account_faults(shop, |faults| faults.refuse_upgrade = false);
    assert!(shop.await_registered(registrations + 1, PATIENCE).await);
}

#[actix_web::test]
async fn what_was_said_while_the_line_was_down_is_answered_once() {
    let (app, shop) = running().await;
    while_offline(&app, &shop, || {
        for text in ["一", "二"] {
            shop.buyer_says_unseen(BUYER, ITEM, text);
            shop.buyer_says_unseen(OTHER, ITEM, text);
        }
    })
    .await;
    let (first, second) = (shop.conversation(BUYER, ITEM), shop.conversation(OTHER, ITEM));
    app.answers(&shop, &first, &["答:零", "答:一", "答:二"]).await;
    app.answers(&shop, &second, &["答:一", "答:二"]).await;
    assert_eq!(app.messages(&shop, &second).iter().filter(|row| row.source == Source::History).count(), 2);
    // Our own answers in the history are not taken for the seller's typing, and a second search answers nothing again.
    while_offline(&app, &shop, || drop(shop.buyer_says_unseen(BUYER, ITEM, "三"))).await;
    app.answers(&shop, &first, &["答:零", "答:一", "答:二", "答:三"]).await;
    shop.buyer_says(OTHER, ITEM, "四");
    app.answers(&shop, &second, &["答:一", "答:二", "答:四"]).await;
}

/// M5: there, everything that was said while the program was down was skipped.
#[actix_web::test]
async fn m5_what_was_said_while_the_server_was_down_is_answered_after_its_start() {
    let (mut app, shop) = running().await;
    app.stop().await;
    shop.buyer_says(BUYER, ITEM, "一");
    shop.buyer_says(OTHER, ITEM, "二");
    app.start().await;
    app.answers(&shop, &shop.conversation(BUYER, ITEM), &["答:零", "答:一"]).await;
    app.answers(&shop, &shop.conversation(OTHER, ITEM), &["答:二"]).await;
}

/// The platform sends the same again by its cursor and has it in the history too.
#[actix_web::test]
async fn what_comes_again_and_is_in_the_history_is_answered_once() {
    let (mut app, shop) = running().await;
    app.platform().heal();
    app.stop().await;
    let said = shop.buyer_says(BUYER, ITEM, "一");
    app.start().await;
    shop.await_delivered(&said.conversation, 2, PATIENCE).await;
    shop.buyer_says(BUYER, ITEM, "二");
    app.answers(&shop, &said.conversation, &["答:零", "答:一", "答:二"]).await;
    assert!(shop.await_acknowledged(PATIENCE).await);
}

#[actix_web::test]
async fn a_long_absence_is_read_page_by_page() {
    let (app, shop) = running().await;
    let texts: Vec<String> = (0..45).map(|number| format!("{number:02}")).collect();
    let buyers: Vec<String> = (0..45).map(|number| format!("22000000003{number:02}")).collect();
    while_offline(&app, &shop, || {
        texts.iter().for_each(|text| drop(shop.buyer_says_unseen(BUYER, ITEM, text)));
        buyers.iter().for_each(|buyer| drop(shop.buyer_says_unseen(buyer, ITEM, "在吗")));
    })
    .await;
    let expected: Vec<String> = ["零".to_owned()].iter().chain(&texts).map(|text| format!("答:{text}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    app.answers(&shop, &shop.conversation(BUYER, ITEM), &expected).await;
    for buyer in &buyers {
        app.answers(&shop, &shop.conversation(buyer, ITEM), &["答:在吗"]).await;
    }
}

#[actix_web::test]
async fn under_flow_control_the_search_waits_and_goes_on() {
    let (app, shop) = running().await;
    while_offline(&app, &shop, || {
        shop.buyer_says_unseen(BUYER, ITEM, "一");
        app.platform().change_faults(|faults| faults.too_fast = true);
    })
    .await;
    // Answered after the search was refused: its question left with the registration.
    let pushed = shop.buyer_says(OTHER, ITEM, "在吗");
    app.answers(&shop, &pushed.conversation, &["答:在吗"]).await;
    let missed = shop.conversation(BUYER, ITEM);
    assert_eq!(shop.seen(&missed), ["答:零"]);
    app.platform().change_faults(|faults| faults.too_fast = false);
    app.answers(&shop, &missed, &["答:零", "答:一"]).await;
}

#[actix_web::test]
async fn a_pointer_is_followed_into_the_history() {
    let (app, shop) = running().await;
    let said = shop.buyer_says_by_pointer(BUYER, ITEM, "一");
    app.answers(&shop, &said.conversation, &["答:零", "答:一"]).await;
    assert_eq!(app.decided(&shop, &said).await.source, Source::History);
    let other = shop.buyer_says_by_pointer(OTHER, ITEM, "二");
    app.answers(&shop, &other.conversation, &["答:二"]).await;
    assert!(shop.await_acknowledged(PATIENCE).await);
}

#[actix_web::test]
async fn what_the_seller_answered_by_phone_meanwhile_is_left_alone() {
    let (app, shop) = running().await;
    let (answered, open) = (shop.conversation(BUYER, ITEM), shop.conversation(OTHER, ITEM));
    let mut said = None;
    while_offline(&app, &shop, || {
        said = Some(shop.buyer_says(BUYER, ITEM, "一"));
        shop.seller_types(&answered, "我答过了").unwrap();
        shop.peer_says(&open, "二").unwrap();
    })
    .await;
    app.is_silent(&shop, &said.unwrap(), "seller_answered").await;
    app.answers(&shop, &open, &["答:二"]).await;
    app.answers(&shop, &answered, &["答:零"]).await;
    let scope = app.scope();
    let now = yutang::telemetry::clock::unix();
    let paused = app.read(move |conn| conversations::list_paused_for_person(conn, &scope, now));
    assert_eq!(paused.iter().map(|row| &row.conversation).collect::<Vec<_>>(), [&answered]);
}

#[actix_web::test]
async fn what_is_found_too_late_goes_to_a_person() {
    let mut app = TestApp::with(|settings| settings.inbox.age_limit = Duration::from_secs(30));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let first = shop.buyer_says(BUYER, ITEM, "零");
    app.answers(&shop, &first.conversation, &["答:零"]).await;
    let mut said = None;
    while_offline(&app, &shop, || said = Some(shop.buyer_said(OTHER, ITEM, "半天前", Duration::from_secs(60)))).await;
    assert!(app.is_silent(&shop, &said.unwrap(), "too_old").await.needs_person);
}
