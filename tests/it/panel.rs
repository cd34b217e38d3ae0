//! The panel in a real browser: every page in both languages, on every screen, in both looks. What is on the pages came to be as it does
//! in a shop: buyers wrote, ordered and paid.

use std::env;

use awc::http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use yutang::{
    access::role::Role,
    delivery::review::Reason,
    ids::{AccountId, ChallengeId, Timestamp},
    order::status::Status,
    sim::{Answer, NewOrder},
    store::challenges,
    telemetry::clock,
};

use crate::{
    client::Api,
    deliveries::{BUYER, ITEM, Till},
    forms::{MULTIPART, multipart},
    harness::{LOOK, PATIENCE, Shop, TestApp, contains},
    pictures::png,
    screen::{PHONE, Screen, has_chromium},
};

const AXE: &str = include_str!("../fixtures/axe-core/axe.min.js");

/// What nobody's name, message, title or code may do to a page.
pub(crate) const NASTY: &str =
    "<script>window.hurt=1</script><img src=x onerror=\"window.hurt=1\">\u{202e}evil\u{200b}'\"`{{7*7}}😀";

/// Pages of which there is one.
pub(crate) const PAGES: &[&str] = &[
    "/app",
    "/app/welcome",
    "/app/welcome?step=account",
    "/app/welcome?step=rule",
    "/app/welcome?step=trial&say=%E5%9C%A8%E5%90%97",
    "/app/welcome?step=channel",
    "/app/welcome?step=end",
    "/app/chats",
    "/app/phrases",
    "/app/orders",
    "/app/sales",
    "/app/reviews",
    "/app/accounts",
    "/app/accounts/new",
    "/app/items",
    "/app/rules",
    "/app/rules?tab=versions",
    "/app/rules/new",
    "/app/rules/new?kind=default",
    "/app/rules/new?kind=event",
    "/app/sandbox",
    "/app/ai",
    "/app/ai?tab=sources",
    "/app/ai?tab=settings",
    "/app/ai?tab=try",
    "/app/ai?tab=usage",
    "/app/answers",
    "/app/delivery",
    "/app/delivery/new",
    "/app/delivery/accounts",
    "/app/cards",
    "/app/cards/new",
    "/app/cards/new?kind=pool",
    "/app/cards/new?kind=image",
    "/app/cards/new?kind=api",
    "/app/cards/new?kind=combination",
    "/app/notices",
    "/app/notices/channels",
    "/app/notices/channels/new",
    "/app/notices/channels/new?kind=email",
    "/app/notices/channels/new?kind=webhook",
    "/app/challenges",
    "/app/people",
    "/app/tokens",
    "/app/me",
    "/app/logs",
    "/app/audit",
    "/app/about",
];

/// Who owns the accounts does not administer the server.
pub(crate) const ADMINS: &[&str] = &[
    "/app/settings",
    "/app/settings?tab=ai",
    "/app/settings?tab=night",
    "/app/settings?tab=backups",
    "/app/settings?tab=server",
    "/app/people?tab=users",
];

/// A shop after a day's work.
pub(crate) struct Showcase {
    pub(crate) app: TestApp,
    /// The account that sells.
    pub(crate) shop: Shop,
    /// One that is disabled.
    pub(crate) spare: Shop,
    /// Pages about one thing.
    pub(crate) of_one: Vec<String>,
}

