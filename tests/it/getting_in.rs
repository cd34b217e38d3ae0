//! Getting in and staying in, as a person does it: with a browser, a phone and a hand. Pictures for the README are kept where
//! `YUTANG_SCREENS` names a folder.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    account::state::{Reason, State},
    notify::event::Event,
    store::notices,
};

use crate::{
    client::Api,
    harness::{PATIENCE, Shop, TestApp},
    screen::{PHONE, Screen, has_chromium},
};

const DESK: (u32, u32) = (900, 860);

/// The picture of the seller, which the platform keeps elsewhere.
const FACE: &str = "https://img.alicdn.com/imgextra/face.png";

/// By a code, on a desk: shown, scanned, confirmed; and the tab may be closed in between.
#[actix_web::test]
async fn a_person_adds_an_account_by_a_code() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.platform().add_account("shop");
    seller.set_picture(FACE);
    let screen = Screen::new(DESK).await;
    screen.answer_with_a_picture("https://img.alicdn.com/").await;
    screen.sign_in(&app.site(), "seller", "/app/accounts/new?lang=zh").await;
    screen.reads("只添加您本人的闲鱼账号").await;
    screen.keep("add-account.zh").await;
    screen.click("#show-code").await;
    screen
        .until("document.getElementById('code').complete && document.getElementById('code').naturalWidth > 100")
        .await;
    screen.reads("请打开手机上的闲鱼").await;
    screen.reads("剩余").await;
    screen.until("/[0-5]:[0-5][0-9]/.test(document.getElementById('left').innerText)").await;
    screen.keep("add-account-code.zh").await;
    screen.is_in_order().await;
    let code = app.platform().newest_code().unwrap();
    app.platform().scan(&code, &seller).unwrap();
    screen.reads("请在手机上确认登录").await;
    // The tab is closed, and its address opened again.
    let address = screen.eval("location.href").await;
    screen.go("about:blank").await;
    screen.go(address.as_str().unwrap()).await;
    screen.reads("请在手机上确认登录").await;
    app.platform().confirm(&code, &seller).unwrap();
    screen.reads("账号已添加").await;
    screen.reads("卖家shop").await;
    screen.until("!document.getElementById('face').hidden").await;
    assert_eq!(screen.eval("document.getElementById('face').currentSrc").await, FACE);
    assert_eq!(screen.eval("document.querySelectorAll('#steps li.done').length").await, 3);
    screen.keep("add-account-done.zh").await;
    screen.is_in_order().await;
    let api = app.signed_in("seller").await;
    let accounts = api.get("/api/v1/accounts").await.is(200).json();
    app.connects(accounts["items"][0]["id"].as_i64().unwrap()).await;
}

/// By a cookie, on a phone: what is missing is said while it is typed and beside the field, and what was typed stays.
#[actix_web::test]
async fn a_person_adds_an_account_by_a_cookie_on_a_phone() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.platform().add_account("shop");
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&app.site(), "seller", "/app/accounts/new?lang=en").await;
    screen.write("#cookie", "unb=2200000000001; t=1").await;
    screen.reads("lacks cookie2").await;
    assert_eq!(screen.eval("document.querySelectorAll('#cookie-parts .chip.bad').length").await, 1);
    screen.click("#paste button").await;
    screen.until("document.getElementById('cookie').getAttribute('aria-invalid') === 'true'").await;
    screen.reads("lacks cookie2").await;
    assert_eq!(screen.eval("document.getElementById('cookie').value").await, "unb=2200000000001; t=1");
    screen.eval("document.getElementById('cookie').value = ''").await;
    screen.write("#cookie", &app.platform().cookies(&seller)).await;
    screen.reads("All that is needed is there.").await;
    screen.click("#more > summary").await;
    screen.write("#name", "<b>我的店</b>").await;
    screen.click("#paste button").await;
    screen.reads("The account was added").await;
    // The refused cookie is the one complaint of the browser about it.
    assert_eq!(screen.eval("document.querySelectorAll('main b').length").await, 0);
    let api = app.signed_in("seller").await;
    let accounts = api.get("/api/v1/accounts").await.is(200).json();
    assert_eq!(accounts["items"][0]["name"], "<b>我的店</b>");
}

