//! Nobody finds on a page what is beyond their right: every page of the panel is asked for by every role, and looked through for things
//! that only some may see, and for forms that they may not send.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yutang::{
    access::role::{Right, Role},
    order::status::Status,
    sim::{Address, NewOrder},
    web::{ROUTES, Route, gate::Access},
};

use crate::{
    client::{Answer, Api, PASSWORD},
    deliveries::{BUYER, ITEM, Till},
    panel::{ADMINS, PAGES, Showcase},
};

/// Who signs in for a role.
const PEOPLE: [(&str, Role); 4] =
    [("viewer", Role::Viewer), ("operator", Role::Operator), ("seller", Role::Owner), ("admin", Role::Admin)];

/// A text that was put where only some may see it.
struct Marker {
    what: &'static str,
    text: &'static str,
    /// Who may see it.
    may: &'static [Role],
    /// Who does, on some page: else this test would look for what is nowhere.
    does: &'static [Role],
}

const fn marker(what: &'static str, text: &'static str, may: &'static [Role], does: &'static [Role]) -> Marker {
    Marker { what, text, may, does }
}

const NOBODY: &[Role] = &[];
const OWNER: &[Role] = &[Role::Owner];
const ADMIN: &[Role] = &[Role::Admin];
/// What an owner did, and what it was about, stands in the audit, which administrators read.
const AUDITED: &[Role] = &[Role::Owner, Role::Admin];

const CODE: &str = "MARK-CODE-7700";
const PROXY: &str = "MARK-proxy-word";
const AI_KEY: &str = "sk-MARK-ai-key";
const WEBHOOK: &str = "MARK-webhook-path";
const CHANNEL: &str = "MARK channel";
const TOKEN: &str = "MARK token";
const PHRASE: &str = "MARK own phrase";
const PHONE: &str = "13800007700";
const EMPLOYEES_EMAIL: &str = "mark-helper@example.com";
const ADMINS_EMAIL: &str = "mark-admin@example.com";

const MARKERS: &[Marker] = &[
    marker("a code in stock", CODE, NOBODY, NOBODY),
    marker("the password of a proxy", PROXY, NOBODY, NOBODY),
    marker("a key of an AI", AI_KEY, NOBODY, NOBODY),
    marker("the secret address of a channel", WEBHOOK, NOBODY, NOBODY),
    marker("a password", PASSWORD, NOBODY, NOBODY),
    marker("where notices go", CHANNEL, AUDITED, OWNER),
    marker("a token of somebody's", TOKEN, AUDITED, OWNER),
    marker("a phrase of one person", PHRASE, AUDITED, OWNER),
    marker("the address of an order", PHONE, OWNER, OWNER),
    marker("an account that was not given", "shop-3", AUDITED, OWNER),
    marker("the e-mail address of an employee", EMPLOYEES_EMAIL, AUDITED, AUDITED),
    marker("the e-mail address of an administrator", ADMINS_EMAIL, ADMIN, ADMIN),
    marker("what is logged", "/api/v1/logs/level", ADMIN, ADMIN),
    marker("a line of the audit", "looked at what was delivered", AUDITED, OWNER),
];