impl Showcase {
    /// Everything that pages show, with `name` in every place where a buyer or the seller may write.
    pub(crate) async fn open(nasty: &str) -> Self {
        // Without a browser of its own a challenge's page says how to do without.
        let mut app = TestApp::with(|settings| settings.captcha.chromium = "/nowhere/chromium".into());
        let shop = app.open("shop-1");
        let spare = app.open("shop-2");
        let _other = app.open("shop-3");
        let card = app.pool(&format!("会员月卡{nasty}"), &["AAAA-1111", "BBBB-2222", "CCCC-3333"]);
        app.binds(ITEM, &[card]);
        app.delivers(&shop);
        app.rule(contains("在吗", &format!("在的，看中直接拍{nasty}")));
        app.rule(contains("价格", "标价就是最低价"));
        app.start().await;
        app.enable(&spare, false);
        let said = shop.buyer_says(BUYER, ITEM, "在吗");
        app.settled_after(&shop, &said.conversation, 1).await;
        let silent = shop.buyer_says("2200000000888", ITEM, &format!("能不能今天发{nasty}"));
        app.decided(&shop, &silent).await;
        let sold = shop.place_order(NewOrder::new(BUYER, ITEM));
        shop.pay(&sold).unwrap();
        app.eventually("shipped", || (app.stands(&shop, &sold) == Some(Status::Shipped)).then_some(())).await;
        app.platform().change_faults(|faults| faults.answer = Answer::Lost);
        let doubtful = shop.place_order(NewOrder::new("2200000000888", ITEM));
        shop.pay(&doubtful).unwrap();
        app.eventually("a doubt", || (app.waits_for_a_person(&shop, &doubtful) == [Reason::Uncertain]).then_some(()))
            .await;
        app.platform().change_faults(|faults| faults.answer = Answer::WithId);
        let rules = app.signed_in("seller").await.get("/api/v1/keywords").await.is(200).json();
        let delivery = app.signed_in("seller").await.get("/api/v1/delivery-rules").await.is(200).json();
        let config = json!({"webhook_url": "https://example.com/hook"});
        let channel = json!({"name": "客服群", "kind": "webhook", "config": config, "enabled": false});
        let channel = app.signed_in("seller").await.post("/api/v1/notify/channels", &channel).await.is(201).json();
        let challenge = challenge(&app, spare.id);
        let of_one = vec![
            format!("/app/chats/{}.{}", shop.id, said.conversation),
            format!("/app/chats/{}.{}", shop.id, silent.conversation),
            format!("/app/orders/{}.{sold}", shop.id),
            format!("/app/orders/{}.{doubtful}", shop.id),
            format!("/app/orders/{}.{sold}/print", shop.id),
            format!("/app/challenges/{challenge}"),
            format!("/app/items/{}/{ITEM}", shop.id),
            format!("/app/rules/{}", rules["items"][0]["id"]),
            format!("/app/delivery/{}", delivery["items"][0]["id"]),
            format!("/app/cards/{card}"),
            format!("/app/notices/channels/{}", channel["id"]),
            format!("/app/delivery/accounts/{}", shop.id),
            format!("/app/accounts/{}", shop.id),
        ];
        Self { app, shop, spare, of_one }
    }

    pub(crate) fn site(&self) -> String {
        self.app.site()
    }

    /// What the seller sees.
    pub(crate) fn seller_pages(&self) -> Vec<String> {
        let pages = PAGES.iter().map(|page| (*page).to_owned());
        pages.chain(self.of_one.clone()).collect()
    }

    /// The administrator's come last.
    pub(crate) fn all_pages(&self) -> Vec<String> {
        self.seller_pages().into_iter().chain(ADMINS.iter().map(|page| (*page).to_owned())).collect()
    }
}

