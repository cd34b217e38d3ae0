//! Accounts over their life: added, connected, disabled, given new credentials, capped in number.

use std::time::Duration;

use yutang::{
    account::state::{Reason, State},
    ids::Timestamp,
    sim::{self, Interest, Newer, SimEvent},
    store::accounts::{self, Account, Waits, cookie_place},
};

use crate::harness::{PATIENCE, Shop, TestApp, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

async fn running() -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    (app, shop)
}

fn row(app: &TestApp, shop: &Shop) -> Account {
    let (scope, id) = (app.scope(), shop.id);
    app.read(move |conn| accounts::get(conn, &scope, id))
}

fn cookie(app: &TestApp, shop: &Shop) -> String {
    let id = shop.id;
    let stored = app.read(move |conn| accounts::load_credentials(conn, id)).unwrap();
    app.store().keys().open(&cookie_place(&stored.uid), &stored.cookie).unwrap().expose().to_owned()
}

async fn health(app: &TestApp) -> serde_json::Value {
    let mut answer = awc::Client::new().get(format!("http://{}/health", app.addr())).send().await.unwrap();
    answer.json().await.unwrap()
}

/// K2: there, an account was called connected before its registration was answered.
#[actix_web::test]
async fn k2_connected_is_said_after_the_registration_is_answered() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    let mut events = app.platform().events(Interest::Outcomes);
    app.platform().change_faults(|faults| faults.hang_register = true);
    app.start_unconnected();
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        if matches!(event, SimEvent::Opened { .. }) {
            break;
        }
    }
    app.noticed().await;
    assert_eq!(app.reasons(&shop).await.last(), Some(&Reason::Starting));
    app.platform().heal();
    shop.close(1000);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

/// K3: there, a connection was made anew every hour, with a new token; here neither a reconnect nor a restart costs one.
#[actix_web::test]
async fn k3_neither_reconnects_nor_restarts_cost_a_token() {
    let (mut app, shop) = running().await;
    for registrations in 2..5 {
        shop.reset();
        assert!(shop.await_registered(registrations, PATIENCE).await);
    }
    for _ in 0..5 {
        app.restart().await;
    }
    assert_eq!(shop.token_requests(), 1);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
}

/// K8: there, a cookie that the platform changed was not used everywhere and lost at a restart.
#[actix_web::test]
async fn k8_cookies_that_the_platform_changes_are_stored_and_used() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    let (before, version) = (cookie(&app, &shop), row(&app, &shop).credentials_version);
    app.platform().expire_signatures();
    app.start().await;
    assert_eq!(shop.gateway_requests(), 2, "refused once, signed anew");
    let after = cookie(&app, &shop);
    assert_ne!(after, before);
    assert!(after.contains("_m_h5_tk=") && after.contains(&format!("unb={}", shop.uid)));
    assert_eq!(row(&app, &shop).credentials_version, version, "nobody gave a new login");
    app.stop().await;
    shop.expire_tokens();
    app.start().await;
    assert_eq!((shop.gateway_requests(), shop.token_requests()), (3, 3), "the stored cookie signs at once");
}

/// K10, K11: there, a change made by hand started a second connection of the same account beside the first.
#[actix_web::test]
async fn k11_an_account_never_has_two_connections() {
    let mut app = TestApp::on(sim::Config { newer: Newer::Both, ..sim::Config::default() }, |_| {});
    let shop = app.open("shop");
    app.rule(echo());
    let mut events = app.platform().events(Interest::Outcomes);
    app.start().await;
    app.renew_cookie(&shop);
    assert!(shop.await_registered(2, PATIENCE).await);
    app.enable(&shop, false);
    assert!(shop.await_offline(PATIENCE).await);
    app.enable(&shop, true);
    assert!(shop.await_registered(3, PATIENCE).await);
    app.open("second");
    app.noticed().await;
    app.restart().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let mut open = 0;
    while let Ok(event) = events.try_recv() {
        match event {
            SimEvent::Registered { account, .. } if *account == *shop.name => open += 1,
            SimEvent::Disconnected { account } if *account == *shop.name => open -= 1,
            _ => {}
        }
        assert!((0..=1).contains(&open), "{open} connections at once");
    }
    assert_eq!((open, shop.connections()), (1, 1));
}