/// The account meets a challenge while its server runs.
pub(crate) async fn challenged() -> (TestApp, Shop, Api) {
    let mut app = TestApp::with(|settings| settings.notify.poll = Duration::from_millis(100));
    let shop = app.open("我的小店");
    app.start().await;
    shop.demand_person();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let api = app.signed_in("seller").await;
    (app, shop, api)
}

async fn open_challenges(api: &Api) -> Vec<Value> {
    let page = api.get("/api/v1/challenges?open=true").await.is(200).json();
    page["items"].as_array().unwrap().clone()
}

/// Where the knob of the slider is on the person's screen, and the end of its track: found in the picture, as an eye does.
pub(crate) async fn slider(screen: &Screen) -> ((f64, f64), (f64, f64)) {
    let find = "(() => {
        const canvas = document.getElementById('page');
        if (canvas.width < 200) return null;
        const pen = canvas.getContext('2d');
        const grey = (x, y) => { const [r, g, b] = pen.getImageData(x, y, 1, 1).data; return Math.abs(r - 232) < 5 && Math.abs(g - 232) < 5 && Math.abs(b - 232) < 5; };
        const middle = Math.round(canvas.width / 2);
        const rows = [];
        for (let y = 0; y < canvas.height; y += 1) if (grey(middle + 95, y) && grey(middle + 110, y)) rows.push(y);
        if (rows.length < 20) return null;
        const y = rows[Math.floor(rows.length / 2)];
        let right = middle + 110;
        while (right < canvas.width - 1 && grey(right + 1, y)) right += 1;
        const left = 2 * middle - right;
        const box = canvas.getBoundingClientRect();
        if (box.top < -1 || box.bottom > innerHeight + 1) { canvas.scrollIntoView({ block: 'nearest' }); return null; }
        const scale = box.width / canvas.width;
        return [box.left + left * scale, box.top + y * scale, box.left + right * scale];
    })()";
    let found = screen.until(find).await;
    let at = |index: usize| found[index].as_f64().unwrap();
    ((at(0) + 20.0, at(1)), (at(2) + 30.0, at(1)))
}

/// Waits until the platform's page says, in red, that the drag was none.
async fn sees_refusal(screen: &Screen) {
    let find = "(() => {
        const canvas = document.getElementById('page');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        for (let at = 0; at < data.length; at += 4) if (data[at] > 190 && data[at + 1] < 90 && data[at + 2] < 90) return true;
        return null;
    })()";
    screen.until(find).await;
}

/// From the platform's refusal to the account's return: one notice, one link, the page, a hand on the slider, and the platform's word.
#[actix_web::test]
async fn k15_a_challenge_is_passed_by_a_hand_in_the_browser_and_the_account_returns() {
    if !has_chromium() {
        return;
    }
    let (app, shop, api) = challenged().await;
    let calls = shop.gateway_requests();
    let open = open_challenges(&api).await;
    let [challenge] = &*open else { panic!("{open:?}") };
    // One notice, under the challenge's own number; it is told after a minute.
    let notices = || {
        let rows = app.read(notices::live).into_iter();
        rows.filter(|row| row.event == Event::AccountNeedsPerson).map(|row| row.key).collect::<Vec<_>>()
    };
    let id = challenge["id"].as_str().unwrap();
    app.eventually("it is made", || (!notices().is_empty()).then_some(())).await;
    assert!(matches!(&*notices(), [key] if key.ends_with(id)), "{:?}", notices());
    // The link of the notice leads to exactly this step, by way of the sign-in.
    let screen = Screen::new(DESK).await;
    screen.sign_in(&app.site(), "seller", &format!("/app/accounts/{}/mend", shop.id)).await;
    assert_eq!(screen.eval("location.pathname").await, challenge["path"]);
    screen.go(&format!("{}{}?lang=zh", app.site(), challenge["path"].as_str().unwrap())).await;
    let (knob, end) = slider(&screen).await;
    // How long the line takes is told as long as one looks.
    screen.until("/^[0-9]+ ms/.test(document.getElementById('delay').textContent)").await;
    screen.keep("challenge.zh").await;
    screen.is_in_order().await;

    // Half of the way is not enough: the page says so, and the challenge waits.
    screen.drag(knob, ((knob.0 + end.0) / 2.0, knob.1)).await;
    app.eventually("it is refused", || (shop.drags().1 == 1).then_some(())).await;
    assert_eq!(app.status(&shop).unwrap().state, State::Failed);
    assert_eq!(shop.gateway_requests(), calls, "nothing was asked of the platform meanwhile");
    sees_refusal(&screen).await;
    screen.until("/^[0-9]+ ms/.test(document.getElementById('lag').textContent)").await;

    let (knob, end) = slider(&screen).await;
    screen.drag(knob, end).await;
    assert!(shop.await_registered(2, PATIENCE).await, "it connects without a restart");
    assert_eq!(shop.drags(), (1, 1));
    screen.reads("验证").await;
    screen.until("document.getElementById('take').hidden && document.getElementById('check').hidden").await;
    screen.keep("challenge-done.zh").await;
    assert!(open_challenges(&api).await.is_empty());
    let all = api.get("/api/v1/challenges").await.is(200).json();
    assert_eq!(all["items"][0]["state"], "passed");
    assert!(notices().len() <= 1, "one notice for one challenge");
    assert_eq!(shop.token_requests(), 2 + 1, "the call that was refused was made once more");

    // The browser ended with the last challenge.
    app.eventually("the browser's folder is gone", || {
        let folder = app.settings().data_dir.join("browser");
        let is_empty = std::fs::read_dir(folder).map_or(true, |mut left| left.next().is_none());
        is_empty.then_some(())
    })
    .await;
    let mut lines = api.audit("action=challenge.pass").await;
    assert!(lines.pop().is_some_and(|line| line["after"]["opened_by"] == json!("seller")), "the audit knows it");
}