/// What the platform wants a person to pass.
fn challenge(app: &TestApp, account: AccountId) -> ChallengeId {
    let url = app.store().keys().seal(&challenges::url_place(account), "https://h5api.m.example/punish");
    let new = challenges::New { id: ChallengeId::of(rand::random()), account, url, expires_at: Timestamp::NEVER };
    app.write(move |conn| challenges::open(conn, &new, clock::unix()))
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
struct View {
    language: &'static str,
    width: u32,
    theme: &'static str,
}

/// Two that differ in everything; with `YUTANG_PANEL=full` all there are.
fn views() -> Vec<View> {
    if env::var("YUTANG_PANEL").is_ok_and(|wanted| wanted == "full") {
        let languages = ["zh", "en"];
        let all = languages.into_iter().flat_map(|language| {
            let widths = [1440, 768, 390].into_iter();
            widths.flat_map(move |width| ["light", "dark"].map(|theme| View { language, width, theme }))
        });
        return all.collect();
    }
    vec![View { language: "zh", width: 390, theme: "light" }, View { language: "en", width: 1440, theme: "dark" }]
}

/// Words of ours in the other language; what people wrote is marked as not to be translated.
const FOREIGN: &str = r"
(() => {
    const english = document.documentElement.lang.startsWith('en');
    const foreign = english ? /[\u4e00-\u9fff]+/ : /[A-Za-z]{2,}(?: [a-z]{2,}){3,}/;
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement;
        const marked = parent.closest('[translate=no], script, style, code, [lang]');
        if (foreign.test(node.data) && (!marked || marked === document.documentElement)) {
            found.push(node.data.trim().slice(0, 80));
        }
    }
    return found;
})()";

/// What is cut off where it should not be.
const CUT: &str = r"
[...document.querySelectorAll('button, .button, summary, th, dt, label, h1, h2, .chip')]
    .filter((part) => part.checkVisibility() && part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflow !== 'visible' && !part.matches('.unseen, .unseen *') && !part.closest('.unseen, figure:has(.uplot) table'))
    .map((part) => part.textContent.trim().slice(0, 60))";

