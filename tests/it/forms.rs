//! Forms of the panel as a browser without script sends them: what was done is taken back, and what somebody else changed meanwhile is not
//! overwritten unseen.

use serde_json::{Value, json};
use yutang::access::role::Role;

use crate::{
    client::{Answer, Api},
    deliveries::{BUYER, ITEM, Till as _},
    harness::{TestApp, answered_shop},
    items::{page_of, read_to_the_end, shop_of},
};

const OVERTAKEN: &str = "有人改动过这里";

/// A form as it stands on a page: where it is sent, and what it sends without anything being typed.
pub(crate) struct PageForm {
    action: String,
    fields: Vec<(String, String)>,
}

impl PageForm {
    pub(crate) fn on(page: &Answer, id: &str) -> Self {
        Self::find(page, id).unwrap_or_else(|| panic!("no form {id}: {}", page.text))
    }

    pub(crate) fn find(page: &Answer, id: &str) -> Option<Self> {
        let own = format!("name=\"_form\" value=\"{id}\"");
        let form = page.text.split("<form").find(|form| form.contains(&own))?.split("</form>").next()?;
        let hidden = form.split("<input type=\"hidden\" name=\"").skip(1);
        let field = |input: &str| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name.to_owned(), plain(rest.split('"').next()?)))
        };
        let action = form.split("action=\"").nth(1)?.split('"').next()?.to_owned();
        Some(Self { action, fields: hidden.filter_map(field).collect() })
    }

    /// With this typed.
    pub(crate) fn with(mut self, name: &str, text: &str) -> Self {
        self.fields.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The page that it leads to.
    pub(crate) async fn send(self, browser: &Api) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        self.follow(browser, "application/x-www-form-urlencoded", body.into_bytes()).await
    }

    /// The same with a file in its field `file`: its name, what the browser takes it for, and what is in it.
    pub(crate) async fn send_file(self, browser: &Api, name: &str, kind: &str, file: &[u8]) -> Answer {
        let fields: Vec<_> = self.fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let body = multipart(&fields, ("file", name, kind), file);
        self.follow(browser, MULTIPART, body).await
    }

    async fn follow(&self, browser: &Api, kind: &str, body: Vec<u8>) -> Answer {
        let sender = browser.as_who().with("x-csrf-token", "");
        let answer = sender.send_bytes(&self.action, kind, body).await.is(303);
        browser.get(answer.header("location").unwrap()).await.is(200)
    }
}

pub(crate) const MULTIPART: &str = "multipart/form-data; boundary=x";