/// Somebody runs the same account elsewhere: whoever lost the line to the other waits long, and does not take it back at once.
#[actix_web::test]
async fn two_servers_do_not_fight_over_one_account() {
    let newer = sim::Config { newer: Newer::KickOlder, ..sim::Config::default() };
    let mut first = TestApp::on(newer, |settings| settings.accounts.backoff_slow = Duration::from_secs(3600));
    let shop = first.open("shop");
    first.start().await;
    let platform = first.settings().platform.clone();
    let mut second = TestApp::with(|settings| settings.platform = platform);
    second.put_account("elsewhere", &shop, &first.platform().cookies(&shop));
    second.start_unconnected();
    first.becomes(&shop, State::Reconnecting, Reason::TooManySessions).await;
    assert_eq!((shop.connections(), shop.lock().registrations), (1, 2), "the other has the line");
}

/// K12: there, enabling an account reset its settings.
#[actix_web::test]
async fn k12_disabling_enabling_and_a_new_cookie_touch_no_other_setting() {
    let (app, shop) = running().await;
    let (scope, id) = (app.scope(), shop.id);
    let waits = Waits {
        debounce: Some(Duration::from_millis(40)),
        longest_wait: Some(Duration::from_millis(900)),
        takeover_pause: Some(Duration::from_secs(7)),
    };
    app.write(move |conn| accounts::set_waits(conn, &scope, id, waits, Timestamp(2)));
    let mut expected = row(&app, &shop);
    app.enable(&shop, false);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    app.enable(&shop, true);
    app.renew_cookie(&shop);
    assert!(shop.await_registered(2, PATIENCE).await);
    let after = row(&app, &shop);
    expected.credentials_version += 1;
    expected.updated_at = after.updated_at;
    assert_eq!(after, expected);
}

/// M17: there, a disabled account stayed on the line and acknowledged nothing.
#[actix_web::test]
async fn m17_a_disabled_account_closes_its_line_and_misses_nothing() {
    let (app, shop) = running().await;
    let first = shop.buyer_says(BUYER, ITEM, "一");
    app.answers(&shop, &first.conversation, &["答:一"]).await;
    app.enable(&shop, false);
    assert!(shop.await_offline(PATIENCE).await);
    let status = app.becomes(&shop, State::Closed, Reason::Disabled).await;
    assert!(status.reason.action().is_some());
    assert_eq!(shop.unacknowledged(), []);
    shop.buyer_says(BUYER, ITEM, "二");
    app.noticed().await;
    assert_eq!(shop.lock().registrations, 1, "it stays away");
    app.enable(&shop, true);
    app.answers(&shop, &first.conversation, &["答:一", "答:二"]).await;
    assert_eq!(shop.token_requests(), 1);
}

#[actix_web::test]
async fn an_account_that_is_added_while_the_server_runs_connects() {
    let (app, first) = running().await;
    let second = app.open("second");
    assert!(second.await_registered(1, PATIENCE).await);
    let said = second.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&second, &said.conversation, &["答:在吗"]).await;
    assert_eq!(first.lock().registrations, 1, "the others stay connected");
}

#[actix_web::test]
async fn an_account_that_is_deleted_leaves_the_line_and_the_others_alone() {
    let (app, shop) = running().await;
    let second = app.open("second");
    assert!(second.await_registered(1, PATIENCE).await);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let (scope, id) = (app.scope(), shop.id);
    assert!(app.write(move |conn| accounts::delete(conn, &scope, id)));
    assert!(shop.await_offline(PATIENCE).await);
    app.noticed().await;
    assert_eq!(app.status(&shop), None);
    let said = second.buyer_says(OTHER, ITEM, "还在吗");
    app.answers(&second, &said.conversation, &["答:还在吗"]).await;
}

