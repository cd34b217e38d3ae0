//! The seller answers by hand: then the machine is quiet, there and only there.

use std::time::Duration;

use yutang::{ids::Timestamp, sim::Answer, store::conversations, telemetry::clock};

use crate::harness::{PATIENCE, Shop, TestApp, echo, paused, two_shops};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn the_sellers_typing_pauses_that_conversation_of_that_account_alone() {
    let (app, shop, second) = two_shops().await;
    let first = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &first.conversation, &["答:在吗"]).await;
    let typed = shop.seller_types(&first.conversation, "我是本人").unwrap();
    assert_eq!(app.decided(&shop, &typed).await.decision.as_deref(), Some("own"));
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "好的"), "seller_took_over").await;
    let rows = paused(&app);
    let [row] = &rows[..] else { panic!("one conversation: {rows:?}") };
    assert_eq!((row.account, &row.conversation), (shop.id, &first.conversation));
    let left = row.paused_until.unwrap().since(clock::unix());
    assert!((Duration::from_secs(540)..=Duration::from_secs(600)).contains(&left), "{left:?}");
    let other = shop.buyer_says(OTHER, ITEM, "在吗");
    app.answers(&shop, &other.conversation, &["答:在吗"]).await;
    let elsewhere = second.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&second, &elsewhere.conversation, &["答:在吗"]).await;
    app.answers(&shop, &first.conversation, &["答:在吗"]).await;
}

/// M10: there, the echo of an own answer could not be told from the seller's typing.
#[actix_web::test]
async fn m10_own_echoes_never_pause_whatever_the_platform_answers() {
    let (app, shop, _) = two_shops().await;
    let modes = [Answer::WithId, Answer::WithoutId, Answer::NoAnswer, Answer::NoAnswerNoEcho, Answer::Lost];
    shop.answer_next(modes);
    let texts: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    let conversation = shop.conversation(BUYER, ITEM);
    for text in &texts {
        shop.buyer_says(BUYER, ITEM, text);
    }
    let expected: Vec<String> = texts.iter().map(|text| format!("答:{text}")).collect();
    app.answers(&shop, &conversation, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(shop.await_acknowledged(PATIENCE).await);
    assert_eq!(paused(&app), []);
    assert_eq!(app.messages(&shop, &conversation).len(), 6, "no echo counts as a message");
}

/// The seller repeats by hand what the machine just said: two of the same text, one of them typed.
#[actix_web::test]
async fn the_same_text_typed_by_the_seller_is_not_taken_for_an_echo() {
    let (app, shop, _) = two_shops().await;
    let first = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &first.conversation, &["答:在吗"]).await;
    assert!(shop.await_acknowledged(PATIENCE).await);
    let typed = shop.seller_types(&first.conversation, "答:在吗").unwrap();
    app.decided(&shop, &typed).await;
    assert_eq!(paused(&app).len(), 1);
}

#[actix_web::test]
async fn a_pause_survives_a_restart() {
    let (mut app, shop, _) = two_shops().await;
    let conversation = shop.conversation(BUYER, ITEM);
    let typed = shop.seller_types(&conversation, "我来").unwrap();
    app.decided(&shop, &typed).await;
    app.restart().await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "在吗"), "seller_took_over").await;
    assert_eq!(shop.seen(&conversation), Vec::<String>::new());
}

#[actix_web::test]
async fn a_pause_that_a_person_ends_is_over_at_once() {
    let (app, shop, _) = two_shops().await;
    let conversation = shop.conversation(BUYER, ITEM);
    let typed = shop.seller_types(&conversation, "我来").unwrap();
    app.decided(&shop, &typed).await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "一"), "seller_took_over").await;
    set_pause(&app, &shop, &conversation, None);
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "二");
    app.answers(&shop, &conversation, &["答:二"]).await;
    set_pause(&app, &shop, &conversation, Some(Timestamp::NEVER));
    app.noticed().await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "三"), "seller_took_over").await;
}

fn set_pause(app: &TestApp, shop: &Shop, conversation: &yutang::ids::ConversationId, until: Option<Timestamp>) {
    let (scope, account, conversation) = (app.scope(), shop.id, conversation.clone());
    assert!(app.write(move |conn| conversations::set_pause_for_person(
        conn,
        &scope,
        account,
        &conversation,
        until,
        clock::unix()
    )));
}

#[actix_web::test]
async fn a_pause_ends_by_itself() {
    let mut app = TestApp::with(|settings| settings.inbox.takeover_pause = Duration::from_millis(1500));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let conversation = shop.conversation(BUYER, ITEM);
    let typed = shop.seller_types(&conversation, "我来").unwrap();
    app.decided(&shop, &typed).await;
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "一"), "seller_took_over").await;
    app.eventually("the pause is over", || paused(&app).is_empty().then_some(())).await;
    shop.buyer_says(BUYER, ITEM, "二");
    app.answers(&shop, &conversation, &["答:二"]).await;
}

#[actix_web::test]
async fn without_a_pause_in_the_settings_the_sellers_typing_changes_nothing() {
    let mut app = TestApp::with(|settings| settings.inbox.takeover_pause = Duration::ZERO);
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let conversation = shop.conversation(BUYER, ITEM);
    let typed = shop.seller_types(&conversation, "我来").unwrap();
    app.decided(&shop, &typed).await;
    shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &conversation, &["答:在吗"]).await;
}