/// A form with a file, as browsers send it: the field that it is in, its name, and its type.
pub(crate) fn multipart(fields: &[(&str, &str)], (field, name, kind): (&str, &str, &str), file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in fields {
        body.extend(format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").bytes());
    }
    let head = format!("name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: {kind}");
    body.extend(format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
    body.extend(file);
    body.extend(b"\r\n--x--\r\n");
    body
}

/// As a browser reads the text of an attribute.
fn plain(text: &str) -> String {
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (written, read)| text.replace(written, read))
}

/// What is said above the page of a form that went well.
fn banner(page: &Answer) -> &str {
    let above = page.text.split("<div class=\"said\" role=\"status\">").nth(1).unwrap_or_default();
    above.split("</div>").next().unwrap_or_default()
}

async fn browser(app: &TestApp) -> Api {
    app.anybody().with("accept-language", "zh").sign_in_by_cookie("seller").await
}

/// Offered once, and gone once it is done.
#[actix_web::test]
async fn a_pause_is_taken_back_beside_the_word_that_it_is_done() {
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.start().await;
    let browser = browser(&app).await;
    let is_paused =
        async || browser.get(&format!("/api/v1/accounts/{}", shop.id)).await.is(200).json()["paused"].clone();
    let page = browser.get("/app/accounts").await.is(200);
    assert!(PageForm::find(&page, "undo").is_none());
    let page = PageForm::on(&page, "pause").send(&browser).await;
    assert!(banner(&page).contains("已暂停发送") && banner(&page).contains("撤销"), "{}", page.text);
    assert_eq!(is_paused().await, true);
    assert!(PageForm::find(&browser.get("/app/accounts").await, "undo").is_none(), "it was offered");
    let page = PageForm::on(&page, "undo").send(&browser).await;
    assert!(banner(&page).contains("已恢复发送。"), "{}", page.text);
    assert_eq!(is_paused().await, false);
    assert!(PageForm::find(&page, "undo").is_none(), "what was taken back is not taken back again");
}

#[actix_web::test]
async fn a_buyer_is_unblocked_and_blocked_again_with_what_was_noted() {
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.start().await;
    let browser = browser(&app).await;
    let wrote = shop.buyer_says(BUYER, ITEM, "在吗");
    app.decided(&shop, &wrote).await;
    let blocked = async || browser.get("/api/v1/blocked-buyers").await.is(200).json()["items"].clone();
    let page = browser.get(&format!("/app/chats/{}.{}", shop.id, wrote.conversation)).await.is(200);
    let in_account = shop.id.to_string();
    let block = |page: &Answer| PageForm::on(page, "block").with("note", "同行").with("account_id:whole", &in_account);
    let page = block(&page).send(&browser).await;
    assert_eq!(blocked().await[0]["note"], "同行");
    let page = PageForm::on(&page, "undo").send(&browser).await;
    assert_eq!(blocked().await, json!([]));

    let page = block(&page).send(&browser).await;
    let page = PageForm::on(&page, "unblock").send(&browser).await;
    assert_eq!(blocked().await, json!([]));
    let page = PageForm::on(&page, "undo").send(&browser).await;
    assert!(banner(&page).contains("已重新拉黑。"), "{}", page.text);
    let again = blocked().await;
    assert_eq!((&again[0]["note"], &again[0]["account_id"]), (&json!("同行"), &json!(shop.id)));
}

#[actix_web::test]
async fn tags_are_as_they_were_once_they_are_taken_back() {
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.start().await;
    let browser = browser(&app).await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.decided(&shop, &said).await;
    let path = format!("/api/v1/buyers/{BUYER}/tags");
    browser.put(&path, &json!({"tags": ["老客户", "爱砍价"]})).await.is(200);
    let tags = async || browser.get(&path).await.is(200).json()["tags"].as_array().unwrap().len();
    let page = browser.get(&format!("/app/chats/{}.{}", shop.id, said.conversation)).await.is(200);
    let page = PageForm::on(&page, "tags").with("tags:lines", "").send(&browser).await;
    assert_eq!(tags().await, 0);
    PageForm::on(&page, "undo").send(&browser).await;
    assert_eq!(tags().await, 2);
}

/// Who had it, with what was noted, and until when it paused.
#[actix_web::test]
async fn a_chat_goes_back_to_who_had_it_and_to_the_pause_that_was_left() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let bob = app.employ("bob", Role::Operator, Some(app.scope().user()), &[shop.id]);
    let browser = browser(&app).await;
    let path = format!("/api/v1/conversations/{}.{conversation}", shop.id);
    let stands = async || {
        let view = browser.get(&path).await.is(200).json();
        let handed = &view["handed_over"];
        (handed["to"].clone(), handed["note"].clone(), view["paused"].clone(), view["paused_until"].clone())
    };
    let shown = async || browser.get(&format!("/app/chats/{}.{conversation}", shop.id)).await.is(200);
    let take_back = async |page: &Answer| PageForm::on(page, "undo").send(&browser).await;

    let free = (Value::Null, Value::Null, json!(false), Value::Null);
    assert_eq!(stands().await, free);
    let to_bob = PageForm::on(&shown().await, "hand-over").with("to:whole", &bob.to_string()).with("note", "要退款");
    let done = to_bob.send(&browser).await;
    let with_bob = (json!(bob), json!("要退款"), json!(true), Value::Null);
    assert_eq!(stands().await, with_bob);
    take_back(&done).await;
    assert_eq!(stands().await, free);

    browser.put(&format!("{path}/hand-over"), &json!({"to": bob, "note": "要退款"})).await.is(200);
    for form in ["take-back", "resume", "hand-over"] {
        let done = PageForm::on(&shown().await, form).send(&browser).await;
        assert_eq!(stands().await.0, Value::Null, "{form}");
        take_back(&done).await;
        assert_eq!(stands().await, with_bob, "{form}");
    }

    browser.post(&format!("{path}/resume"), &json!({})).await.is(200);
    let paused = browser.post(&format!("{path}/pause"), &json!({"minutes": 30})).await.is(200).json();
    let for_a_while = (Value::Null, Value::Null, json!(true), paused["paused_until"].clone());
    for form in ["resume", "hand-over", "pause"] {
        let done = PageForm::on(&shown().await, form).send(&browser).await;
        assert_ne!(stands().await, for_a_while, "{form}");
        take_back(&done).await;
        assert_eq!(stands().await, for_a_while, "{form}");
    }
}

