//! A day's ways through the panel as people go them, on a phone and on a desk, from nothing to the first answer and on; and all of it with the
//! keyboard alone.

use std::time::{Duration, Instant};

use yutang::sim::NewOrder;

use crate::{
    client::PASSWORD,
    deliveries::{BUYER, ITEM, Till},
    getting_in::{challenged, slider},
    harness::{PATIENCE, TestApp, answered_shop, contains, paused},
    pages::not_set_up,
    panel::Showcase,
    screen::{DESK, PHONE, Screen, has_chromium},
};

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

/// What a person does on a phone, they do on a desk, too.
async fn on_both_sizes(way: impl AsyncFn(&Screen)) {
    if has_chromium() {
        for size in [PHONE, DESK] {
            way(&Screen::new(size).await).await;
        }
    }
}

/// Goes where the menu leads: it stands beside the page on a desk, and below it on a phone, with most of it behind its last line.
async fn by_menu(screen: &Screen, path: &str) {
    screen.until("document.readyState === 'complete' && document.querySelector('nav.menu') !== null").await;
    if screen.eval("document.querySelector('nav.menu').checkVisibility()").await == true {
        screen.click(&format!("nav.menu a[href='{path}']")).await;
    } else if screen.eval(&format!("document.querySelector(\".bottom > a[href='{path}']\") !== null")).await == true {
        screen.click(&format!(".bottom > a[href='{path}']")).await;
    } else {
        screen.click(".bottom .more summary").await;
        screen.click(&format!(".bottom .more a[href='{path}']")).await;
    }
    screen.until(&format!("location.pathname === '{path}' && document.readyState === 'complete'")).await;
}

/// The first page says that an account needs somebody; the menu leads to what is to be done, and a hand does it.
#[actix_web::test]
async fn a_challenge_is_found_by_the_menu_and_passed() {
    on_both_sizes(async |screen| {
        let (app, shop, _) = challenged().await;
        screen.sign_in(&app.site(), "seller", "/app?lang=zh").await;
        screen.reads("我的小店").await;
        by_menu(screen, "/app/challenges").await;
        screen.reads("等待您完成").await;
        screen.click("#challenges a.main").await;
        let (knob, end) = slider(screen).await;
        screen.drag(knob, end).await;
        assert!(shop.await_registered(2, PATIENCE).await, "it connects");
        screen.go(&format!("{}/app/challenges?lang=zh", app.site())).await;
        screen.reads("目前没有需要您完成的验证。").await;
        screen.is_in_order().await;
    })
    .await;
}

/// From nothing to an answer: a rule is made, tried, and answers a buyer who is seen to be answered, live.
#[actix_web::test]
async fn a_rule_is_made_and_tried_and_answers_a_buyer_while_one_looks() {
    on_both_sizes(async |screen| {
        let mut app = TestApp::new();
        let shop = app.open("shop-1");
        app.start().await;
        screen.sign_in(&app.site(), "seller", "/app?lang=zh").await;
        by_menu(screen, "/app/rules").await;
        screen.click("a[href*='/app/rules/new'][href*='keyword']").await;
        screen.write("input[name='keyword'], textarea[name='keyword']", "包邮吗").await;
        screen.write("textarea[name^='actions.0']", "全国包邮").await;
        screen.click("main form button.main").await;
        screen.until("document.querySelector('.said:not(.refused)')").await;

        screen.click("main a[href^='/app/sandbox']").await;
        screen.until("location.pathname === '/app/sandbox'").await;
        screen.write("textarea", "请问包邮吗").await;
        screen.click("main form button.main").await;
        screen.reads("全国包邮").await;
        screen.is_in_order().await;

        by_menu(screen, "/app/chats").await;
        let said = shop.buyer_says(BUYER, ITEM, "包邮吗");
        app.answers(&shop, &said.conversation, &["全国包邮"]).await;
        screen.reads("包邮吗").await;
        screen.click(&format!("a[href*='{}']", said.conversation)).await;
        screen.reads("全国包邮").await;
        screen.reads("已送达").await;
        screen.is_in_order().await;
    })
    .await;
}

/// A person takes a chat over by writing into it, sees for how long, and hands it back; what the buyer says is there without a reload.
#[actix_web::test]
async fn a_person_takes_over_and_hands_back() {
    on_both_sizes(async |screen| {
        let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
        let page = format!("/app/chats/{}.{conversation}?lang=zh", shop.id);
        screen.sign_in(&app.site(), "seller", &page).await;
        screen.write("textarea[name^='texts.0']", "我来回答您").await;
        screen.click("form:has(textarea[name^='texts.0']) button.main").await;
        screen.until("document.querySelector('.thread').innerText.includes('我来回答您')").await;
        screen.until("document.querySelector('.chat-state.on')").await;
        assert_eq!(paused(&app).len(), 1);

        let again = shop.buyer_says(BUYER, ITEM, "在吗在吗");
        app.decided(&shop, &again).await;
        app.answers(&shop, &again.conversation, &["答:在吗", "我来回答您"]).await;
        screen.reads("在吗在吗").await;
        screen.click(".chat-state button").await;
        screen.until("document.querySelector('.chat-state:not(.on)')").await;
        assert_eq!(paused(&app).len(), 0);
        screen.is_in_order().await;
    })
    .await;
}

