//! Several tabs at once, and one that loses its server.

use serde_json::json;

use crate::{
    deliveries::{BUYER, ITEM, Till},
    harness::{TestApp, answered_shop},
    screen::{DESK, PHONE, Screen, has_chromium},
};

/// What is done in one tab is seen in the other, without a reload.
#[actix_web::test]
async fn two_tabs_agree() {
    if !has_chromium() {
        return;
    }
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let chat = format!("/app/chats/{}.{conversation}?lang=zh", shop.id);
    let (one, other) = (Screen::new(DESK).await, Screen::new(PHONE).await);
    one.sign_in(&app.site(), "seller", &chat).await;
    other.sign_in(&app.site(), "seller", &chat).await;
    other.until("document.querySelector('.chat-state:not(.on)') !== null").await;
    other.eval("window.stayed = true").await;
    one.write("textarea[name^='texts.0']", "我来回答您").await;
    one.click("form:has(textarea[name^='texts.0']) button.main").await;
    other.until("document.querySelector('.chat-state.on') !== null").await;
    other.reads("我来回答您").await;
    other.click(".chat-state button").await;
    one.until("document.querySelector('.chat-state:not(.on)') !== null").await;
    assert_eq!(other.eval("window.stayed").await, true);
    one.is_in_order().await;
    other.is_in_order().await;
}

/// A form that was overtaken in another tab is refused in words, what was typed stays, and sent once more it counts.
#[actix_web::test]
async fn a_form_that_another_tab_overtook_is_refused_and_keeps_what_was_typed() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.start().await;
    let page = format!("/app/cards/{card}?lang=zh");
    let name = "form[action$='/cards/1'] input[name='name']".replace("/1'", &format!("/{card}'"));
    let submit = format!("form:has({name}) button.main", name = "input[name='name']");
    let (one, other) = (Screen::new(DESK).await, Screen::new(PHONE).await);
    for screen in [&one, &other] {
        screen.sign_in(&app.site(), "seller", &page).await;
        screen.until(&format!("document.querySelector({}) !== null", json!(name))).await;
    }
    let retype = async |screen: &Screen, text: &str| {
        screen.eval(&format!("document.querySelector({}).value = ''", json!(name))).await;
        screen.write(&name, text).await;
        screen.click(&submit).await;
    };
    retype(&one, "月卡").await;
    one.until("document.querySelector('.said:not(.refused)') !== null").await;
    retype(&other, "年卡").await;
    other.until("document.querySelector('.said.refused') !== null").await;
    assert_eq!(other.eval(&format!("document.querySelector({}).value", json!(name))).await, "年卡");
    let stored =
        async || app.signed_in("seller").await.get(&format!("/api/v1/cards/{card}")).await.json()["name"].clone();
    assert_eq!(stored().await, "月卡");
    other.click(&submit).await;
    other.until("document.querySelector('.said:not(.refused)') !== null").await;
    assert_eq!(stored().await, "年卡");
    other.is_in_order().await;
}

/// A server that is away is told, and that it is back, without a reload; what came meanwhile is there.
#[actix_web::test]
async fn a_lost_server_is_told_and_comes_back() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::with(|settings| settings.server.listen = ([127, 0, 0, 1], free_port()).into());
    let shop = app.open("shop-1");
    app.start().await;
    let screen = Screen::new(DESK).await;
    screen.sign_in(&app.site(), "seller", "/app/chats?lang=zh").await;
    screen.until("document.querySelector('main')").await;
    screen.eval("window.stayed = true").await;
    app.stop().await;
    screen.reads("与服务器的连接已断开").await;
    app.start().await;
    screen.reads("连接已恢复").await;
    let said = shop.buyer_says(BUYER, ITEM, "还在吗");
    app.decided(&shop, &said).await;
    screen.reads("还在吗").await;
    assert_eq!(screen.eval("window.stayed").await, true);
}

/// Free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_or(0, |address| address.port())
}