/// Findings that keep somebody from using the page.
const GRAVE: &str = r"
axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`))";

fn listed(found: &Value) -> Vec<String> {
    found
        .as_array()
        .map(|all| all.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect())
        .unwrap_or_default()
}

/// All that is wrong with what is shown now.
async fn faults(screen: &Screen) -> Vec<String> {
    let mut all = screen.faults().await;
    all.extend(listed(&screen.eval(FOREIGN).await).into_iter().map(|text| format!("in the other language: {text}")));
    all.extend(listed(&screen.eval(CUT).await).into_iter().map(|text| format!("cut off: {text}")));
    screen.eval(&format!("window.axe || (() => {{ {AXE} }})()")).await;
    all.extend(listed(&screen.eval(GRAVE).await));
    if screen.eval("window.hurt === 1").await == true {
        all.push("a script of somebody's ran".into());
    }
    all
}

/// The numbers of things are others in each run, and no part of a picture's name.
fn file_name(page: &str, View { language, width, theme }: View) -> String {
    let parts = page.trim_start_matches("/app").split(['/', '?', '=', '&', '%']).filter(|part| !part.is_empty());
    let parts = parts.map(|part| if part.starts_with(|first: char| first.is_ascii_digit()) { "one" } else { part });
    let name: Vec<&str> = parts.collect();
    let name = if name.is_empty() { "home".to_owned() } else { name.join("-") };
    format!("panel-{name}.{language}.{width}.{theme}")
}

/// P8: loads, without an error, in one language, not wider than the screen, and usable for people who see or move otherwise.
#[actix_web::test]
async fn p8_every_page_is_in_order_in_both_languages_on_a_desk_and_on_a_phone() {
    if !has_chromium() {
        return;
    }
    let showcase = Showcase::open("").await;
    let mut wrong = Vec::new();
    for view in views() {
        let screen = Screen::new((view.width, 900)).await;
        screen.sign_in(&showcase.site(), "seller", "/app").await;
        for page in showcase.all_pages() {
            if page == ADMINS[0] {
                screen.sign_in(&showcase.site(), "admin", "/app").await;
            }
            let joint = if page.contains('?') { '&' } else { '?' };
            let url = format!("{}{page}{joint}lang={}&theme={}", showcase.site(), view.language, view.theme);
            screen.go(&url).await;
            screen.until("document.querySelector('main h1') || document.querySelector('main')").await;
            screen.keep_whole(&file_name(&page, view)).await;
            wrong.extend(faults(&screen).await.into_iter().map(|fault| format!("{page} {view:?}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever a buyer, or the platform, writes is text and nothing else, on every page.
#[actix_web::test]
async fn what_people_write_is_shown_as_text_on_every_page() {
    if !has_chromium() {
        return;
    }
    let showcase = Showcase::open(NASTY).await;
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&showcase.site(), "seller", "/app").await;
    let mut wrong = Vec::new();
    for page in showcase.seller_pages() {
        let joint = if page.contains('?') { '&' } else { '?' };
        screen.go(&format!("{}{page}{joint}lang=zh", showcase.site())).await;
        wrong.extend(screen.faults().await.into_iter().map(|fault| format!("{page}: {fault}")));
        if screen.eval("window.hurt === 1 || document.querySelector('main script, main [onerror]') !== null").await
            == true
        {
            wrong.push(format!("{page}: what was written became a part of the page"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// P10: there, nobody saw whether an account was connected, what was said, what was given, and who changed what.
#[actix_web::test]
async fn p10_the_panel_shows_connections_chats_deliveries_and_who_did_what() {
    let showcase = Showcase::open("").await;
    let pause = format!("/api/v1/accounts/{}/pause", showcase.spare.id);
    showcase.app.signed_in("seller").await.send(Method::POST, &pause, None).await.is(200);
    let browser = showcase.app.anybody().sign_in_by_cookie("seller").await;
    let [chat, _, sold, doubtful, ..] = &showcase.of_one[..] else { panic!("{:?}", showcase.of_one) };
    for (page, words) in [
        ("/app/accounts", ["shop-1", "online", "disabled"]),
        (chat.as_str(), ["在吗", "在的，看中直接拍", "delivered"]),
        (sold.as_str(), ["the platform told: paid", "unit 1: confirmed", "shipped"]),
        (doubtful.as_str(), ["unit 1: in doubt", "waits for a person", "What happened"]),
        ("/app/audit", ["seller", "sending", "in a browser"]),
    ] {
        let shown = browser.get(page).await.is(200).text;
        let missing: Vec<&str> = words.into_iter().filter(|word| !shown.contains(word)).collect();
        assert!(missing.is_empty(), "{page} says nothing of {missing:?}: {shown}");
    }
}

/// Where there are too many accounts for a list, one is found by its name, also without script.
#[actix_web::test]
async fn of_many_accounts_one_is_found_by_its_name() {
    let mut app = TestApp::new();
    let shops = app.open_many(201);
    app.start_unconnected();
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let page = async |path: &str| browser.get(path).await.is(200).text;
    let all = page("/app/orders").await;
    assert!(all.contains("name=\"account_name\"") && !all.contains("<select name=\"account\">"), "{all}");
    let found = page("/app/orders?account_name=shop-042").await;
    assert!(found.contains("value=\"shop-042\"") && found.contains(&format!("account={}", shops[42].id)), "{found}");
    assert!(page("/app/orders?account_name=shop-04").await.contains("Several accounts fit"));
    assert!(page("/app/orders?account_name=nobody").await.contains("No account is called so."));
    let rule = page("/app/rules/new?kind=keyword&account_name=shop-20").await;
    let offers = |shop: &Shop| rule.contains(&format!("<option value=\"{}\" translate=\"no\"", shop.id));
    assert!(offers(&shops[200]) && !offers(&shops[1]), "{rule}");
}

/// A form without script: what is refused leads back to the page with what was typed, and why beside the field; what is done is said.
#[actix_web::test]
async fn forms_work_without_script_and_bring_back_what_was_typed() {
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.start().await;
    let browser = app.anybody().with("accept-language", "zh").sign_in_by_cookie("seller").await;
    let page = browser.get("/app/accounts").await.is(200);
    assert!(page.text.contains("shop-1"), "{}", page.text);
    let csrf = field(&page.text, "_csrf");
    let action = format!("/app/do/api/v1/accounts/{}/pause", shop.id);
    let form = |pairs: &[(&str, &str)]| {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
    };
    let post = async |action: &str, body: Vec<u8>| {
        let browser = browser.as_who().with("x-csrf-token", "");
        browser.send_bytes(action, "application/x-www-form-urlencoded", body).await
    };

    let done = post(&action, form(&[("_csrf", &csrf), ("_back", "/app/accounts"), ("_done", "已暂停")])).await.is(303);
    let back = done.header("location").unwrap().to_owned();
    assert!(back.starts_with("/app/accounts?kept="), "{back}");
    assert!(browser.get(&back).await.is(200).text.contains("已暂停"));
    assert_eq!(browser.get(&format!("/api/v1/accounts/{}", shop.id)).await.json()["paused"], true);
    // Nobody else sees it.
    assert!(!app.anybody().sign_in_by_cookie("admin").await.get(&back).await.is(200).text.contains("已暂停"));

    // A foreign page knows no text of the session's.
    let foreign =
        post(&action.replace("pause", "resume"), form(&[("_csrf", "guess"), ("_back", "/app/accounts")])).await.is(303);
    let told = browser.get(foreign.header("location").unwrap()).await.is(200);
    assert!(told.text.contains("页面已过期，请刷新后重试。"), "{}", told.text);
    assert_eq!(browser.get(&format!("/api/v1/accounts/{}", shop.id)).await.json()["paused"], true);

    // It leads nowhere else, whatever it is told.
    let astray =
        post(&action, form(&[("_csrf", &csrf), ("_back", "//evil.example/app/"), ("_then", "https://evil.example/")]))
            .await;
    assert!(astray.is(303).header("location").unwrap().starts_with("/app?kept="));

    // Whoever may not do it by the API may not do it by a form, and nobody who is not signed in.
    app.employ("viewer", Role::Viewer, Some(app.user("seller")), &[shop.id]);
    let viewer = app.anybody().sign_in_by_cookie("viewer").await;
    let text = field(&viewer.get("/app").await.is(200).text, "_csrf");
    let body = form(&[("_csrf", &text), ("_back", "/app/accounts")]);
    let refused = viewer.send_bytes(&action, "application/x-www-form-urlencoded", body).await.is(303);
    assert!(
        viewer.get(refused.header("location").unwrap()).await.is(200).text.contains("You are not allowed to do this.")
    );
    let nobody = app.anybody().send_bytes(&action, "application/x-www-form-urlencoded", Vec::new()).await.is(303);
    assert_eq!(nobody.header("location"), Some("/sign-in?next=%2Fapp"));
    app.anybody().get(&action).await.refused(404, "not_found");
}

/// A page that is not there, or not for somebody, says so to a person in their language.
#[actix_web::test]
async fn what_cannot_be_shown_is_told_as_a_page() {
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.start().await;
    app.employ("viewer", Role::Viewer, Some(app.user("seller")), &[shop.id]);
    let browser =
        app.anybody().with("accept", "text/html").with("accept-language", "zh").sign_in_by_cookie("viewer").await;
    for (path, status, said) in [
        ("/app/accounts/999", 404, "没有找到这个页面"),
        ("/app/cards", 403, "您没有权限执行此操作。"),
        ("/app/accounts?page=0", 400, "页面暂时无法显示"),
    ] {
        let page = browser.get(path).await.is(status);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains(said) && page.text.contains("href=\"/app\""), "{path}: {}", page.text);
    }
}

/// The value of the first hidden field of this name.
pub(crate) fn field(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    page.split(&start).nth(1).unwrap_or_default().split('"').next().unwrap_or_default().to_owned()
}

/// A person signs in, stops everything with two clicks, and lets it go on.
#[actix_web::test]
async fn everything_is_stopped_and_goes_on_from_any_page() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    app.open("shop-1");
    app.start().await;
    let site = app.site();
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&site, "admin", "/app/accounts?lang=zh").await;
    let admin = app.signed_in("admin").await;
    for (text, on) in [("已全部停止。", true), ("已恢复运行。", false)] {
        screen.click(".stop > summary").await;
        screen.click(".stop form button").await;
        screen.reads(text).await;
        assert_eq!(admin.get("/api/v1/stop-switch").await.json()["on"], on);
    }
    screen.is_in_order().await;
}

/// A seller stops all accounts of theirs, and nobody else's.
#[actix_web::test]
async fn a_seller_stops_all_their_accounts_from_any_page() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let (one, two) = (app.open("shop-1"), app.open("shop-2"));
    let other = app.open_for(app.person("other", Role::Owner), "shop-3");
    app.start().await;
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&app.site(), "seller", "/app/orders?lang=zh").await;
    let (seller, neighbour) = (app.signed_in("seller").await, app.signed_in("other").await);
    for (text, on) in [("您的全部账号已停止。", true), ("已恢复全部账号。", false)] {
        screen.click(".stop > summary").await;
        screen.click(".stop form button").await;
        screen.reads(text).await;
        for shop in [&one, &two] {
            assert_eq!(seller.get(&format!("/api/v1/accounts/{}", shop.id)).await.json()["paused"], on);
        }
        assert_eq!(neighbour.get(&format!("/api/v1/accounts/{}", other.id)).await.json()["paused"], false);
    }
    assert_eq!(seller.audit("action=account.pause_all").await[0]["after"]["changed"], 2);
    screen.is_in_order().await;
}

/// Where the handles of the rules are.
const GRIPS: &str = r"
(() => {
    const list = document.getElementById('rules-keyword');
    const grips = [...list.querySelectorAll('.grip:not([hidden])')];
    if (grips.length < 3) return null;
    list.scrollIntoView({ block: 'center' });
    return grips.map((grip) => {
        const box = grip.getBoundingClientRect();
        return [box.left + box.width / 2, box.top + box.height / 2];
    });
})()";

/// Waits until the keywords stand in this order for the server, too.
async fn stand_so(seller: &Api, wanted: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = seller.get("/api/v1/keywords").await.is(200).json();
        let keywords: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|rule| rule["keyword"].as_str().unwrap()).collect();
        if keywords == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{keywords:?}, not {wanted:?}");
        sleep(LOOK).await;
    }
}

/// By mouse, by keyboard and by the arrows beside a rule; the order is there after a reload, and is the one in which buyers are answered.
#[actix_web::test]
async fn rules_are_put_in_another_order_by_hand_and_the_order_is_kept() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    for (keyword, text) in [("价格", "一百"), ("多少", "九十"), ("包邮", "包邮的")] {
        app.rule(contains(keyword, text));
    }
    app.start().await;
    let (seller, site) = (app.signed_in("seller").await, app.site());
    stand_so(&seller, &["价格", "多少", "包邮"]).await;
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&site, "seller", "/app/rules?lang=zh").await;
    let grips = screen.until(GRIPS).await;
    let at = |row: usize| (grips[row][0].as_f64().unwrap(), grips[row][1].as_f64().unwrap());
    screen.drag(at(2), (at(0).0, at(0).1 - 12.0)).await;
    screen.until("document.querySelector('.order-said').textContent === '已移到第 1 位，共 3 位。'").await;
    stand_so(&seller, &["包邮", "价格", "多少"]).await;

    screen.go(&format!("{site}/app/rules?lang=zh")).await;
    screen.until(GRIPS).await;
    screen.eval("document.querySelector('#rules-keyword > li:nth-child(3) .grip').focus()").await;
    screen.press("ArrowUp").await;
    screen.press("ArrowUp").await;
    stand_so(&seller, &["多少", "包邮", "价格"]).await;
    screen.until("document.activeElement.matches('#rules-keyword > li:nth-child(1) .grip')").await;

    screen.go(&format!("{site}/app/rules?lang=zh")).await;
    screen.until("document.querySelector('#rules-keyword > li:nth-child(1)').innerText.includes('多少')").await;
    screen.click("#rules-keyword > li:nth-child(1) .step.down").await;
    screen.reads("顺序已调整。").await;
    stand_so(&seller, &["包邮", "多少", "价格"]).await;
    screen.is_in_order().await;
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "价格多少包邮吗");
    app.answers(&shop, &said.conversation, &["包邮的"]).await;
}

/// What was said lately is tried with what stands in the form, also while one types, and nothing is saved for it.
#[actix_web::test]
async fn what_a_rule_would_meet_is_seen_before_it_is_saved() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.rule(contains("包邮", "包邮的"));
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "请问包邮吗，能开发票吗");
    app.decided(&shop, &said).await;
    let site = app.site();
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&site, "seller", "/app/rules/new?kind=keyword&lang=zh").await;
    screen.write("#rule-keyword", "票").await;
    screen.click("#try").await;
    screen.until("document.querySelector('#preview .chip.warm')").await;
    screen.reads("请问包邮吗，能开发票吗").await;
    screen.reads("规则“包邮”会先处理。").await;
    // Longer than the other keyword: it goes first. Nobody presses anything for it.
    screen.eval("document.querySelector('#rule-keyword').value = ''").await;
    screen.write("#rule-keyword", "开发票").await;
    screen.until("document.querySelector('#preview .chip.good')").await;
    assert_eq!(screen.eval("document.querySelector('#rule-keyword').value").await, "开发票");
    screen.is_in_order().await;
    let rules = app.signed_in("seller").await.get("/api/v1/keywords").await.is(200).json();
    assert_eq!(rules["total"], 1);
}

/// Another button of a form adds a picture, and what was typed is still there, also without script.
#[actix_web::test]
async fn a_picture_is_added_beside_what_is_typed() {
    let mut app = TestApp::new();
    app.start().await;
    let browser = app.anybody().with("accept-language", "zh").sign_in_by_cookie("seller").await;
    let csrf = field(&browser.get("/app/rules/new").await.is(200).text, "_csrf");
    let texts = [
        ("_csrf", csrf.as_str()),
        ("_form", "rule"),
        ("_back", "/app/rules/new"),
        ("_then", "/app/rules/{id}"),
        ("keyword", "发票"),
        ("actions.0.text", "可以开"),
        ("actions.1.image", ""),
        ("_into", "actions.1.image"),
    ];
    let body = |file: &[u8]| multipart(&texts, ("_file.actions.1.image", "a.png", "image/png"), file);
    let page_after = async |file: Vec<u8>| {
        let sender = browser.as_who().with("x-csrf-token", "");
        let sent = sender.send_bytes("/app/do/api/v1/pictures", MULTIPART, body(&file)).await;
        let location = sent.is(303).header("location").unwrap().to_owned();
        let (page, part) = location.split_once('#').unwrap();
        assert!(page.starts_with("/app/rules/new?kept=") && part == "rule-actions.1.image", "{location}");
        let page = browser.get(page).await.is(200).text;
        assert!(page.contains("value=\"发票\"") && page.contains(">可以开</textarea>"), "{page}");
        page
    };
    let page = page_after(png(40, 24, [9, 9, 9])).await;
    let kept = browser.get("/api/v1/pictures").await.is(200).json();
    let id = kept["items"][0]["id"].as_str().unwrap();
    assert!(page.contains(&format!("<option value=\"picture:{id}\" selected>")), "{page}");
    assert!(page.contains(&format!("src=\"/api/v1/pictures/{id}/file\"")), "{page}");
    for (file, why) in
        [(b"no picture".to_vec(), "须为 JPEG、PNG、GIF 或 WebP 图片"), (vec![0; 6 << 20], "请求内容过大。")]
    {
        let page = page_after(file).await;
        let beside = page.split("id=\"rule-_file.actions.1.image-problem\">").nth(1).unwrap_or_default();
        assert!(beside.starts_with(why), "{page}");
    }
    assert_eq!(browser.get("/api/v1/pictures").await.json()["total"], 1);
}