#[actix_web::test]
async fn a_code_that_was_made_void_by_mistake_is_in_stock_again() {
    let mut app = TestApp::new();
    app.start_unconnected();
    let browser = browser(&app).await;
    let card = browser.post("/api/v1/cards", &json!({"name": "codes", "kind": "pool"})).await.is(201).json();
    let units = format!("/api/v1/cards/{}/units", card["id"]);
    browser.post(&units, &json!({"lines": ["PLANTED-CODE-0001"]})).await.is(200);
    let unit = browser.get(&units).await.is(200).json()["items"][0]["id"].clone();
    let state = async || browser.get(&units).await.is(200).json()["items"][0]["state"].clone();
    let page = browser.get(&format!("/app/cards/{}", card["id"])).await.is(200);
    let void = async |page: &Answer| {
        PageForm::on(page, &format!("unit-{unit}-void")).with("reason", "点错了").send(&browser).await
    };
    let page = void(&page).await;
    assert_eq!(state().await, "void");
    let page = PageForm::on(&page, "undo").send(&browser).await;
    assert!(banner(&page).contains("已放回库存。"), "{}", page.text);
    assert_eq!(state().await, "free");
    let page = void(&page).await;
    PageForm::on(&page, &format!("unit-{unit}-free")).with("reason", "没有失效").send(&browser).await;
    assert_eq!(state().await, "free", "later, too");
    let told = browser.audit("action=unit.free").await;
    assert_eq!((&told[0]["after"]["reason"], &told[1]["after"]["reason"]), (&json!("没有失效"), &json!("撤销作废")));
}

/// The accounts that are ticked on a page, and how many boxes there are.
fn ticked(page: &Answer) -> (Vec<String>, usize) {
    let boxes = page.text.split("type=\"checkbox\" name=\"accounts:wholes\" value=\"").skip(1);
    let ticked = boxes.clone().filter_map(|rest| {
        let (id, rest) = rest.split_once('"')?;
        rest.starts_with(" checked").then(|| id.to_owned())
    });
    (ticked.collect(), boxes.count())
}

