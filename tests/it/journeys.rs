//! Ways through the panel as people go them: from nothing to the first answer, by the menu, with the keyboard alone, and in two tabs at once.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    client::PASSWORD,
    deliveries::{BUYER, ITEM, Till},
    getting_in::{challenged, slider},
    harness::{PATIENCE, TestApp, contains},
    pages::not_set_up,
    panel::Showcase,
    screen::{Screen, has_chromium},
};

const DESK: (u32, u32) = (1440, 900);
const PHONE: (u32, u32) = (390, 844);

/// A person takes so long at most, from the link that the server printed to the first answer that a buyer gets by itself.
const SOON: Duration = Duration::from_secs(120);

/// The administrator, an account by a code, a rule and a trial of it: then a buyer asks, and is answered.
async fn from_nothing_to_the_first_answer(size: (u32, u32)) {
    let begun = Instant::now();
    let (shop, server, token) = not_set_up();
    let platform = shop.sim.platform();
    let seller = platform.add_account("shop");
    let screen = Screen::new(size).await;
    screen.answer_with_a_picture("https://img.alicdn.com/").await;
    screen.go(&format!("http://{}/setup?token={token}&lang=zh", server.address())).await;
    screen.write("#username", "root").await;
    screen.write("#password", PASSWORD).await;
    screen.write("#repeat", PASSWORD).await;
    screen.click("form button").await;

    screen.until("location.pathname === '/app/welcome'").await;
    screen.click("a.main[href^='/app/accounts/new']").await;
    screen.click("#show-code").await;
    screen.reads("请打开手机上的闲鱼").await;
    let code = platform.newest_code().unwrap();
    platform.scan(&code, &seller).unwrap();
    platform.confirm(&code, &seller).unwrap();
    screen.reads("账号已添加").await;
    screen.is_in_order().await;
    screen.click("#onward").await;

    screen.until("location.pathname === '/app/welcome' && document.querySelector('.way') !== null").await;
    screen.click("a[href='/app/welcome?step=rule']").await;
    screen.click("form[action$='/keywords'] button.main").await;
    screen.until("location.search.includes('step=trial')").await;
    screen.write("#trial-say", "在吗").await;
    screen.click("form[method='get'] button.main").await;
    screen.reads("在的，看中可以直接拍下。").await;
    screen.is_in_order().await;

    assert!(seller.await_registered(1, PATIENCE).await, "the account is connected");
    let said = seller.buyer_says(BUYER, ITEM, "在吗");
    let heard = seller.await_delivered(&said.conversation, 1, PATIENCE).await;
    assert_eq!(heard.iter().map(|heard| heard.text()).collect::<Vec<_>>(), ["在的，看中可以直接拍下。"]);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[actix_web::test]
async fn from_nothing_to_the_first_answer_on_a_phone() {
    if has_chromium() {
        from_nothing_to_the_first_answer(PHONE).await;
    }
}

#[actix_web::test]
async fn from_nothing_to_the_first_answer_on_a_desk() {
    if has_chromium() {
        from_nothing_to_the_first_answer(DESK).await;
    }
}

/// The first page says that an account needs somebody; the menu leads to what is to be done, and a hand does it.
#[actix_web::test]
async fn a_challenge_is_found_by_the_menu_and_passed() {
    if !has_chromium() {
        return;
    }
    let (app, shop, _) = challenged().await;
    let screen = Screen::new(DESK).await;
    screen.sign_in(&app.site(), "seller", "/app?lang=zh").await;
    screen.reads("我的小店").await;
    screen.click("nav.menu a[href='/app/challenges']").await;
    screen.reads("等待您完成").await;
    screen.click("#challenges a.main").await;
    let (knob, end) = slider(&screen).await;
    screen.drag(knob, end).await;
    assert!(shop.await_registered(2, PATIENCE).await, "it connects");
    screen.go(&format!("{}/app/challenges?lang=zh", app.site())).await;
    screen.reads("目前没有需要您完成的验证。").await;
    screen.is_in_order().await;
}

/// What is done in one tab is seen in the other, without a reload.
#[actix_web::test]
async fn two_tabs_agree() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.rule(contains("在吗", "在的"));
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    let chat = format!("/app/chats/{}.{}?lang=zh", shop.id, said.conversation);
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
    let (one, other) = (Screen::new(DESK).await, Screen::new(DESK).await);
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

/// What a hand on the mouse could use, but for what is closed or switched off; of choices that exclude each other, one.
const REACHABLE: &str = r#"
(() => {
    window.reached = new Set();
    document.addEventListener("focusin", ({ target }) => {
        window.reached.add(target);
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(target);
        const isSeen = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
        const within = getComputedStyle(target.parentElement);
        if (!isSeen && within.outlineStyle === "none" && within.boxShadow === "none") {
            window.unseen.push(target.outerHTML.slice(0, 120));
        }
    });
    window.unseen = [];
    window.wanted = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
        .filter((part) => !part.disabled && part.tabIndex >= 0 && part.checkVisibility({ visibilityProperty: true }) && !part.closest("dialog:not([open])"));
    return window.wanted.length;
})()"#;

const MISSED: &str = r#"
window.wanted
    .filter((part) => part.isConnected && part.checkVisibility() && !window.reached.has(part))
    .filter((part) => part.type !== "radio" || ![...window.reached].some((other) => other.name === part.name))
    .map((part) => part.outerHTML.slice(0, 120))"#;

/// Tab leads to everything on every page, and one sees where one is.
#[actix_web::test]
async fn every_page_is_used_by_keyboard_alone() {
    if !has_chromium() {
        return;
    }
    let showcase = Showcase::open("").await;
    let screen = Screen::new(DESK).await;
    screen.sign_in(&showcase.site(), "seller", "/app?lang=zh").await;
    let mut wrong = Vec::new();
    for page in showcase.seller_pages() {
        let joint = if page.contains('?') { '&' } else { '?' };
        screen.go(&format!("{}{page}{joint}lang=zh", showcase.site())).await;
        let count = screen.eval(REACHABLE).await.as_u64().unwrap();
        for _ in 0..count + 10 {
            screen.press("Tab").await;
        }
        for (what, found) in
            [("not reached", screen.eval(MISSED).await), ("not seen", screen.eval("window.unseen").await)]
        {
            let found = found.as_array().unwrap().clone();
            wrong.extend(found.into_iter().map(|part| format!("{page}: {what}: {part}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
