//! Sends under limits and across broken lines.

use std::time::Duration;

use yutang::{outbox::entry::State as SendState, sim::Answer};

use crate::harness::{PATIENCE, TestApp, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

/// M19: there, nothing limited how fast an account wrote.
#[actix_web::test]
async fn m19_sends_of_an_account_are_spaced_and_keep_their_order() {
    let mut app = TestApp::with(|settings| (settings.outbox.rate, settings.outbox.burst) = (5, 1));
    let (shop, second) = (app.open("shop"), app.open("second"));
    app.rule(echo());
    app.start().await;
    for text in ["一", "二", "三"] {
        shop.buyer_says(BUYER, ITEM, text);
        shop.buyer_says(OTHER, ITEM, text);
        second.buyer_says(BUYER, ITEM, text);
    }
    for (shop, buyer) in [(&shop, BUYER), (&shop, OTHER), (&second, BUYER)] {
        app.answers(shop, &shop.conversation(buyer, ITEM), &["答:一", "答:二", "答:三"]).await;
    }
    let mut times: Vec<_> = shop.received_everywhere().iter().map(|delivery| delivery.created_at).collect();
    times.sort_unstable();
    // Six sends, five spaces of 200 ms; the way to the platform may shorten a single one.
    assert!(times[5] - times[0] >= 5 * 200 - 100, "{times:?}");
}

#[actix_web::test]
async fn a_burst_goes_out_at_once() {
    let mut app = TestApp::with(|settings| (settings.outbox.rate, settings.outbox.burst) = (1, 4));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let start = std::time::Instant::now();
    for text in ["一", "二", "三", "四", "五"] {
        shop.buyer_says(BUYER, ITEM, text);
    }
    let conversation = shop.conversation(BUYER, ITEM);
    shop.await_delivered(&conversation, 5, PATIENCE).await;
    assert!(start.elapsed() >= Duration::from_millis(900), "the fifth waits for its second");
    app.answers(&shop, &conversation, &["答:一", "答:二", "答:三", "答:四", "答:五"]).await;
    let times: Vec<_> = shop.received(&conversation).iter().map(|delivery| delivery.created_at).collect();
    assert!(times[4] - times[3] > times[3] - times[0], "{times:?}");
}

#[actix_web::test]
async fn order_in_a_conversation_is_kept_across_reconnects() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let conversation = shop.conversation(BUYER, ITEM);
    let texts: Vec<String> = (0..30).map(|number| format!("{number:02}")).collect();
    for (number, text) in texts.iter().enumerate() {
        shop.buyer_says(BUYER, ITEM, text);
        if number % 10 == 9 {
            let registrations = shop.lock().registrations;
            shop.await_delivered(&conversation, number / 2, PATIENCE).await;
            shop.reset();
            assert!(shop.await_registered(registrations + 1, PATIENCE).await);
        }
    }
    let expected: Vec<String> = texts.iter().map(|text| format!("答:{text}")).collect();
    app.answers(&shop, &conversation, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

/// A send that left and was not answered when the line broke: the history tells that it arrived.
#[actix_web::test]
async fn a_send_in_the_air_when_the_line_breaks_is_not_sent_twice() {
    let mut app = TestApp::with(|settings| settings.outbox.answer_wait = Duration::from_secs(60));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    shop.answer_next([Answer::NoAnswerNoEcho]);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    shop.await_delivered(&said.conversation, 1, PATIENCE).await;
    shop.reset();
    assert!(shop.await_registered(2, PATIENCE).await);
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    assert_eq!(app.sends(&shop, &said.conversation)[0].attempts, 1);
}

#[actix_web::test]
async fn a_send_in_the_air_at_a_restart_is_settled_by_the_history() {
    let mut app = TestApp::with(|settings| {
        settings.outbox.answer_wait = Duration::from_secs(60);
        settings.server.shutdown = Duration::from_millis(400);
    });
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    shop.answer_next([Answer::NoAnswerNoEcho, Answer::Lost]);
    let seen = shop.buyer_says(BUYER, ITEM, "一");
    shop.await_delivered(&seen.conversation, 1, PATIENCE).await;
    let lost = shop.buyer_says(OTHER, ITEM, "二");
    let flying = || app.sends(&shop, &lost.conversation).pop().filter(|send| send.state == SendState::Sent);
    app.eventually("the other answer is on the wire", flying).await;
    app.restart().await;
    app.answers(&shop, &seen.conversation, &["答:一"]).await;
    app.answers(&shop, &lost.conversation, &["答:二"]).await;
    let attempts = [&seen, &lost].map(|said| app.sends(&shop, &said.conversation)[0].attempts);
    assert_eq!(attempts, [1, 2]);
}

#[actix_web::test]
async fn the_reason_of_a_rejection_is_stored_and_the_lane_goes_on() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    shop.answer_next([Answer::Forbid]);
    let said = shop.buyer_says(BUYER, ITEM, "加我微信");
    shop.buyer_says(BUYER, ITEM, "在吗");
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
    let sends = app.sends(&shop, &said.conversation);
    assert_eq!(sends[0].state, SendState::Rejected);
    assert!(sends[0].reason.as_deref().unwrap().contains("安全拦截"));
    let body = yutang::outbox::entry::Body::Text { text: "答:加我微信".into() };
    assert_eq!(sends[0].body, body, "its text is kept");
    assert_eq!(shop.lock().registrations, 1, "a business error costs no connection");
}

#[actix_web::test]
async fn an_answer_that_comes_too_late_is_not_sent() {
    let mut app = TestApp::with(|settings| settings.outbox.expire_after = Duration::from_millis(300));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let first = shop.buyer_says(OTHER, ITEM, "一");
    app.answers(&shop, &first.conversation, &["答:一"]).await;
    app.write(|conn| yutang::store::facts::set_stop_switch(conn, true));
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    let expired = || app.sends(&shop, &said.conversation).pop().filter(|send| send.state == SendState::Expired);
    let send = app.eventually("the answer expires", expired).await;
    assert_eq!((send.attempts, send.message), (0, None));
    assert!(send.reason.is_some());
    assert_eq!(shop.seen(&said.conversation), Vec::<String>::new());
}