/// Where there are too many accounts for a list, those to tick are looked for, and the form keeps what was typed meanwhile.
#[actix_web::test]
async fn of_many_accounts_some_are_looked_for_and_ticked() {
    let mut app = TestApp::new();
    let shops = app.open_many(201);
    app.start_unconnected();
    let bob = app.employ("bob", Role::Operator, Some(app.scope().user()), &[shops[3].id]);
    let browser = browser(&app).await;
    let tokens = async || browser.get("/api/v1/tokens").await.is(200).json()["items"].clone();
    let page = browser.get("/app/tokens").await.is(200);
    assert_eq!(ticked(&page), (vec![], 0));
    let typed = |page: &Answer, sought: &str| {
        let form = PageForm::on(page, "new-token").with("name", "脚本").with("access", "read");
        form.with("_look.accounts", sought)
    };
    let sought = format!("shop-042\n{}\nshop-04\nnobody", shops[7].id);
    let found = typed(&page, &sought).send(&browser).await;
    assert_eq!(tokens().await, json!([]), "it was not sent");
    assert!(found.text.contains("value=\"脚本\""), "{}", found.text);
    let [seventh, sought] = [7, 42].map(|place: usize| shops[place].id.to_string());
    assert_eq!(ticked(&found), (vec![seventh.clone(), sought.clone()], 11), "and nine that fit shop-04");
    for words in ["没有这样的账号，请改正或清空：", ">nobody<", "有多个账号符合"] {
        assert!(found.text.contains(words), "{words}: {}", found.text);
    }
    let chosen = typed(&found, " ").with("accounts:wholes", &seventh).with("accounts:wholes", &sought);
    chosen.send(&browser).await;
    assert_eq!(tokens().await[0]["accounts"], json!([shops[7].id, shops[42].id]));

    let people = browser.get("/app/people").await.is(200);
    assert_eq!(ticked(&people), (vec![shops[3].id.to_string()], 1), "of Bob, and none of somebody new");
    let form = PageForm::on(&people, &format!("accounts-{bob}")).with("accounts:wholes", &shops[3].id.to_string());
    let found = form.with("_look.accounts", "shop-200").send(&browser).await;
    assert_eq!(ticked(&found), (vec![shops[3].id.to_string(), shops[200].id.to_string()], 2));
}

/// Of a bar with several buttons the one that is pressed sends its part alone.
#[actix_web::test]
async fn ticked_items_are_changed_together_and_only_what_changed_is_taken_back() {
    let (app, shop, seller) = shop_of(2).await;
    read_to_the_end(&app, &shop, &seller).await;
    let (first, second) = (page_of(&shop, "900000000001"), page_of(&shop, "900000000002"));
    seller.patch(&first, &json!({"polish": true})).await.is(200);
    let browser = browser(&app).await;
    let stored = async |field: &str| {
        let [first, second] = [seller.get(&first).await.json(), seller.get(&second).await.json()];
        [first[field].clone(), second[field].clone()]
    };
    let pressed = |page: &Answer, part: &str| {
        let boxes: Vec<_> = page.text.split("form=\"ticked\" name=\"items:objects\" value=\"").skip(1).collect();
        assert_eq!(boxes.len(), 2, "{}", page.text);
        let tick = |form: PageForm, one: &&str| form.with("items:objects", &plain(one.split('"').next().unwrap()));
        boxes.iter().fold(PageForm::on(page, "ticked").with("_part", part), tick)
    };
    let page = browser.get("/app/items").await.is(200);
    let page = pressed(&page, "polish").with("floor/change.floor_fen:clear-yuan", "9").send(&browser).await;
    assert!(banner(&page).contains("1 件商品有变化") && banner(&page).contains("撤销"), "{}", page.text);
    assert_eq!(stored("polish").await, [true, true]);
    assert_eq!(stored("floor_fen").await, [Value::Null, Value::Null], "another button's field");
    let page = PageForm::on(&page, "undo").send(&browser).await;
    assert!(banner(&page).contains("已恢复为不自动擦亮。"), "{}", page.text);
    assert_eq!(stored("polish").await, [true, false]);

    let page = pressed(&page, "reply").with("reply/default_reply.text", "今天发货").send(&browser).await;
    assert!(banner(&page).contains("2 件商品有变化") && PageForm::find(&page, "undo").is_none(), "{}", page.text);
    assert!(stored("default_reply_id").await.iter().all(Value::is_i64));
    let page = pressed(&page, "no-reply").send(&browser).await;
    assert_eq!(stored("default_reply_id").await, [Value::Null, Value::Null]);

    // What is wrong stands beside its field, and the ticks and what was typed stay.
    let page = pressed(&page, "floor").with("floor/change.floor_fen:clear-yuan", "一元").send(&browser).await;
    assert!(page.text.contains("id=\"ticked-floor/change.floor_fen:clear-yuan-problem\""), "{}", page.text);
    assert!(page.text.contains("value=\"一元\"") && page.text.matches(" checked>").count() >= 2, "{}", page.text);
    let unticked = PageForm::on(&page, "ticked").with("_part", "no-polish").send(&browser).await;
    assert!(unticked.text.contains("至少选择一件商品"), "{}", unticked.text);
    assert_eq!(stored("polish").await, [true, false]);
}