/// A shop after a day's work, in which every marker has its place.
async fn marked() -> Showcase {
    let showcase = Showcase::open("").await;
    let (app, shop, spare) = (&showcase.app, &showcase.shop, &showcase.spare);
    let owner = Some(app.user("seller"));
    for (name, role) in [("viewer", Role::Viewer), ("operator", Role::Operator)] {
        app.employ(name, role, owner, &[shop.id, spare.id]);
    }
    let address = Address { name: "王小明".into(), phone: PHONE.into(), address: "杭州".into() };
    let order = shop.place_order(NewOrder { address: Some(address), ..NewOrder::new(BUYER, ITEM) });
    shop.pay(&order).unwrap();
    app.eventually("shipped", || (app.stands(shop, &order) == Some(Status::Shipped)).then_some(())).await;
    let seller = app.signed_in("seller").await;
    seller.get(&format!("/api/v1/orders/{}.{order}?reveal=true", shop.id)).await.is(200);
    let card = app.pool("MARK card", &[CODE, "MARK-CODE-7701"]);
    let path = format!("/api/v1/accounts/{}", spare.id);
    let proxy = json!({"proxy": format!("http://seller:{PROXY}@127.0.0.1:9")});
    seller.put(&format!("{path}/proxy"), &proxy).await.is(200);
    let provider = json!({"dialect": "open_ai", "base_url": "https://ai.invalid/v1", "model": "m"});
    seller.patch(&format!("{path}/ai"), &json!({"provider": provider, "key": AI_KEY})).await.is(200);
    let config = json!({"webhook_url": format!("https://example.com/{WEBHOOK}")});
    let channel = json!({"name": CHANNEL, "kind": "webhook", "config": config});
    let channel = seller.post("/api/v1/notify/channels", &channel).await.is(201).json();
    seller.post("/api/v1/tokens", &json!({"name": TOKEN, "access": "read"})).await.is(201);
    let phrase = json!({"reach": "own", "title": PHRASE, "text": PHRASE});
    seller.post("/api/v1/quick-phrases", &phrase).await.is(201);
    let employee = json!({"name": "helper", "password": PASSWORD, "role": "viewer", "email": EMPLOYEES_EMAIL});
    seller.post("/api/v1/employees", &employee).await.is(201);
    let admin = app.signed_in("admin").await;
    admin.patch("/api/v1/me", &json!({"email": ADMINS_EMAIL, "password": PASSWORD})).await.is(200);
    let more = [
        format!("/app/orders/{}.{order}", shop.id),
        format!("/app/orders/{}.{order}?reveal=true", shop.id),
        format!("/app/orders/{}.{order}/print", shop.id),
        format!("/app/cards/{card}"),
        format!("/app/accounts/{}", spare.id),
        format!("/app/accounts/{}/mend", spare.id),
        format!("/app/notices/channels/{}", channel["id"]),
        format!("/app/ai?tab=settings&account={}", spare.id),
        format!("/app/ai?tab=sources&account={}", spare.id),
        format!("/app/ai?tab=try&account={}", spare.id),
    ];
    let one_of_each = showcase.of_one.iter().cloned().chain(more).collect();
    Showcase { of_one: one_of_each, ..showcase }
}

/// All addresses, with the ways in which a page can be looked at.
fn addresses(showcase: &Showcase) -> Vec<String> {
    let ways = [
        "/app?by=hour",
        "/app/reviews?open=false",
        "/app/notices?open=true",
        "/app/audit?per_page=200",
        "/app/accounts/new",
        "/app/answers",
    ];
    let pages = PAGES.iter().chain(&ways).chain(ADMINS).map(|page| (*page).to_owned());
    pages.chain(showcase.of_one.iter().cloned()).collect()
}

/// The line of the table that an address belongs to; one that is spelt out goes before one with a placeholder.
fn route(method: &str, address: &str) -> &'static Route {
    let path = address.split('?').next().unwrap_or_default();
    let fits = |route: &&Route| {
        let (wanted, given): (Vec<&str>, Vec<&str>) = (route.path.split('/').collect(), path.split('/').collect());
        let alike = |(wanted, given): (&&str, &&str)| wanted == given || wanted.starts_with('{');
        route.method == method && wanted.len() == given.len() && wanted.iter().zip(&given).all(alike)
    };
    let fitting = ROUTES.iter().filter(fits);
    let found = fitting.min_by_key(|route| route.path.matches('{').count());
    found.unwrap_or_else(|| panic!("{method} {address} is in no line of the table"))
}

fn may(role: Role, access: Access) -> bool {
    match access {
        Access::Open | Access::Door | Access::Person => true,
        Access::Page(right) | Access::Right(right) | Access::InPerson(right) | Access::Live(right) => role.may(right),
    }
}

async fn browser(showcase: &Showcase, name: &str) -> Api {
    let anybody = showcase.app.anybody().with("accept", "text/html").with("accept-language", "en");
    anybody.sign_in_by_cookie(name).await
}