/// A buyer asks, orders, pays and gets the goods, and whoever looks sees each of it come, up to the record of what was given.
#[actix_web::test]
async fn a_sale_is_watched_from_the_question_to_the_proof() {
    on_both_sizes(async |screen| {
        let mut app = TestApp::new();
        let shop = app.open("shop-1");
        let card = app.pool("会员月卡", &["AAAA-1111"]);
        app.rule(contains("怎么卖", "直接拍，自动发货"));
        app.binds(ITEM, &[card]);
        app.delivers(&shop);
        app.start().await;
        screen.sign_in(&app.site(), "seller", "/app/chats?lang=zh").await;
        shop.buyer_says(BUYER, ITEM, "怎么卖");
        screen.reads("怎么卖").await;

        by_menu(screen, "/app/orders").await;
        screen.reads("还没有订单").await;
        screen.eval("window.stayed = true").await;
        let order = shop.place_order(NewOrder::new(BUYER, ITEM));
        screen.reads(order.as_str()).await;
        assert_eq!(screen.eval("window.stayed").await, true);
        let list = Screen::new(PHONE).await;
        list.sign_in(&app.site(), "seller", "/app/orders?lang=zh").await;
        list.eval("window.stayed = true").await;
        screen.click(&format!("ul.orders a[href$='.{order}']")).await;
        screen.until("document.querySelector('#order-status')").await;
        screen.eval("window.stayed = true").await;
        shop.pay(&order).unwrap();
        for (one, place) in [(screen, "#order-status"), (&list, "ul.orders")] {
            one.until(&format!("document.querySelector('{place}').innerText.includes('已发货')")).await;
            assert_eq!(one.eval("window.stayed").await, true);
        }
        // What may be done about it is in forms, which nothing takes from under a hand.
        screen.until("!document.getElementById('order-news').hidden").await;
        screen.is_in_order().await;

        screen.click("a[href$='/print']").await;
        screen.until("location.pathname.endsWith('/print') && document.readyState === 'complete'").await;
        screen.reads(order.as_str()).await;
        let steps = screen.until("document.querySelectorAll('tbody tr td time').length").await;
        assert!(steps.as_u64() > Some(4), "{steps}");
        screen.is_in_order().await;
    })
    .await;
}

/// Promise 2 in the panel: what is in doubt is decided by a person, who says why.
#[actix_web::test]
async fn a_doubtful_unit_is_decided_on_the_page() {
    on_both_sizes(async |screen| {
        let showcase = Showcase::open("").await;
        screen.sign_in(&showcase.site(), "seller", "/app?lang=zh").await;
        by_menu(screen, "/app/reviews").await;
        screen.reads("无法确认买家是否收到").await;
        // Without a reason nothing is decided, and what was chosen is still chosen.
        screen.click("main input[value='arrived']").await;
        screen.eval("document.querySelector('main form:has(input[value=arrived])').noValidate = true").await;
        screen.click("main form:has(input[value='arrived']) button.main").await;
        screen.until("document.querySelector('main [aria-invalid=true]')").await;
        assert_eq!(screen.eval("document.querySelector(\"main input[value='arrived']\").checked").await, true);
        screen.write("main [name='note']", "买家说收到了").await;
        screen.click("main form:has(input[value='arrived']) button.main").await;
        screen.until("document.querySelector('.said:not(.refused)')").await;
        screen.until("!document.querySelector(\"main input[value='arrived']\")").await;
        let reviews = showcase.app.signed_in("seller").await.get("/api/v1/reviews").await.is(200).json();
        assert_eq!(reviews["total"], 0);
        screen.is_in_order().await;
    })
    .await;
}

/// Who was invited to answer sees the chats of the accounts they were given, and no page on which there are secrets.
#[actix_web::test]
async fn an_operator_answers_and_sees_no_secrets() {
    on_both_sizes(async |screen| {
        let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
        let page = format!("/app/chats/{}.{conversation}?lang=zh", shop.id);
        let site = app.site();
        screen.sign_in(&site, "seller", "/app?lang=zh").await;
        by_menu(screen, "/app/people").await;
        screen.write("#new-person-name", "helper").await;
        screen.write("#new-person-password\\:secret", "correct horse battery").await;
        screen.click(&format!("input[name='accounts:wholes'][value='{}']", shop.id)).await;
        screen.click("form:has(#new-person-name) button.main").await;
        screen.until("document.querySelector('.said:not(.refused)')").await;

        let helper = Screen::new(PHONE).await;
        helper.sign_in(&site, "helper", &page).await;
        helper.write("textarea[name^='texts.0']", "我是客服").await;
        helper.click("form:has(textarea[name^='texts.0']) button.main").await;
        helper.until("document.querySelector('.thread').innerText.includes('我是客服')").await;
        let menu = helper
            .eval("[...document.querySelectorAll('nav.menu, nav.bottom')].map((one) => one.textContent).join()")
            .await;
        for hidden in ["卡券与库存", "自动发货", "设置", "人员", "人工验证"] {
            assert!(!menu.as_str().unwrap().contains(hidden), "{menu}");
        }
        for page in ["/app/cards", "/app/people", "/app/settings", "/app/notices/channels"] {
            helper.go(&format!("{site}{page}")).await;
            helper.reads("没有权限").await;
        }
    })
    .await;
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