#[actix_web::test]
async fn who_may_not_change_items_ticks_none() {
    let (app, shop, seller) = shop_of(1).await;
    read_to_the_end(&app, &shop, &seller).await;
    app.employ("bob", Role::Operator, Some(app.scope().user()), &[shop.id]);
    let operator = app.anybody().with("accept-language", "zh").sign_in_by_cookie("bob").await;
    let page = operator.get("/app/items").await.is(200);
    assert!(page.text.contains("相机 1"), "{}", page.text);
    assert!(PageForm::find(&page, "ticked").is_none() && !page.text.contains("items:objects"), "{}", page.text);
    let wanted = json!({"items": [{"account": shop.id, "item": "900000000001"}], "change": {"polish": true}});
    operator.patch("/api/v1/items", &wanted).await.is(403);
}

/// What is offered is a form to the API and to nothing else.
#[actix_web::test]
async fn nothing_is_offered_that_is_not_of_the_api() {
    let mut app = TestApp::new();
    app.open("shop-1");
    app.start().await;
    let browser = browser(&app).await;
    for told in ["POST /app/settings", "POST //evil.example/api/v1/x", "GET /api/v1/accounts"] {
        let mut form = PageForm::on(&browser.get("/app/accounts").await.is(200), "pause");
        form.fields.retain(|(name, _)| !name.starts_with("_undo"));
        let page = form.with("_undo", told).send(&browser).await;
        assert!(!banner(&page).is_empty() && PageForm::find(&page, "undo").is_none(), "{told}");
    }
}

/// A person types into a form that somebody else has overtaken: it is refused, what they typed stays, and once they know it counts.
async fn is_refused_while_stale(
    browser: &Api,
    path: &str,
    (form, field, typed): (&str, &str, &str),
    overtake: impl AsyncFnOnce(),
    stored: impl AsyncFn() -> Value,
) {
    let shown = browser.get(path).await.is(200);
    overtake().await;
    let theirs = stored().await;
    let page = PageForm::on(&shown, form).with(field, typed).send(browser).await;
    assert!(page.text.contains(OVERTAKEN), "{}", page.text);
    let is_kept =
        page.text.contains(&format!("value=\"{typed}\"")) || page.text.contains(&format!(">{typed}</textarea>"));
    assert!(is_kept, "{}", page.text);
    assert_eq!(stored().await, theirs, "nothing is overwritten unseen");
    let page = PageForm::on(&page, form).with(field, typed).send(browser).await;
    assert!(!page.text.contains(OVERTAKEN), "{}", page.text);
    assert_eq!(stored().await, typed);
}

#[actix_web::test]
async fn a_card_that_somebody_else_changed_is_not_overwritten_unseen() {
    let mut app = TestApp::new();
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.start().await;
    let (browser, other) = (browser(&app).await, app.signed_in("seller").await);
    let path = format!("/api/v1/cards/{card}");
    let overtake = async || drop(other.patch(&path, &json!({"name": "月卡"})).await.is(200));
    let stored = async || other.get(&path).await.is(200).json()["name"].clone();
    let page = format!("/app/cards/{card}");
    is_refused_while_stale(&browser, &page, ("card", "name", "年卡"), overtake, stored).await;
}

#[actix_web::test]
async fn delivery_settings_that_somebody_else_changed_are_not_overwritten_unseen() {
    let mut app = TestApp::new();
    let shop = app.open("shop-1");
    app.start().await;
    let (browser, other) = (browser(&app).await, app.signed_in("seller").await);
    let path = format!("/api/v1/accounts/{}/delivery", shop.id);
    let overtake = async || drop(other.patch(&path, &json!({"receipt": "已发货"})).await.is(200));
    let stored = async || other.get(&path).await.is(200).json()["receipt"].clone();
    let page = format!("/app/delivery/accounts/{}", shop.id);
    is_refused_while_stale(&browser, &page, ("delivery", "receipt:text", "请查收"), overtake, stored).await;
}