#[actix_web::test]
async fn a_login_that_ends_waits_for_new_credentials_and_misses_nothing() {
    let (app, shop) = running().await;
    let first = shop.buyer_says(BUYER, ITEM, "一");
    app.answers(&shop, &first.conversation, &["答:一"]).await;
    shop.expire_login();
    shop.expire_tokens();
    shop.close(1000);
    let status = app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    assert!(status.reason.action().is_some());
    shop.buyer_says(BUYER, ITEM, "二");
    app.renew_cookie(&shop);
    app.answers(&shop, &first.conversation, &["答:一", "答:二"]).await;
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

#[actix_web::test]
async fn a_spent_budget_of_tokens_stops_asking_for_the_day() {
    let mut app = TestApp::with(|settings| settings.accounts.token_budget = 2);
    let shop = app.open("shop");
    app.start().await;
    shop.expire_tokens();
    shop.close(1000);
    assert!(shop.await_registered(2, PATIENCE).await);
    shop.expire_tokens();
    shop.close(1000);
    let status = app.becomes(&shop, State::Reconnecting, Reason::TokenBudgetSpent).await;
    assert!(status.detail.unwrap().contains('2'));
    app.stop().await;
    app.start_unconnected();
    app.said_reason(&shop, Reason::TokenBudgetSpent).await;
    assert_eq!(shop.token_requests(), 2, "a restart does not refill it");
}

#[actix_web::test]
async fn no_more_sockets_are_open_than_the_setting_allows() {
    let mut app = TestApp::with(|settings| settings.accounts.open_sockets = 2);
    let shops = app.open_many(5);
    let mut events = app.platform().events(Interest::Outcomes);
    app.start_unconnected();
    let online = || shops.iter().filter(|shop| shop.connections() > 0).count();
    app.eventually("two accounts are connected", || (online() == 2).then_some(())).await;
    let mut left: Vec<_> = shops.iter().collect();
    while !left.is_empty() {
        let found = || left.iter().position(|shop| shop.connections() > 0);
        let next = left.remove(app.eventually("the next account has a place", found).await);
        app.enable(next, false);
        assert!(next.await_offline(PATIENCE).await);
    }
    let mut open = 0;
    while let Ok(event) = events.try_recv() {
        match event {
            SimEvent::Registered { .. } => open += 1,
            SimEvent::Disconnected { .. } => open -= 1,
            _ => {}
        }
        assert!(open <= 2, "{open} sockets at once");
    }
}

#[actix_web::test]
async fn no_more_accounts_connect_at_once_than_the_setting_allows() {
    let mut app = TestApp::with(|settings| settings.accounts.connecting = 2);
    app.open_many(12);
    let mut events = app.platform().events(Interest::Outcomes);
    app.platform().change_faults(|faults| faults.delay_ms = 20);
    app.start().await;
    let (mut connecting, mut registered) = (0, 0);
    while registered < 12 {
        match tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            SimEvent::Opened { .. } => connecting += 1,
            SimEvent::Registered { .. } => (connecting, registered) = (connecting - 1, registered + 1),
            _ => {}
        }
        assert!(connecting <= app.settings().accounts.connecting, "{connecting} connect at once");
    }
}

#[actix_web::test]
async fn fifty_accounts_are_connected_and_answer_each_its_own_buyers() {
    let mut app = TestApp::new();
    let shops = app.open_many(50);
    app.rule(echo());
    app.start().await;
    for shop in &shops {
        shop.buyer_says(BUYER, ITEM, &format!("{} 在吗", shop.name));
    }
    for shop in &shops {
        let answer = format!("答:{} 在吗", shop.name);
        app.answers(shop, &shop.conversation(BUYER, ITEM), &[&answer]).await;
    }
    app.restart().await;
    for shop in &shops {
        app.said_reason(shop, Reason::Registered).await;
    }
    let started = tokio::time::Instant::now();
    let mut health = health(&app).await;
    while health["accounts"]["connected"] != 50 && started.elapsed() < PATIENCE {
        // It is looked at once a second.
        tokio::time::sleep(Duration::from_millis(50)).await;
        health = self::health(&app).await;
    }
    assert_eq!((&health["status"], &health["accounts"]["connected"]), (&"healthy".into(), &50.into()), "{health}");
    for shop in &shops {
        assert_eq!((shop.token_requests(), shop.lock().registrations), (1, 2), "{}", shop.name);
        app.becomes(shop, State::Connected, Reason::Registered).await;
    }
}