/// On a phone the platform's page is as wide as the screen, so that nothing need be scrolled aside, and a hand finds what it sees.
#[actix_web::test]
async fn a_challenge_is_passed_on_a_phone() {
    if !has_chromium() {
        return;
    }
    let (app, shop, _) = challenged().await;
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&app.site(), "seller", &format!("/app/accounts/{}/mend", shop.id)).await;
    let fits = "(() => {
        const canvas = document.getElementById('page');
        const box = canvas.getBoundingClientRect();
        const is_drawn = canvas.width >= 300 && Math.abs(canvas.width - box.width) < 2;
        return is_drawn && box.left >= 0 && box.right <= innerWidth ? true : null;
    })()";
    screen.until(fits).await;
    screen.keep("challenge-phone.zh").await;
    let (knob, end) = slider(&screen).await;
    screen.is_in_order().await;
    screen.drag(knob, end).await;
    assert!(shop.await_registered(2, PATIENCE).await, "it connects");
}

/// Everything about an account, for people: also where its name would be a tag, and its connection is tried from the page.
#[actix_web::test]
async fn an_accounts_page_says_how_it_is_doing_and_tries_its_connection() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let shop = app.open("<b>我的店</b>");
    app.start().await;
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    let screen = Screen::new(PHONE).await;
    // Nobody need do anything for it: there is nothing to mend.
    screen.sign_in(&app.site(), "seller", &format!("/app/accounts/{}/mend", shop.id)).await;
    assert_eq!(screen.eval("location.pathname").await, json!(format!("/app/accounts/{}", shop.id)));
    let page = format!("{}/app/accounts/{}", app.site(), shop.id);
    screen.go(&format!("{page}?lang=zh")).await;
    screen.reads("已连接，可以接收消息。").await;
    screen.reads("最近一次检测\t无").await;
    screen.click("#probe button").await;
    screen.reads("正常 ·").await;
    screen.is_in_order().await;
    screen.keep("account-phone.zh").await;
    assert_eq!(screen.eval("document.querySelectorAll('main h1 b, main .head a.button').length").await, 0);

    shop.demand_person();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let screen = Screen::new(DESK).await;
    screen.sign_in(&app.site(), "seller", &format!("/app/accounts/{}?lang=en", shop.id)).await;
    screen.reads("The platform asks for a human verification.").await;
    screen.reads("needs you").await;
    screen.is_in_order().await;
    screen.keep("account.en").await;
    screen.click("main .head a.button").await;
    screen.until("location.pathname.startsWith('/app/challenges/')").await;
}