/// What is on this page and beyond this role; what it sees of what it may is noted.
fn beyond(role: Role, page: &str, answer: &Answer, seen: &mut BTreeSet<&'static str>) -> Vec<String> {
    let mut wrong = Vec::new();
    for marker in MARKERS.iter().filter(|marker| answer.text.contains(marker.text)) {
        seen.insert(marker.what);
        if !marker.may.contains(&role) {
            wrong.push(format!("{page} shows {} to {role:?}", marker.what));
        }
    }
    for (method, action) in forms(&answer.text) {
        if !may(role, route(&method, &action).access) {
            wrong.push(format!("{page} has a form for {role:?} that sends {method} {action}"));
        }
    }
    wrong
}

/// The requests that a page's forms stand for; those that are shown and cannot be sent are none.
fn forms(page: &str) -> Vec<(String, String)> {
    let forms = page.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap_or_default());
    let is_shut = |form: &str| {
        form.split("<fieldset").skip(1).any(|rest| rest.split('>').next().is_some_and(|tag| tag.contains(" disabled")))
    };
    let sent = forms.filter(|form| !is_shut(form));
    sent.filter_map(|form| {
        let action = between(form, "action=\"/app/do", "\"")?;
        let method = between(form, "name=\"_method\" value=\"", "\"").unwrap_or("POST");
        Some((method.to_owned(), action.to_owned()))
    })
    .collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}

#[actix_web::test]
async fn nobody_finds_on_a_page_what_is_beyond_their_right() {
    let showcase = marked().await;
    let addresses = addresses(&showcase);
    let mut wrong = Vec::new();
    for (name, role) in PEOPLE {
        let (browser, mut seen) = (browser(&showcase, name).await, BTreeSet::new());
        for page in &addresses {
            let answer = browser.get(page).await;
            let is_for_them = may(role, route("GET", page).access);
            // What is the seller's is not there for an administrator who has a shop of their own.
            let fits = match (is_for_them, role) {
                (false, _) => answer.status == 403,
                (true, Role::Admin) => matches!(answer.status, 200 | 303 | 404),
                (true, _) => matches!(answer.status, 200 | 303),
            };
            if !fits {
                wrong.push(format!("{page} answers {} to {role:?}", answer.status));
            }
            wrong.extend(beyond(role, page, &answer, &mut seen));
        }
        let unseen = MARKERS.iter().filter(|marker| marker.does.contains(&role) && !seen.contains(marker.what));
        wrong.extend(unseen.map(|marker| format!("{role:?} sees {} nowhere", marker.what)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A new page is looked through like the others.
#[actix_web::test]
async fn every_page_of_the_table_is_looked_through() {
    let showcase = marked().await;
    let asked: BTreeSet<&str> = addresses(&showcase).iter().map(|page| route("GET", page).path).collect();
    let is_page = |route: &&Route| route.method == "GET" && route.path.starts_with("/app");
    // What a person passes for the platform is there for minutes only: tests/it/challenges.rs looks at it.
    let missing = ROUTES.iter().filter(is_page).filter(|route| !asked.contains(route.path));
    let missing: Vec<&str> = missing.map(|route| route.path).filter(|path| *path != "/app/challenges/{id}").collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The table says who may ask; this says what a page gives to somebody who asks for more than they may see by its parameters.
#[actix_web::test]
async fn a_parameter_opens_nothing_that_the_role_does_not() {
    let showcase = marked().await;
    let orders = showcase.app.signed_in("seller").await.get("/api/v1/orders?per_page=200").await.is(200).json();
    let of_orders = orders["items"].as_array().unwrap().iter().filter_map(|order| order["id"].as_str());
    for (name, role) in PEOPLE.into_iter().filter(|(_, role)| !role.may(Right::Manage)) {
        let browser = browser(&showcase, name).await;
        for order in of_orders.clone() {
            let page = browser.get(&format!("/app/orders/{order}?reveal=true")).await.is(200);
            assert!(!page.text.contains(PHONE), "{role:?}: {}", page.text);
        }
    }
    assert_eq!(reveals(&showcase).await, 1, "the seller's own");
}

async fn reveals(showcase: &Showcase) -> usize {
    let lines: Vec<Value> = showcase.app.signed_in("seller").await.audit("action=order.reveal").await;
    lines.len()
}
